"""Owns the cards: import, status, and the operator's views of them.

A card number never reaches this module: it comes as a token and its last four digits. A card account is
made with its first card, in the same transaction, in the registry and in the ledger. Takes the owner's
connection; every write takes its actor.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import INT64_MAX, check_page, first_fault, number_fault
from ledger.registry.card_states import STOPPED, WAITING, CardStatus, check_move, no_move
from ledger.registry.imports import Import, Mode, plan, sort_out
from ledger.registry.programmes import check_programme
from ledger.registry.stops import check_no_case, check_not_overtaken

# One transaction per chunk: it holds the change lock, and an urgent block must not wait for a whole import.
IMPORT_ROWS_PER_TRANSACTION: Final = 5_000


class CardRow(NamedTuple):
    """A card to import: token and last four digits of its number, last day of validity (None: not named)."""

    token: int
    last4: str
    expires_on: date | None = None
    status: CardStatus = CardStatus.ACTIVE


def card_fault(card: CardRow) -> tuple[str, str] | None:
    """Return the column of a card that is out of bounds, and why; None for a sound one."""
    is_number = len(card.last4) == 4 and card.last4.isascii() and card.last4.isdigit()
    return first_fault(
        {
            "number": number_fault(card.token, -INT64_MAX - 1, INT64_MAX)
            or ("" if is_number else Phrase("must end with four digits")),
        }
    )


_IMPORT: Final = """
with card as (
  insert into registry.card (token, account, programme, last4, expires_on, status, pepper)
  select r.token, nextval('registry.account_number') << 3, $1, r.last4, r.expires_on, r.status, $6::smallint
    from unnest($2::bigint[], $3::text[], $4::date[], $5::smallint[]) as r(token, last4, expires_on, status)
  on conflict (token) do nothing
  returning account
)
select coalesce(array_agg(account), '{}') from card"""
_OPEN: Final = "select registry.open_accounts_v1($1)"


async def import_cards(
    connection: Connection,
    actor: Actor,
    programme: int,
    cards: Iterable[CardRow],
    mode: Mode = Mode.WHOLE,
    *,
    on_stored: Callable[[int], None] = lambda _: None,
    last_day: date | None = None,
    pepper: int = 0,
) -> Import:
    """Add cards with an account each. All are checked before the first is written.

    `pepper`: the number of the one their tokens are made with; it has to be the programme's newest.
    `last_day`: of those that name none and do not wait to be handed over. A card that is there already is the
    same where no day is named, whatever day it was given.

    Any number of cards, written in chunks of 5,000 with a transaction each; `on_stored` is told how many
    are in after each. What ends it half-way (its caller stopped, the database lost, another import of the
    same cards at the same time) leaves whole chunks, and the same import once more completes it.
    Raises NotInRegistry if there is no such programme.
    """
    await check_programme(connection, programme)
    sound, refused = sort_out(cards, lambda card: card.token, card_fault)
    known = await connection.fetch(
        "select token, programme, last4, expires_on, status from registry.card "
        "where token = any($1::bigint[])",
        list(sound),
    )
    by_rule = last_day is not None

    def said(card: CardRow) -> dict[str, Any]:
        fields = {"programme": programme, **card._asdict()}
        if by_rule and card.expires_on is None:
            del fields["expires_on"]
        return fields

    planned = plan(sound, known, "token", said, refused)
    if not planned.is_to_be_written(mode):
        return planned.report(mode)
    new = [_with_last_day(card, last_day) for card in planned.new.values()]
    for begin in range(0, len(new), IMPORT_ROWS_PER_TRANSACTION):
        chunk = new[begin : begin + IMPORT_ROWS_PER_TRANSACTION]
        async with writing(connection, actor):
            if await _insert(connection, programme, chunk, pepper) != len(chunk):
                raise RegistryRefused(
                    "another import has just added some of these cards: import the file again for the rest"
                )
        on_stored(begin + len(chunk))
    # New tables look empty to the planner until they are counted.
    await connection.execute("analyze registry.card")
    await connection.execute("analyze ledger.account")
    return planned.done()


def _with_last_day(card: CardRow, last_day: date | None) -> CardRow:
    is_given = card.expires_on is None and card.status not in WAITING
    return card._replace(expires_on=last_day) if is_given else card


async def _insert(connection: Connection, programme: int, cards: Sequence[CardRow], pepper: int) -> int:
    accounts: list[int] = await connection.fetchval(
        _IMPORT,
        programme,
        [card.token for card in cards],
        [card.last4 for card in cards],
        [card.expires_on for card in cards],
        [int(card.status) for card in cards],
        pepper,
    )
    await connection.execute(_OPEN, accounts)
    return len(accounts)


async def set_card_status(connection: Connection, actor: Actor, token: int, status: CardStatus) -> CardStatus:
    """Move a card to a state, if the table of moves and the actor's hand allow it; returns the state it
    has now.

    ACTIVE, and nothing else, takes a card up again that was stopped: it is what it was before, so one that
    had not been handed over is not active after its block either. A card that is in that state stays so.
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        now = CardStatus(card["status"])
        if status is CardStatus.ACTIVE and now is not CardStatus.ACTIVE:
            status = before_the_stop(now, card["past"] or ())
            await check_no_case(connection, card)
            if status is CardStatus.ACTIVE:
                await check_not_overtaken(connection, card)
        elif status in WAITING and now in STOPPED:
            raise no_move(now, status)
        if status is not now:
            check_move(now, status, actor.hand)
        await move(connection, [token], status)
    return status


async def move(connection: Connection, tokens: Iterable[int], status: CardStatus) -> None:
    """Write a state; the database holds the table of moves to it."""
    await connection.execute(
        "update registry.card set status = $2 where token = any($1::bigint[])", list(tokens), int(status)
    )


def before_the_stop(now: CardStatus, past: Sequence[int]) -> CardStatus:
    """Return what a stopped card was, by its `past`, when it was free last. Raises RegistryRefused."""
    if now not in STOPPED:
        raise RegistryRefused(
            "a card that is {card_state} cannot be taken up again", card_state=now.name.lower()
        )
    for entry in reversed(past):
        if (earlier := CardStatus(entry & 15)) not in STOPPED:
            return earlier
    return CardStatus.ACTIVE


_VIEW: Final = "token, account, programme, last4, issue, carrier, status, expires_on, past"
_TODAY: Final = _VIEW.replace("status", "registry.status_today(account, status) as status")


async def the_card(connection: Connection, token: int) -> Any:
    """One card, as what may be done with it is judged: void once its notice has run out, whether the keeper
    has written that or not yet. Raises NotInRegistry.
    """
    card = await connection.fetchrow(
        f"select {_TODAY} from registry.card where token = $1",  # noqa: S608 a fixed list
        token,
    )
    if card is None:
        raise NotInRegistry("there is no such card")
    return card


async def find_card(connection: Connection, token: int) -> Any | None:
    """One card, or None."""
    return await connection.fetchrow(
        f"select {_VIEW} from registry.card where token = $1",  # noqa: S608 a fixed list
        token,
    )


async def find_cards(connection: Connection, tokens: Iterable[int]) -> list[Any]:
    """Those of the cards with these tokens that there are, in no order."""
    rows: list[Any] = await connection.fetch(
        f"select {_VIEW} from registry.card where token = any($1::bigint[])",  # noqa: S608 a fixed list
        list(tokens),
    )
    return rows


async def find_issue(connection: Connection, account: int, carrier: int, issue: int) -> Any | None:
    """One card by what it is known by wherever something is kept of it, or None."""
    return await connection.fetchrow(
        f"select {_VIEW} from registry.card "  # noqa: S608 a fixed list
        "where (account, carrier, issue) = ($1, $2::smallint, $3::smallint)",
        account,
        carrier,
        issue,
    )


async def list_cards(
    connection: Connection, *, after: tuple[int, int] = (0, 0), limit: int = 100, account: int | None = None
) -> list[Any]:
    """A page of cards after (account, issue), of one account or of all, in order of account and issue."""
    check_page(limit, *after, account or 0)
    rows: list[Any] = await connection.fetch(
        f"select {_VIEW} from registry.card where (account, issue) > ($1, $2::bigint) "  # noqa: S608 fixed
        "and ($4::bigint is null or account = $4) order by account, issue limit $3",
        *after,
        limit,
        account,
    )
    return rows

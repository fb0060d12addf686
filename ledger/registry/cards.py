"""Owns the cards: import, status, duplicates, and the operator's views of them.

A card number never reaches this module: it comes as a token and its last four digits. A card account is
made with its first card, in the same transaction, in the registry and in the ledger. Takes the owner's
connection; every write takes its actor.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import INT32_MAX, INT64_MAX, check_page, first_fault, number_fault
from ledger.registry.imports import Import, Mode, plan, sort_out
from ledger.registry.programmes import check_programme
from ledger.registry.reads import CardStatus

# One transaction per chunk: it holds the change lock, and an urgent block must not wait for a whole import.
IMPORT_ROWS_PER_TRANSACTION: Final = 5_000
ISSUE_MAX: Final = 9_999


class CardRow(NamedTuple):
    """A card to import: token and last four digits of its number, flags, last day of validity (None:
    for ever).
    """

    token: int
    last4: str
    flags: int = 0
    expires_on: date | None = None
    status: CardStatus = CardStatus.ACTIVE


def _fault(card: CardRow) -> tuple[str, str] | None:
    is_number = len(card.last4) == 4 and card.last4.isascii() and card.last4.isdigit()
    return first_fault(
        {
            "number": number_fault(card.token, -INT64_MAX - 1, INT64_MAX)
            or ("" if is_number else "must end with four digits"),
            "flags": number_fault(card.flags, 0, INT32_MAX),
        }
    )


_IMPORT: Final = """
with card as (
  insert into registry.card (token, account, programme, last4, flags, expires_on, status)
  select r.token, nextval('registry.account_number') << 3, $1, r.last4, r.flags, r.expires_on, r.status
    from unnest($2::bigint[], $3::text[], $4::int[], $5::date[], $6::smallint[])
      as r(token, last4, flags, expires_on, status)
  on conflict (token) do nothing
  returning account
), account as (
  insert into ledger.account (bucket, id)
  select ledger.bucket_of(c.account, l.buckets), c.account from card c cross join registry.layout l
)
select count(*) from card"""


async def import_cards(
    connection: Connection,
    actor: Actor,
    programme: int,
    cards: Iterable[CardRow],
    mode: Mode = Mode.WHOLE,
    *,
    on_stored: Callable[[int], None] = lambda _: None,
) -> Import:
    """Add cards with an account each. All are checked before the first is written.

    Any number of cards, written in chunks of 5,000 with a transaction each; `on_stored` is told how many
    are in after each. Only the loss of the database, or another import of the same cards at the same time,
    can end it half-way, and the same import once more completes it. Raises NotInRegistry if there is no
    such programme.
    """
    await check_programme(connection, programme)
    sound, refused = sort_out(cards, lambda card: card.token, _fault)
    known = await connection.fetch(
        "select token, programme, last4, flags, expires_on, status from registry.card "
        "where token = any($1::bigint[])",
        list(sound),
    )
    planned = plan(sound, known, "token", lambda card: {"programme": programme, **card._asdict()}, refused)
    if not planned.is_to_be_written(mode):
        return planned.report(mode)
    new: list[CardRow] = list(planned.new.values())
    for begin in range(0, len(new), IMPORT_ROWS_PER_TRANSACTION):
        chunk = new[begin : begin + IMPORT_ROWS_PER_TRANSACTION]
        async with writing(connection, actor):
            if await _insert(connection, programme, chunk) != len(chunk):
                raise RegistryRefused(
                    f"another import has just added some of these cards: {begin} of {len(new)} are in; "
                    "import the file again for the rest"
                )
        on_stored(begin + len(chunk))
    # New tables look empty to the planner until they are counted.
    await connection.execute("analyze registry.card")
    await connection.execute("analyze ledger.account")
    return planned.done()


async def _insert(connection: Connection, programme: int, cards: Sequence[CardRow]) -> int:
    added: int = await connection.fetchval(
        _IMPORT,
        programme,
        [card.token for card in cards],
        [card.last4 for card in cards],
        [card.flags for card in cards],
        [card.expires_on for card in cards],
        [int(card.status) for card in cards],
    )
    return added


_STATUS_FROM: Final = {
    CardStatus.ACTIVE: {CardStatus.ACTIVE, CardStatus.BLOCKED, CardStatus.RETAIN},
    CardStatus.BLOCKED: {
        CardStatus.ACTIVE,
        CardStatus.BLOCKED,
        CardStatus.RETAIN,
        CardStatus.ORDERED,
        CardStatus.READY,
    },
    CardStatus.RETAIN: {CardStatus.ACTIVE, CardStatus.BLOCKED, CardStatus.RETAIN},
    CardStatus.CLOSED: set(CardStatus) - {CardStatus.REPLACED},
}
"""What a card may be made by hand, and from what; the rest is handing over and replacing."""


async def set_card_status(connection: Connection, actor: Actor, token: int, status: CardStatus) -> CardStatus:
    """Block a card, have it retained, close it, or take it up again (ACTIVE); returns the status it has now.

    A blocked card that had not been handed over is not active after its block either, but what it was.
    """
    async with writing(connection, actor):
        card = await _card(connection, token)
        now = CardStatus(card["status"])
        if now not in _STATUS_FROM.get(status, ()):
            raise RegistryRefused(
                f"a card that is {now.name.lower()} cannot be made {status.name.lower()}"
                + (": replace or use the newer one" if now is CardStatus.REPLACED else "")
            )
        if status is CardStatus.ACTIVE:
            status = _before_the_block(now, card["past"] or ())
        await connection.execute("update registry.card set status = $2 where token = $1", token, int(status))
    return status


def _before_the_block(now: CardStatus, past: Sequence[int]) -> CardStatus:
    stopped = (CardStatus.BLOCKED, CardStatus.RETAIN)
    for entry in (now, *(CardStatus(entry & 7) for entry in reversed(past))):
        if entry not in stopped:
            return entry
    return CardStatus.ACTIVE


class Duplicate(NamedTuple):
    """What became of a replacement: the new plastic's issue number and status, and the old one's status."""

    issue: int
    status: CardStatus
    old_status: CardStatus


async def replace_card(
    connection: Connection,
    actor: Actor,
    old_token: int,
    new_token: int,
    last4: str,
    *,
    lost: bool = False,
    handed_over: bool = False,
) -> Duplicate:
    """Give an account a new plastic with the next issue number: a duplicate of the newest one.

    It inherits the account (so balance and history), the last valid day and the flags (programmes, Żywiec).
    It waits to be handed over, and until then the old plastic works; unless that is `lost`, when it is dead
    at once. `handed_over`: both at once, the new one active and the old one dead.
    """
    if why := _fault(CardRow(new_token, last4)):
        raise RegistryRefused(f"the new card: {' '.join(why)}")
    async with writing(connection, actor):
        old = await _card(connection, old_token)
        _check_replaceable(CardStatus(old["status"]), old["issue"])
        if await connection.fetchval(
            "select true from registry.card where account = $1 and issue > $2", old["account"], old["issue"]
        ):
            raise RegistryRefused(
                "a duplicate of this card is made already: hand that one over, or replace it"
            )
        new_status = CardStatus.ACTIVE if handed_over else CardStatus.READY
        issue: int | None = await connection.fetchval(
            "insert into registry.card (token, account, programme, last4, flags, expires_on, status, issue) "
            "select $2, account, programme, $3, flags, expires_on, $4, issue + 1 "
            "from registry.card where token = $1 on conflict (token) do nothing returning issue",
            old_token,
            new_token,
            last4,
            int(new_status),
        )
        if issue is None:
            raise RegistryRefused("the new card's number is in use already")
        never_handed_over = old["status"] in (CardStatus.ORDERED, CardStatus.READY)
        if lost or handed_over or never_handed_over:
            await _end(connection, old["account"], old["issue"], old["issue"])
        after = await _card(connection, old_token)
        return Duplicate(issue, new_status, CardStatus(after["status"]))


def _check_replaceable(status: CardStatus, issue: int) -> None:
    if status is CardStatus.REPLACED:
        raise RegistryRefused("this card was replaced already: replace the newer one")
    if status is CardStatus.CLOSED:
        raise RegistryRefused("this card's account is closed: it gets no duplicate")
    if status is CardStatus.RETAIN:
        raise RegistryRefused("this card is to be retained: settle that first, then unblock or block it")
    if issue >= ISSUE_MAX:
        raise RegistryRefused(f"an account has at most {ISSUE_MAX} cards")


async def hand_over_card(connection: Connection, actor: Actor, token: int) -> int:
    """Make an ordered or ready card active; the older plastics of its account are dead from then on.

    Returns how many died.
    """
    async with writing(connection, actor):
        card = await _card(connection, token)
        if card["status"] not in (CardStatus.ORDERED, CardStatus.READY):
            raise RegistryRefused(
                f"a card that is {CardStatus(card['status']).name.lower()} cannot be handed over"
            )
        await connection.execute(
            "update registry.card set status = $2 where token = $1", token, int(CardStatus.ACTIVE)
        )
        return await _end(connection, card["account"], 1, card["issue"] - 1)


_END: Final = """update registry.card set status = $4
  where account = $1 and issue between $2 and $3 and status <> $4 and status <> $5 returning token"""


async def _end(connection: Connection, account: int, issue_first: int, issue_last: int) -> int:
    """Mark plastics of an account as replaced; returns how many were not before."""
    replaced, closed = int(CardStatus.REPLACED), int(CardStatus.CLOSED)
    return len(await connection.fetch(_END, account, issue_first, issue_last, replaced, closed))


_VIEW: Final = "token, account, programme, last4, issue, status, flags, expires_on, past"


async def _card(connection: Connection, token: int) -> Any:
    card = await find_card(connection, token)
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

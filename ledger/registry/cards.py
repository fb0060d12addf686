"""Owns the writes of cards: import, block, retain, replace, and the operator's views of them.

A card number never reaches this module: it comes as a token and its last four digits. A card account is
made with its first card, in the same transaction, in the registry and in the ledger. Takes the owner's
connection.
"""

import itertools
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.reads import CardStatus

# One transaction per chunk: it holds the change lock, and an urgent block must not wait for a whole import.
IMPORT_ROWS_PER_TRANSACTION: Final = 5_000
ISSUE_MAX: Final = 9_999
PAGE_ROWS_MAX: Final = 1000


class CardRow(NamedTuple):
    """A card to import: token and last four digits of its number, flags, last day of validity (None:
    for ever).
    """

    token: int
    last4: str
    flags: int = 0
    expires_on: date | None = None
    status: CardStatus = CardStatus.ACTIVE


class Refusal(NamedTuple):
    """A row that was not imported: its key (token, partner or terminal number) and why."""

    key: int
    reason: str


class Import(NamedTuple):
    """How many rows were added, and those that were refused."""

    added: int
    refused: list[Refusal]


def _fault(card: CardRow) -> str:
    if not -(1 << 63) <= card.token < 1 << 63:
        return "the token must be a signed 64-bit number"
    if len(card.last4) != 4 or not (card.last4.isascii() and card.last4.isdigit()):
        return "the last four digits must be four digits"
    if not 0 <= card.flags < 1 << 31:
        return "flags must be 0 to 2147483647"
    return ""


_IMPORT: Final = """
with wanted as (
  select r.* from unnest($2::bigint[], $3::text[], $4::int[], $5::date[], $6::smallint[])
      as r(token, last4, flags, expires_on, status)
    where not exists (select from registry.card c where c.token = r.token)
), card as (
  insert into registry.card (token, account, programme, last4, flags, expires_on, status)
  select w.token, nextval('registry.account_number') << 3, $1, w.last4, w.flags, w.expires_on, w.status
    from wanted w
  on conflict (token) do nothing
  returning token, account
), account as (
  insert into ledger.account (bucket, id)
  select ledger.bucket_of(c.account, l.buckets), c.account from card c cross join registry.layout l
)
select token from card"""


async def import_cards(connection: Connection, programme: int, cards: Iterable[CardRow]) -> Import:
    """Add cards with an account each; a token that is there already, twice in the input, or out of bounds
    is refused.

    Any number of cards; committed in chunks of 5,000, so a broken import can simply be run again. Raises
    RegistryRefused if there is no such programme.
    """
    if not await connection.fetchval("select true from registry.programme where id = $1", programme):
        raise NotInRegistry(f"there is no programme {programme}")
    added, refused = 0, []
    rows = iter(cards)
    while chunk := list(itertools.islice(rows, IMPORT_ROWS_PER_TRANSACTION)):
        good: dict[int, CardRow] = {}
        for card in chunk:
            why = _fault(card) or ("it occurs twice in the import" if card.token in good else "")
            if why:
                refused.append(Refusal(card.token, why))
            else:
                good[card.token] = card
        done = await _import_chunk(connection, programme, list(good.values()))
        added += len(done)
        refused += [Refusal(token, "it is there already") for token in good if token not in done]
    if added:
        # New tables look empty to the planner until they are counted.
        await connection.execute("analyze registry.card")
        await connection.execute("analyze ledger.account")
    return Import(added, refused)


async def _import_chunk(connection: Connection, programme: int, cards: Sequence[CardRow]) -> set[int]:
    found = await connection.fetch(
        _IMPORT,
        programme,
        [card.token for card in cards],
        [card.last4 for card in cards],
        [card.flags for card in cards],
        [card.expires_on for card in cards],
        [int(card.status) for card in cards],
    )
    return {row["token"] for row in found}


async def set_card_status(connection: Connection, token: int, status: CardStatus) -> None:
    """Block a card, take it up again, have it retained, close it. A replaced card stays replaced."""
    if status == CardStatus.REPLACED:
        raise RegistryRefused("a card is replaced by giving its account a new one")
    done = await connection.fetchval(
        "update registry.card set status = $2 where token = $1 and status <> $3 returning true",
        token,
        int(status),
        int(CardStatus.REPLACED),
    )
    if done:
        return
    if await find_card(connection, token) is None:
        raise NotInRegistry("there is no such card")
    raise RegistryRefused("this card was replaced by another one: its status cannot change any more")


async def replace_card(connection: Connection, old_token: int, new: CardRow) -> int:
    """Give an account a new plastic (issue number + 1) and kill the old one at once; returns the issue
    number.

    The balance and the history stay with the account (programmes, "What follows for the switch", 1).
    """
    if why := _fault(new):
        raise RegistryRefused(why)
    async with connection.transaction():
        old = await connection.fetchrow(
            "select account, programme, issue, status from registry.card where token = $1 for no key update",
            old_token,
        )
        if old is None:
            raise NotInRegistry("there is no such card")
        if old["status"] == CardStatus.REPLACED:
            raise RegistryRefused("this card was replaced already: replace the newer one")
        if old["issue"] >= ISSUE_MAX:
            raise RegistryRefused(f"an account has at most {ISSUE_MAX} cards")
        await connection.execute(
            "update registry.card set status = $2 where token = $1", old_token, int(CardStatus.REPLACED)
        )
        issue: int | None = await connection.fetchval(
            "insert into registry.card (token, account, programme, last4, flags, expires_on, status, issue) "
            "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (token) do nothing returning issue",
            new.token,
            old["account"],
            old["programme"],
            new.last4,
            new.flags,
            new.expires_on,
            int(new.status),
            old["issue"] + 1,
        )
        if issue is None:
            raise RegistryRefused("the new card's number is in use already")
        return issue


_VIEW: Final = "token, account, programme, last4, issue, status, flags, expires_on"


async def find_card(connection: Connection, token: int) -> Any | None:
    """One card, or None."""
    return await connection.fetchrow(
        f"select {_VIEW} from registry.card where token = $1",  # noqa: S608 a fixed list
        token,
    )


async def list_cards(
    connection: Connection, *, after: tuple[int, int] = (0, 0), limit: int = 100, account: int | None = None
) -> list[Any]:
    """A page of cards after (account, issue), of one account or of all, in order of account and issue."""
    if not 1 <= limit <= PAGE_ROWS_MAX:
        raise RegistryRefused(f"a page has 1 to {PAGE_ROWS_MAX} rows")
    rows: list[Any] = await connection.fetch(
        f"select {_VIEW} from registry.card where (account, issue) > ($1, $2) "  # noqa: S608 a fixed list
        "and ($4::bigint is null or account = $4) order by account, issue limit $3",
        *after,
        limit,
        account,
    )
    return rows

"""Owns the reads of the registry: who takes part, as the switch keeps it in memory.

A reader asks for everything with a change number above the one it has. Numbers become visible in order
(the writers' lock, `migrations/before/0001_registry.sql`), so nothing below a number seen can appear later.
Nobody is ever deleted. Rows hold no personal data: a card is a token, an account, dates, flags and a
status. Cards come by the million and are handed over as they arrive, so that no list of all of them exists.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, TypeAlias

import msgspec

from ledger.postgres.database import Connection
from ledger.registry.card_states import CardStatus

CHANNEL: Final = "registry"
CARDS_PER_READ: Final = 2_000
"""500,000 cards took 0.5 to 0.7 s in chunks of 1,000 to 50,000, and 0.9 s in chunks of 500."""
CARDS_PER_FIRST_READ: Final = 50_000
"""Of all there are, for a worker that serves nobody yet: each chunk waits for the server once, and takes some
15 MB for as long as it is handed over.
"""


class Status(IntEnum):
    """Of a partner (STOPPED: suspended) or a terminal (STOPPED: blocked). WITHOUT_CONTRACT: no contract about
    it runs, as the database last looked, which it takes back by itself; the days of contracts decide.
    """

    ACTIVE = 0
    STOPPED = 1
    WITHOUT_CONTRACT = 2


class ProgrammeRow(msgspec.Struct, frozen=True, gc=False):
    """A programme; the periods it is suspended in (from, until; None: without an end) and the moment of its
    end (None: none), in ms since 1970.

    `pepper`: the number of the one its new cards are under; `pepper_former`: of the one in overlap with it.
    """

    id: int
    code: str
    name: str
    suspended_ms: Sequence[tuple[int, int | None]]
    ended_from_ms: int | None
    pepper: int = 0
    pepper_former: int | None = None


class RulesRow(msgspec.Struct, frozen=True, gc=False):
    """One version of a programme's rules, in force from effective_from_ms (ms since 1970) until the next."""

    programme: int
    version: int
    effective_from_ms: int
    rules_toml: str


class PartnerRow(msgspec.Struct, frozen=True, gc=False):
    """A partner; points_step_grosze None: the programme's."""

    id: int
    programme: int
    name: str
    status: int
    main_partner: bool
    points_step_grosze: int | None


class ContractRow(msgspec.Struct, frozen=True, gc=False):
    """A contract of a partner, or of one of its outlets (0: of the partner as a whole): its first and last
    day, since 1970-01-01. No first day: it is not agreed yet; no last day: until it is ended.
    """

    partner: int
    number: int
    outlet: int
    first_day: int | None
    last_day: int | None


class TerminalRow(msgspec.Struct, frozen=True, gc=False):
    """A terminal; status as in Status; outlet 0: it stands in none."""

    id: int
    partner: int
    status: int
    label: str
    outlet: int


class KeyRow(msgspec.Struct, frozen=True, gc=False):
    """A wrapped terminal key. It opens nothing after not_after_ms, nor once it is retired (ms since 1970).

    `is_used`: its terminal has signed on with it, which is noted in the registry.
    """

    terminal: int
    generation: int
    wrapped: bytes
    not_after_ms: int | None
    retired_at_ms: int | None
    is_used: bool


class OfferRow(msgspec.Struct, frozen=True, gc=False):
    """One version of an offer that was published (or withdrawn), from effective_from_ms on."""

    programme: int
    number: int
    version: int
    partner: int
    is_withdrawn: bool
    effective_from_ms: int
    terms: str


# token, account, programme, status, expires_day (days since 1970-01-01, None: never), past, held (None:
# nothing is kept of its holder; else the fields of `switch.rules.entitlement.Held`, and behind them what they
# were, four numbers a change), days (None: neither the card's last day nor what is kept of its holder ever
# changed; else the card's last day, that of its contract, and what the card's was, two numbers a change)
CardTuple: TypeAlias = tuple[
    int,
    int,
    int,
    int,
    int | None,
    Sequence[int] | None,
    Sequence[int | None] | None,
    Sequence[int | None] | None,
]


LATE_DAYS_MAX: Final = 32
"""More than any programme judges a sale late by (`advice_age_max_days`)."""
EARLY_MS: Final = 300_000
"""So much before it was added a card may have been used: a terminal's clock may be late by it."""


def since(added_ms: int, status: int, past: Sequence[int] | None) -> tuple[int, ...]:
    """Return a card's `past` with when it came: before, it was as good as ordered.

    One that was ordered says so itself.
    """
    known = tuple(past or ())
    first = known[0] & 15 if known else status
    if first in (CardStatus.ORDERED, CardStatus.READY):
        return known
    return (added_ms - EARLY_MS << 4 | int(CardStatus.ORDERED), *known)


def status_at(status: int, past: Sequence[int] | None, at_ms: int) -> int:
    """Return the status a card had at a moment (ms since 1970), by its status now and its `past`.

    `past`: the statuses before, oldest first, each the moment it ended << 4 | status; None: none. Of moments
    that a clock showed twice the later status holds: what stopped a card stops it still.
    """
    for entry in reversed(past or ()):
        if at_ms >= entry >> 4:
            break
        status = entry & 15
    return status


class RegistrySnapshot(msgspec.Struct, gc=False):
    """What changed since the number asked for, but for cards; `number` is the one to ask from next time.

    `database_ms` is the database's clock in ms since 1970, read after the cards of a first reading.
    """

    number: int
    database_ms: int
    programmes: list[ProgrammeRow]
    rules: list[RulesRow]
    partners: list[PartnerRow]
    terminals: list[TerminalRow]
    keys: list[KeyRow]
    offers: list[OfferRow]
    contracts: list[ContractRow] = []
    former_tokens: Sequence[int] = ()
    """What cards of this reading were known by before they were re-entered under a newer pepper."""


_DATABASE_MS: Final = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
# One row: of each table an array of its rows, for a statement of its own would be a wait of its own.
CHANGED: Final = f"""select {_DATABASE_MS},
  array(select row(id, code, name, array(select row((extract(epoch from lower(s)) * 1000)::bigint,
        (extract(epoch from upper(s)) * 1000)::bigint) from unnest(suspended) as s),
      (extract(epoch from ended_from) * 1000)::bigint, pepper, pepper_former)
    from registry.programme where changed > $1 order by id),
  array(select row(programme, version, (extract(epoch from effective_from) * 1000)::bigint, rules_toml)
    from registry.programme_version where changed > $1 order by programme, version),
  array(select row(id, programme, name, status, main_partner, points_step_grosze)
    from registry.partner where changed > $1 order by id),
  array(select row(id, partner, status, label, coalesce(outlet, 0))
    from registry.terminal where changed > $1 order by id),
  array(select row(terminal, generation, wrapped, (extract(epoch from not_after) * 1000)::bigint,
      (extract(epoch from retired_at) * 1000)::bigint, used_at is not null)
    from registry.terminal_key where changed > $1 order by terminal, generation),
  array(select row(programme, number, version, partner, state = 2,
      (extract(epoch from effective_from) * 1000)::bigint, terms)
    from registry.offer where changed > $1 and state > 0 order by programme, number, version),
  array(select row(partner, number, coalesce(outlet, 0), starts_on - date '1970-01-01',
      ends_on - date '1970-01-01')
    from registry.partner_contract where changed > $1 order by partner, number)"""  # noqa: S608 a fixed text
# A card whose notice runs is valid no longer than that. A kind that never changes began and ends beyond
# all days.
# Before it was added a card was as good as ordered: told of young ones, as no older sale is judged (`since`).
_CARD: Final = f"""select c.token, c.account, c.programme, c.status,
    least(c.expires_on, h.contract_ends_on) - date '1970-01-01',
    case when c.added_at > now() - interval '{LATE_DAYS_MAX} days'
        and coalesce((c.past[1] & 15)::smallint, c.status) not in (4, 5)
      then array_prepend((extract(epoch from c.added_at) * 1000)::bigint - {EARLY_MS} << 4 | 4, c.past)
      else c.past end,
    case when h.account is not null then array[h.flags, h.kinds, h.kinds_before,
      coalesce(h.kinds_from - date '1970-01-01', -1000000), h.kinds_next,
      coalesce(h.next_from - date '1970-01-01', 1000000),
      h.entitled_until - date '1970-01-01']::bigint[] || h.past end,
    case when c.valid_past is not null or h.past is not null then array[c.expires_on - date '1970-01-01',
      h.contract_ends_on - date '1970-01-01']::bigint[] || c.valid_past end"""  # noqa: S608 fixed numbers
CARDS: Final = f"""{_CARD}
  from registry.card c left join registry.holder h using (account) where c.changed > $1"""
CARDS_OF_HOLDERS: Final = f"""{_CARD}
  from registry.holder h join registry.card c using (account) where h.changed > $1 and c.changed <= $1"""
FORMER_TOKENS: Final = "select token from registry.former_token where changed > $1"
TABLES: Final = (
    "programme", "programme_version", "partner", "terminal", "terminal_key", "offer", "partner_contract",
    "card", "holder", "former_token",
)  # fmt: skip
_OF_CARDS: Final = frozenset({"card", "holder", "former_token"})
BUCKETS: Final = "select buckets from registry.layout"
_NUMBERS: Final = ", ".join(f"(select max(changed) from registry.{table})" for table in TABLES)  # noqa: S608 fixed names
NEWEST: Final = f"select {_DATABASE_MS}, {_NUMBERS}"


async def read_changes(
    connection: Connection,
    since: int,
    on_cards: Callable[[Sequence[CardTuple]], None],
    *,
    cards_per_read: int | None = None,
) -> RegistrySnapshot:
    """Everything changed after change number `since` (0: everything there is), from one snapshot.

    `on_cards` takes the cards, at most `cards_per_read` at a time (records: to be unpacked, not kept), before
    the rest is returned; other tasks run in between. If this raises, what was handed over is half a reading:
    read again from `since`. What has not changed is not read: a block of a card costs the reading of that
    card.
    """
    if cards_per_read is None:
        cards_per_read = CARDS_PER_READ if since else CARDS_PER_FIRST_READ
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        database_ms, *numbers = await connection.fetchrow(NEWEST)
        newest = {table: number or 0 for table, number in zip(TABLES, numbers, strict=True)}
        changed = {table for table, number in newest.items() if number > since}
        for table, query in (("card", CARDS), ("holder", CARDS_OF_HOLDERS)):
            # From 0 on the first query has them all; later a holder's change is one of each of its cards.
            if table in changed and (since or table == "card"):
                cursor = await connection.cursor(query, since)
                while cards := await cursor.fetch(cards_per_read):
                    on_cards(cards)
        former: list[Any] = []
        if since and "former_token" in changed:  # who reads everything has nothing to forget
            former = await connection.fetch(FORMER_TOKENS, since)
        rows: list[Any] = [[]] * (len(TABLES) - len(_OF_CARDS))
        if changed - _OF_CARDS:
            database_ms, *rows = await connection.fetchrow(CHANGED, since)
    programmes, rules, partners, terminals, keys, offers, contracts = rows
    return RegistrySnapshot(
        number=max(since, *newest.values()),
        database_ms=database_ms,
        programmes=[ProgrammeRow(*row) for row in programmes],
        rules=[RulesRow(*row) for row in rules],
        partners=[PartnerRow(*row) for row in partners],
        terminals=[TerminalRow(*row) for row in terminals],
        keys=[KeyRow(*row) for row in keys],
        offers=[OfferRow(*row) for row in offers],
        contracts=[ContractRow(*row) for row in contracts],
        former_tokens=[token for (token,) in former],
    )


async def layout_buckets(connection: Connection) -> int:
    """How many buckets this ledger was created with."""
    buckets: int = await connection.fetchval(BUCKETS)
    return buckets

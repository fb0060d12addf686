"""Owns the search in the journal: by id, by transaction id, by card, by terminal, partner, result and time.

Reads through schema office, which shows a programme's role its own. Invariant: what a search costs depends on
how many rows it looks at, which is bounded for each call, and not on the size of the journal: an id is a
look-up, a card's rows are a chain, a terminal's stand together in each bucket, and a moment is found by what
is summed up of every 128 pages (migrations, 0061). A search that has looked at enough says where to go on.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ledger.books.posting import bucket_of
from ledger.books.statements import NEWEST_ROW
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.bounds import INT64_MAX, check_page
from ledger.registry.reads import layout_buckets

LOOKED_MAX: Final = 100_000
"""Rows of one call, about a second."""
STAN_BEYOND: Final = 1 << 31
PAGE_ROWS: Final = 1_000
"""Rows of a terminal read at once, at most."""
WINDOW_ROWS_MAX: Final = 20_000
"""Rows of one statement; where a window of time has more, a narrower one is taken."""
WINDOW_FIRST_MS: Final = 60_000
WINDOW_MS_MAX: Final = 30 * 86_400_000
WINDOWS_MAX: Final = 200

_COLUMNS: Final = """j.accepted_at_ms, j.terminal, j.stan, j.transaction_id, t.partner, pa.programme,
    j.kind, j.code, j.points, j.balance, j.amount_grosze, coalesce(j.discount_grosze, 0) as discount_grosze,
    coalesce(j.offer, 0) as offer, j.last4, j.original_stan,
    coalesce(j.original_terminal, 0) as original_terminal, j.terminal_time, j.rules_version"""
_OF_WHOM: Final = """left join registry.terminal t on t.id = j.terminal
  left join registry.partner pa on pa.id = t.partner"""
BY_ID: Final = f"select {_COLUMNS} from office.row_v1($1, $2) j {_OF_WHOM}"  # noqa: S608 fixed columns
OF_TERMINAL: Final = f"""select {_COLUMNS} from office.rows_below_v1($1, $2, $3) j {_OF_WHOM}
  order by j.stan desc limit $3"""  # noqa: S608 fixed columns
BY_TRANSACTION: Final = f"""select {_COLUMNS} from office.rows_of_transaction_v1($1) j {_OF_WHOM}
  order by j.accepted_at_ms desc, j.terminal desc, j.stan desc"""  # noqa: S608 fixed columns
OF_CARD: Final = f"""select {_COLUMNS}, j.previous_terminal, j.previous_stan
  from office.chain_v1($1, $3, $4, $2) with ordinality as j {_OF_WHOM} order by j.ordinality"""  # noqa: S608 fixed columns
IN_WINDOW: Final = f"""with seen as materialized (
  select * from office.rows_between_v1($1, $2, $3)
), hit as (
  select {_COLUMNS} from seen j {_OF_WHOM}
    where ($4::int is null or j.terminal = $4) and ($5::bigint is null or t.partner = $5)
      and ($6::int is null or pa.programme = $6) and ($7::int[] is null or j.code = any ($7))
      and (j.accepted_at_ms, j.terminal, j.stan) < ($8::bigint, $9::bigint, $10::bigint)
    order by j.accepted_at_ms desc, j.terminal desc, j.stan desc limit $11
)
select (select count(*)::int from seen) as looked, hit.* from (values (1)) one left join hit on true
  order by hit.accepted_at_ms desc, hit.terminal desc, hit.stan desc"""  # noqa: S608 fixed columns


class Found(msgspec.Struct, frozen=True, gc=False):
    """A row of the journal; programme and partner None: of a terminal that is in no registry."""

    accepted_at_ms: int
    terminal: int
    stan: int
    transaction_id: int
    partner: int | None
    programme: int | None
    kind: int
    code: int
    points: int
    balance: int
    amount_grosze: int
    discount_grosze: int
    offer: int
    last4: int
    original_stan: int
    original_terminal: int
    terminal_time: int
    rules_version: int


class Search(NamedTuple):
    """What is looked for; None: anything. Moments in ms since 1970: from `from_ms` until before `to_ms`."""

    terminal: int | None = None
    partner: int | None = None
    programme: int | None = None
    codes: Sequence[int] | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    @property
    def is_timed(self) -> bool:
        """Whether a time is asked for."""
        return self.from_ms is not None or self.to_ms is not None

    def takes(self, row: Found) -> bool:
        """Whether a row is one of these."""
        return (
            (self.terminal is None or row.terminal == self.terminal)
            and (self.partner is None or row.partner == self.partner)
            and (self.programme is None or row.programme == self.programme)
            and (self.codes is None or row.code in self.codes)
            and (self.from_ms is None or row.accepted_at_ms >= self.from_ms)
            and (self.to_ms is None or row.accepted_at_ms < self.to_ms)
        )


class Page(NamedTuple):
    """Rows, newest first; `key` begins the next page (None: there are no more); how many were looked at."""

    rows: list[Found]
    key: tuple[int, ...] | None
    looked: int


async def by_id(connection: Connection, terminal: int, stan: int) -> list[Found]:
    """The row of a terminal and a STAN, if it is there."""
    return _rows(await connection.fetch(BY_ID, terminal, stan))


async def by_transaction(connection: Connection, transaction_id: int) -> list[Found]:
    """The rows of a transaction id: one, or of a tombstone and its request two."""
    return _rows(await connection.fetch(BY_TRANSACTION, transaction_id))


async def of_card(
    connection: Connection, account: int, search: Search, *, key: tuple[int, ...] | None, limit: int
) -> Page:
    """A page of a card's rows; `key`: terminal and STAN of the row it begins with."""
    check_page(limit)
    bucket = bucket_of(account, await layout_buckets(connection))
    head = key or tuple(await connection.fetchrow(NEWEST_ROW, bucket, account) or (0, 0))
    found: list[Found] = []
    looked = 0
    while head != (0, 0) and looked < LOOKED_MAX:
        chain: list[Any] = await connection.fetch(OF_CARD, bucket, limit + 1, *head)
        if not chain:
            break
        for row in chain:
            found_row = Found(*tuple(row)[:-2])
            if len(found) == limit:
                return Page(found, (found_row.terminal, found_row.stan), looked)
            looked += 1
            if search.takes(found_row):
                found.append(found_row)
            head = tuple(row)[-2:]
            if search.from_ms is not None and found_row.accepted_at_ms < search.from_ms:
                return Page(found, None, looked)
    return Page(found, head if head != (0, 0) else None, looked)


async def of_terminal(
    connection: Connection, search: Search, *, key: tuple[int, ...] | None, limit: int
) -> Page:
    """A page of a terminal's rows, by STAN; `key`: the STAN it begins below. Not by time: see `in_time`."""
    check_page(limit)
    assert search.terminal is not None
    below = key[0] if key else STAN_BEYOND
    found: list[Found] = []
    looked, most = 0, limit + 1
    while looked < LOOKED_MAX:
        rows = _rows(await connection.fetch(OF_TERMINAL, search.terminal, below, most))
        for row in rows:
            looked += 1
            if len(found) == limit:
                return Page(found, (row.stan + 1,), looked)
            if search.takes(row):
                found.append(row)
        if len(rows) < most:
            return Page(found, None, looked)
        below, most = rows[-1].stan, min(2 * most, PAGE_ROWS)
    return Page(found, (below,), looked)


async def in_time(
    connection: Connection, search: Search, now_ms: int, *, key: tuple[int, ...] | None, limit: int
) -> Page:
    """A page of what was accepted in a time, newest first; `key`: moment, terminal and STAN it begins below.

    Goes back in windows of time that grow while little is in them.
    """
    check_page(limit)
    until = min(now_ms + 1 if search.to_ms is None else search.to_ms, INT64_MAX)
    if key is not None:
        until = min(until, key[0] + 1)
    begin_ms = max(search.from_ms or 0, 0)
    window_ms, looked, found = WINDOW_FIRST_MS, 0, list[Found]()
    for _ in range(WINDOWS_MAX):
        if until <= begin_ms or looked >= LOOKED_MAX:
            break
        since = max(begin_ms, until - window_ms)
        seen, rows = await _window(
            connection, search._replace(from_ms=since, to_ms=until), key, limit + 1 - len(found)
        )
        if seen > WINDOW_ROWS_MAX and window_ms > 1:
            window_ms = max(window_ms // 8, 1)
            continue
        found, looked, until = found + rows, looked + seen, since
        if len(found) > limit:
            last = found[limit - 1]
            return Page(found[:limit], (last.accepted_at_ms, last.terminal, last.stan), looked)
        if seen < WINDOW_ROWS_MAX // 4:
            window_ms = min(window_ms * 2, WINDOW_MS_MAX)
    return Page(found, (until, 0, 0) if until > begin_ms else None, looked)


async def _window(
    connection: Connection, search: Search, key: tuple[int, ...] | None, most: int
) -> tuple[int, list[Found]]:
    rows: list[Any] = await connection.fetch(
        IN_WINDOW,
        search.from_ms,
        search.to_ms,
        WINDOW_ROWS_MAX + 1,
        search.terminal,
        search.partner,
        search.programme,
        search.codes,
        *(key or (INT64_MAX, INT64_MAX, INT64_MAX)),
        most,
    )
    return rows[0]["looked"], [Found(*tuple(row)[1:]) for row in rows if row["stan"] is not None]


def _rows(rows: Sequence[Any]) -> list[Found]:
    return [Found(*row) for row in rows]


def check_key(key: tuple[int, ...] | None, parts: int) -> None:
    """Raise RegistryRefused for what begins no page of such a search."""
    if key is not None and (len(key) != parts or not all(0 <= part <= INT64_MAX for part in key)):
        raise RegistryRefused("that begins no page of this search")

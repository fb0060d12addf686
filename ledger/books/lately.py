"""Owns what is read of the newest part of the books: the last declines, and what was posted lately.

For somebody who looks on while others post: every read has a bound that does not grow with the journal. Its
rows are found by their time (migrations, 0061), so the last declines are looked for in the last second, and
in a longer time only where that had few. Takes the service's connection and changes nothing. Whose card it
was is never read.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from ledger.books.posting import AccountKind, Unit
from ledger.books.transaction_ids import first_id
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

LOOKS_MS: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
"""So far back the last declines are looked for, one time after the other: a day and a little at the most."""
DECLINES_MAX: Final = 50

DECLINES: Final = """select j.terminal, j.kind, j.code, j.accepted_at_ms from ledger.journal j
  where j.accepted_at_ms >= $1 and j.code = any($2) and j.kind <> 0
  order by j.accepted_at_ms desc limit $3"""
# Of each bucket at most so many rows, and one more, by which it is known that there were more.
POSTED: Final = """
with slice as materialized (
  select * from ledger.postings_between_v1($1, $2, $3, $4 + 1)
)
select null::smallint, null::int, null::bigint, (select count(*) from slice)
union all
select p.programme, (side.account & 7)::int, sum(side.points)::bigint, count(*)
  from slice s
  cross join lateral (values (s.debit, -s.points), (s.credit, s.points)) as side(account, points)
  join registry.partner p on p.id = side.account >> 3
  join unnest($5::smallint[], $6::bigint[]) as day(programme, first_id) on day.programme = p.programme
  where s.transaction_id >= day.first_id
    and side.account & 7 = any (
      case s.unit when $7 then $8::int[] when $9 then $10::int[] else $11::int[] end)
  group by 1, 2"""


class Decline(msgspec.Struct, frozen=True):
    """A request that was refused: at which terminal, what (`Kind`), why (a result code), and when."""

    terminal: int
    kind: int
    code: int
    accepted_at_ms: int


class Posted(msgspec.Struct, frozen=True):
    """What came to the accounts of one kind of a programme's partners, and by how many postings."""

    programme: int
    account_kind: int
    amount: int
    postings: int


async def last_declines(
    connection: Connection, codes: Sequence[int], limit: int, now_ms: int
) -> list[Decline]:
    """The newest rows with one of these codes, newest first, of the time in which there are enough."""
    most = min(limit, DECLINES_MAX)
    rows: list[Any] = []
    for back_ms in LOOKS_MS:
        rows = await connection.fetch(DECLINES, now_ms - back_ms, list(codes), most)
        if len(rows) == most:
            break
    return [Decline(*row) for row in rows]


async def posted_between(
    connection: Connection, from_ms: int, until_ms: int, days: Mapping[int, int], rows_max: int
) -> list[Posted] | None:
    """What was posted from one moment until another (exclusive) for the partners of each programme.

    `days`: by programme, since when it counts there, ms since 1970. Returns None where that is more than
    `rows_max` rows of one bucket: ask for less time.
    """
    rows = await connection.fetch(
        POSTED,
        await layout_buckets(connection),
        first_id(from_ms),
        first_id(until_ms),
        rows_max,
        list(days),
        [first_id(from_ms) for from_ms in days.values()],
        Unit.POINTS,
        [AccountKind.PARTNER_ISSUED, AccountKind.PARTNER_REDEEMED],
        Unit.USES,
        [AccountKind.PARTNER_USES],
        [AccountKind.PARTNER_DISCOUNTS],
    )
    if any(row[0] is None and row[3] > rows_max for row in rows):
        return None
    return [Posted(*row) for row in rows if row[0] is not None]

"""Owns the light proof of the books, for every minute: what `ledger.books.verify` proves of all, looked at
in a window of accounts, quotas and cards, the next one each time, from the first again after the last. A
window of accounts or quotas is of one bucket.

Every row is reached by a primary key, so a window costs the same however long the journal is; LIMIT 1 sees
to it that none is reached by a join, whatever the planner believes of tables it has not looked at. What
cannot be seen in a window (sums over all postings, ids that stand twice) is left to `verify`. Takes the
service's connection and changes nothing.
"""

from typing import Any, Final, NamedTuple

import msgspec

from ledger.books.gauges import limit_time
from ledger.books.verify import INVARIANTS, Finding
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

ACCOUNTS: Final = 1_000
"""Of each kind of row, in a window."""
INT64_MIN: Final = -(2**63)
_ACCOUNTS: Final = """
account as materialized (
  select a.*, $4::int as buckets from ledger.account a
    where a.bucket = $1 and a.id > $2::bigint order by a.id limit $3
), newest as materialized (
  select j.*, a.floor from account a
    cross join lateral (select * from ledger.journal j
      where j.bucket = $1 and j.terminal = a.last_terminal and j.stan = a.last_stan limit 1) j
    where a.last_stan <> 0
)"""

# Each query returns one text per violation, as in `verify`, under the same names.
_OF_ACCOUNTS: Final[dict[str, str]] = {
    "an account's last row is its newest, and each row names the one before": """
        select format('account %s', a.id) from account a
          left join lateral (select j.account, j.balance from ledger.journal j
            where j.bucket = $1 and j.terminal = a.last_terminal and j.stan = a.last_stan
            limit 1) j on true
          where case when a.last_stan = 0 then a.balance <> 0
                     else j.account is distinct from a.id or j.balance <> a.balance end
        union all
        select format('terminal %s stan %s', j.terminal, j.stan) from newest j
          left join lateral (select * from ledger.journal b
            where b.bucket = $1 and b.terminal = j.previous_terminal and b.stan = j.previous_stan
            limit 1) b on true
          where j.balance <> coalesce(b.balance, 0) + j.points
             or (j.previous_stan <> 0 and b.account is distinct from j.account)""",
    "no card is below its floor but by a recorded reversal, refund or adjustment": """
        select format('terminal %s stan %s', j.terminal, j.stan) from newest j
          where j.code = 0 and j.points < 0 and j.balance < j.floor
            and (j.original_stan = 0 and (j.kind <> 7 or j.details & 4096 = 0)
              or j.original_terminal is not null and j.details & 4096 = 0)""",
    "one effect per id: what is approved is posted once, what is declined never": """
        select format('terminal %s stan %s, transaction %s', j.terminal, j.stan, j.transaction_id)
          from newest j
          left join lateral (select * from ledger.posting p
            where p.bucket = $1 and p.transaction_id = j.transaction_id and p.leg = 1 and p.unit = 0
            limit 1) p on true
          where case when j.points = 0 then p.points is not null
            else p.points is null or j.code <> 0 or p.points <> abs(j.points)
              or (p.debit, p.credit) is distinct from
                 case when j.points > 0 then (j.counter_account, j.account)
                      else (j.account, j.counter_account) end end""",
    "everything is in the bucket of its card account": """
        select format('account %s in bucket %s', a.id, a.bucket)
          from account a where a.bucket <> ledger.bucket_of(a.id, a.buckets)""",
}
_LAST_ACCOUNT: Final = "select id from account order by id offset $3 - 1"
_QUOTAS: Final = """
quota as materialized (
  select q.*, $6::int as buckets from ledger.quota q
    where q.bucket = $1 and (q.period, q.quota, q.owner) > ($2::int, $3::int, $4::bigint)
    order by q.period, q.quota, q.owner limit $5
)"""
_OF_QUOTAS: Final[dict[str, str]] = {
    "no quota is used beyond its limit or its share of it": """
        select format('quota %s of account %s in period %s: %s used', q.quota, q.owner, q.period, -q.balance)
          from quota q
          where q.balance < 0 and -q.balance > q.moved
            + case when q.owner & 7 = 0 then q.allowed
                   else ledger.share_v1(q.allowed, q.bucket, q.buckets) end""",
}
_LAST_QUOTA: Final = "select period, quota, owner from quota order by period, quota, owner offset $5 - 1"
_CARDS: Final = """
card as materialized (
  select token, account, $3::int as buckets from registry.card
    where token > $1::bigint order by token limit $2
)"""
_OF_CARDS: Final[dict[str, str]] = {
    "every card has its account": """
        select format('account %s', ledger.missing_accounts_v1($3, array(select account from card)))""",
}
_LAST_CARD: Final = "select token from card order by token offset $2 - 1"


class _Part(NamedTuple):
    """One of the tables: how a window of it is read, where it begins, and whether it is of one bucket."""

    common: str
    queries: dict[str, str]
    last: str
    first: tuple[int, ...]
    is_of_bucket: bool

    def next(self, after: tuple[int, ...], end: Any, buckets: int) -> tuple[int, ...]:
        """Where the next window begins: after the last row of one that was full, else at the next bucket."""
        if not self.is_of_bucket:
            return self.first if end is None else tuple(end)
        if end is None:
            return ((after[0] + 1) % buckets, *self.first[1:])
        return (after[0], *end)


_PARTS: Final = (
    _Part(_ACCOUNTS, _OF_ACCOUNTS, _LAST_ACCOUNT, (0, INT64_MIN), is_of_bucket=True),
    _Part(_QUOTAS, _OF_QUOTAS, _LAST_QUOTA, (0, -1, 0, INT64_MIN), is_of_bucket=True),
    _Part(_CARDS, _OF_CARDS, _LAST_CARD, (INT64_MIN,), is_of_bucket=False),
)
WINDOWED: Final = tuple(name for part in _PARTS for name in part.queries)
"""The invariants that are looked at: some of `INVARIANTS`."""
assert set(WINDOWED) <= set(INVARIANTS)


class Window(msgspec.Struct, frozen=True):
    """Where the last look ended, in each of the tables."""

    after: tuple[tuple[int, ...], ...] = tuple(part.first for part in _PARTS)


async def verify_window(
    connection: Connection, window: Window, rows: int = ACCOUNTS
) -> tuple[list[Finding], Window]:
    """Look at what comes after a window; return one Finding for each of `WINDOWED`, and where it ended."""
    findings, ends = [], []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await limit_time(connection)
        buckets = await layout_buckets(connection)
        for part, after in zip(_PARTS, window.after, strict=True):
            arguments = (*after, rows, buckets)
            for invariant, query in part.queries.items():
                count, example = await _ask(connection, part.common, query, arguments)
                findings.append(Finding(invariant, count, example))
            # The texts are fixed.
            end = await connection.fetchrow(f"with {part.common} {part.last}", *arguments)
            ends.append(part.next(after, end, buckets))
    return findings, Window(tuple(ends))


async def _ask(
    connection: Connection, common: str, query: str, arguments: tuple[int, ...]
) -> tuple[int, Any]:
    row = await connection.fetchrow(
        f"with {common} select count(*), min(example) from ({query}) as violation(example)",  # noqa: S608
        *arguments,
    )
    return row[0], row[1]

"""Owns the rolling up of partner balances: what they came to up to a mark, so that a balance reads the rest
only.

What is rolled up must never change again, and no clock says when that is so: a worker's may be 40 minutes
behind, and a batch may stand for as long before it commits. So a range of ids is closed first: from then on
the batch function refuses ids at or below `rollup_mark.closing` (the worker numbers its postings anew, above
it). Batches that began before may not have seen that; they are waited for. Only then is the range summed.

Takes the owner's connection. Knows nothing of who calls it, or when.
"""

import time
from typing import Final

from ledger.books.transaction_ids import first_id
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

DELAY_MS: Final = 60_000
"""What is younger is left for the next time, so that in the ordinary course nobody's ids are refused."""
WAIT_S: Final = 5.0

_LOCK: Final = "select pg_advisory_xact_lock(1667854707, 2)"
# No more than what is there: the clock that `wished` comes from may run ahead.
_CLOSE: Final = """
insert into ledger.rollup_mark as m (bucket, through, closing)
  select b.bucket, 0, least($2::bigint, newest.transaction_id)
    from unnest($1::int[]) as b(bucket)
    cross join lateral (select p.transaction_id from ledger.posting p
      where p.bucket = b.bucket order by p.transaction_id desc limit 1) newest
  on conflict (bucket) do update set closing = greatest(m.closing, excluded.closing)
  returning bucket, closing"""
_RUNNING: Final = """
select coalesce(array_agg(l.virtualtransaction), '{}')
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'virtualxid' and l.granted and a.datname = current_database()
    and l.pid <> pg_backend_pid() and coalesce(a.backend_type, 'client backend') = 'client backend'"""
_ROLL_UP: Final = """
with moved as (
  select side.account, sum(side.points)::bigint as points
    from ledger.posting p
    cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as side(account, points)
    where p.bucket = $1 and p.transaction_id > $2 and p.transaction_id <= $3 and side.account & 7 <> 0
    group by side.account
), rolled as (
  insert into ledger.rollup as r (bucket, account, balance) select $1, account, points from moved
  on conflict (bucket, account) do update set balance = r.balance + excluded.balance
)
update ledger.rollup_mark set through = $3 where bucket = $1"""


async def roll_up(
    connection: Connection, now_ms: int, *, delay_ms: int = DELAY_MS, wait_s: float = WAIT_S
) -> bool:
    """Add what was posted up to `delay_ms` before `now_ms` to the rollup of partner balances.

    Safe with any clock, at any time and by several at once. Returns False if a transaction that was running
    did not end within `wait_s`: nothing was rolled up, and the next time goes on from there.
    """
    buckets = list(range(await layout_buckets(connection)))
    async with connection.transaction():
        await connection.execute(_LOCK)
        closed = await connection.fetch(_CLOSE, buckets, first_id(now_ms - delay_ms) - 1)
    if not await _outlive_running(connection, wait_s):
        return False
    for bucket, closing in closed:
        async with connection.transaction():
            await connection.execute(_LOCK)
            through = await connection.fetchval(
                "select through from ledger.rollup_mark where bucket = $1 and closing >= $2", bucket, closing
            )
            if through is not None and closing > through:
                await connection.execute(_ROLL_UP, bucket, through, closing)
    return True


async def _outlive_running(connection: Connection, wait_s: float) -> bool:
    """Wait until every transaction that runs now has ended; False if one has not."""
    earlier = set(await connection.fetchval(_RUNNING))
    until = time.monotonic() + wait_s
    while earlier:
        await connection.execute("select pg_sleep(0.02)")
        earlier &= set(await connection.fetchval(_RUNNING))
        if earlier and time.monotonic() > until:
            return False
    return True

"""Owns the rolling up of partner balances: what they came to up to a mark, so that a balance reads the rest
only.

What is rolled up must never change again, and no clock says when that is so: a worker's may be 40 minutes
behind, and a batch may stand for as long before it commits. So a range of ids is closed first: from then on
the batch function refuses ids at or below `rollup_mark.closing` (the worker numbers its postings anew, above
it). Batches that began before may not have seen that; they are waited for. Only then is the range summed.

Takes the service's connection, which may take these two steps and not write the tables. Knows nothing of who
calls it, or when.
"""

from typing import Final

import trio

from ledger.books.transaction_ids import first_id
from ledger.engine.shards import is_sharded
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

DELAY_MS: Final = 60_000
"""What is younger is left for the next time, so that in the ordinary course nobody's ids are refused."""
WAIT_S: Final = 5.0

CLOSE_IDS: Final = "select ledger.close_ids_v1($1, $2)"
ROLL_UP: Final = "select ledger.roll_up_v1($1, $2)"
PAUSE: Final = "select pg_sleep(0.02)"
# Autovacuum, which no user runs, posts nothing (backend_type is hidden from the service).
RUNNING: Final = """
select coalesce(array_agg(l.virtualtransaction), '{}')
  from pg_locks l join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'virtualxid' and l.granted and a.datname = current_database()
    and l.pid <> pg_backend_pid() and a.usesysid is not null"""
_AT_WORKERS: Final = "select nodename || ':' || nodeport, success, result from run_command_on_workers($1)"


async def roll_up(
    connection: Connection, now_ms: int, *, delay_ms: int = DELAY_MS, wait_s: float = WAIT_S
) -> bool:
    """Add what was posted up to `delay_ms` before `now_ms` to the rollup of partner balances.

    Safe with any clock, at any time and by several at once. Returns False if a transaction that was running
    did not end within `wait_s`: nothing was rolled up, and the next time goes on from there.
    """
    wished = first_id(now_ms - delay_ms) - 1
    closed: dict[int, int] = {}
    for bucket in range(await layout_buckets(connection)):
        closing = await connection.fetchval(CLOSE_IDS, bucket, wished)
        if closing is not None:
            closed[bucket] = closing
    if not await outlive_running(connection, wait_s):
        return False
    for bucket, closing in closed.items():
        await connection.execute(ROLL_UP, bucket, closing)
    return True


async def outlive_running(connection: Connection, wait_s: float) -> bool:
    """Wait until every transaction that runs now has ended, at every server; False if one has not."""
    is_spread = await is_sharded(connection)
    earlier = await _running(connection, is_spread)
    until = trio.current_time() + wait_s
    while earlier:
        await connection.execute(PAUSE)
        earlier &= await _running(connection, is_spread)
        if earlier and trio.current_time() > until:
            return False
    return True


async def _running(connection: Connection, is_spread: bool) -> set[object]:
    found: set[object] = set(await connection.fetchval(RUNNING))
    for node, is_answered, answer in await connection.fetch(_AT_WORKERS, RUNNING) if is_spread else ():
        if not is_answered:
            raise DatabaseUnavailable(f"a server of the books does not answer: {answer}")
        found.update((node, each) for each in answer.strip("{}").split(",") if each)
    return found

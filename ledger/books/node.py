"""Owns a worker's node number and the reservation of its transaction ids (`registry.node`).

A number belongs to one live worker at a time: it is claimed by a session advisory lock, over a connection
that lives as long as the worker. That keeps workers apart in the ordinary course. That no id is given twice
rests on the reservation alone: what a number's owner may give is reserved in the database before it is
given, and whoever claims the number later begins above it, whatever the clocks say and however many believe
it to be theirs.

Invariant: ids are given below the reservation only. Where it cannot be renewed they run out, and postings
wait.
"""

import random
import time
from collections.abc import Callable
from typing import Final

import trio

from ledger.books.layout import HOLD
from ledger.books.transaction_ids import NODES, TransactionIds, time_ms
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection
from ledger.postgres.locks import NODE_SPACE
from ledger.postgres.session import Session

RESERVE_MS: Final = 10_000
"""Reserved ahead of the clock: so long a worker goes on without its connection to renew it."""

RESERVE: Final = """
insert into registry.node as n (number, reserved_ms) values ($1, $2::bigint + $3)
  on conflict (number) do update set reserved_ms = greatest(n.reserved_ms, $2) + $3
  returning reserved_ms"""
# No row: another has claimed the number since, or our connection, and with it our lock, is another than
# before.
RENEW: Final = f"""
update registry.node set reserved_ms = greatest(reserved_ms, $3)
  where number = $1 and reserved_ms = $2 and exists (
    select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()
      and classid = {NODE_SPACE} and objid = $1::int and objsubid = 2)
  returning reserved_ms"""  # noqa: S608 a fixed number
# Once the number of buckets is held (`HOLD`): a statement later, for this one sees what was before it began.
TRY_NUMBER: Final = "select pg_try_advisory_lock($1, $2), buckets from registry.layout"
CLOSED: Final = "select through from registry.closed_ids"


def clock_ms() -> int:
    """Milliseconds since 1970, by the machine's clock."""
    return time.time_ns() // 1_000_000


class Node:
    """The number and the ids of one worker. `session` is its own, and kept for as long as it works.

    `rng` spreads the workers over the numbers.
    """

    def __init__(
        self, session: Session, now_ms: Callable[[], int] = clock_ms, rng: random.Random | None = None
    ) -> None:
        self._session = session
        self._now_ms = now_ms
        self._rng = rng or random.Random()
        self._turn = trio.Lock()
        self.ids = TransactionIds(0, ceiling_ms=0)
        self.buckets = 1
        self._is_claimed = False

    def take_ids(self, count: int) -> list[int]:
        """The ids of `count` postings. Raises DatabaseUnavailable if not so many are reserved."""
        return self.ids.take(self._now_ms(), count)

    async def hold(self) -> None:
        """Claim a number, or renew what is reserved for it; if it was lost, claim again, the same if free.

        To be called every few seconds. Raises DatabaseUnavailable or DatabaseMisconfigured.
        """
        async with self._turn:
            await self._session.run(self._hold)

    async def _hold(self, connection: Connection) -> None:
        ids, now_ms = self.ids, self._now_ms()
        if closed := await connection.fetchval(CLOSED):
            ids.rise_to(time_ms(closed) + 1)
        wanted = max(now_ms, ids.at_ms) + RESERVE_MS
        if self._is_claimed:
            reserved = await connection.fetchval(RENEW, ids.node, ids.ceiling_ms, wanted)
            if reserved is not None:
                ids.extend(reserved)
                return
        await connection.execute(HOLD)
        number, self.buckets = await self._claim(connection, ids.node if self._is_claimed else None)
        reserved = await connection.fetchval(RESERVE, number, max(now_ms, ids.at_ms), RESERVE_MS)
        ids.take_over(number, reserved - RESERVE_MS, reserved)
        self._is_claimed = True

    async def _claim(self, connection: Connection, preferred: int | None) -> tuple[int, int]:
        """Claim a number for as long as this connection lives; return it, and how many buckets there are.

        `preferred` is tried first: a worker whose connection was lost takes its own number again. Others are
        taken at random, so that nobody else is likely to take a number whose owner has not yet noticed its
        loss.
        """
        candidates = self._rng.sample(range(NODES), NODES)
        if preferred is not None:
            candidates.insert(0, preferred)
        for node in candidates:
            is_ours, buckets = await connection.fetchrow(TRY_NUMBER, NODE_SPACE, node)
            if is_ours:
                return node, buckets
        raise DatabaseUnavailable(f"all {NODES} node numbers are taken: too many workers on this database")

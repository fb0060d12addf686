"""Owns the start of a committer: its connections, checks and node number, one after another.

What will come is waited for, as the running switch would wait for it, and named (`awaited`). What waiting
does not mend ends the start: DatabaseMisconfigured, with cause and cure. Knows nothing of postings.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import trio

from ledger.books.lane import Lane
from ledger.books.node import Node
from ledger.books.outage import Outage
from ledger.errors import DatabaseMisconfigured, LedgerError
from ledger.postgres.fitness import check_durability
from ledger.postgres.pooling import check_sessions
from ledger.postgres.session import Session

RETRY_S: Final = 0.5


class Opening:
    """One start."""

    def __init__(self, outage: Outage) -> None:
        self.awaited: str | None = "not started yet"
        self._outage = outage

    async def run(self, guard: Session, node: Node, lanes: Sequence[Lane], limit_s: float) -> None:
        """See that the server and the way to it are fit to post through; claim a number, open the lanes."""
        places = [f"connection {number} of {len(lanes)} for postings" for number in range(1, len(lanes) + 1)]
        await self._insist(
            guard, "the connection that keeps the node number", partial(_check_durability, guard)
        )
        other = lanes[0].witness or guard
        if other is not guard:
            await self._insist(lanes[0], places[0], partial(_check_durability, other))
        await self._insist(lanes[0], places[0], partial(check_sessions, other, lanes[0].session))
        await self._insist(node, "a node number", node.hold)
        for what, lane in zip(places, lanes, strict=True):
            lane.buckets = node.buckets
            begin = partial(lane.begin, limit_s=limit_s)
            await self._insist(lane, what, partial(lane.session.run, begin))
        self.awaited = None

    async def _insist(self, who: object, what: str, step: Callable[[], Awaitable[object]]) -> None:
        """Do a step as soon as the database lets us."""
        while True:
            try:
                await step()
            except DatabaseMisconfigured:
                raise
            except LedgerError as error:
                self.awaited = f"waiting for {what}: {error}"
                self._outage.failed(who, self.awaited)
                await trio.sleep(RETRY_S)
            else:
                self._outage.works(who)
                return


async def _check_durability(session: Session) -> None:
    if problems := await session.run(check_durability):
        raise DatabaseMisconfigured("; ".join(map(str, problems)))

"""Owns the start of a committer: its connections, checks and node number.

What need not wait for each other is done at once, for the server may be far away. What will come is waited
for, as the running switch would wait for it, and named (`awaited`). What waiting does not mend ends the
start: DatabaseMisconfigured, with cause and cure. Knows nothing of postings.

Invariant: no lock is asked for before it is known that sessions keep theirs: a pooler would keep it for good.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

import trio

from ledger.books.lane import Lane
from ledger.books.layout import ANOTHER_LAYOUT
from ledger.books.node import Node
from ledger.books.outage import Outage
from ledger.errors import DatabaseMisconfigured, LedgerError
from ledger.postgres.database import Connection, Database
from ledger.postgres.fitness import check_durability
from ledger.postgres.pooling import check_sessions
from ledger.postgres.session import Session

RETRY_S: Final = 0.5
_GUARD: Final = "the connection that keeps the node number"
Step: TypeAlias = tuple[str, Callable[[], Awaitable[object]]]
"""What would be waited for, and what is done."""


class Opening:
    """One start."""

    def __init__(self, database: Database, outage: Outage) -> None:
        self._database = database
        self._outage = outage
        self._is_over = False
        self._waits: dict[str, str] = {}

    @property
    def awaited(self) -> str | None:
        """What the start waits for; None once it is over."""
        return None if self._is_over else next(iter(self._waits.values()), "not started yet")

    async def run(self, guard: Session, node: Node, lanes: Sequence[Lane], limit_s: float) -> None:
        """See that the server and the way to it are fit to post through; claim a number, open the lanes."""
        places = [f"connection {number} of {len(lanes)} for postings" for number in range(1, len(lanes) + 1)]
        sessions = [lane.session for lane in lanes]
        # Of a sharded ledger the lanes lead to another server than the one that keeps the node number.
        fit = [
            session for session in (guard, sessions[0]) if session is guard or session.target != guard.target
        ]
        await self._take(
            *[
                (what, partial(session.run, _check_durability if session in fit else _connect))
                for what, session in zip([_GUARD, *places], [guard, *sessions], strict=True)
            ],
            *[
                (what := f"a look at server {number}", partial(self._check_sessions, what, session))
                for number, session in enumerate(fit, start=1)
            ],
        )
        await self._take(
            ("a node number", node.hold),
            *[
                (what, partial(lane.session.run, partial(lane.begin, limit_s=limit_s)))
                for what, lane in zip(places, lanes, strict=True)
            ],
        )
        for lane in lanes:
            if node.buckets != (lane.buckets or node.buckets):
                raise DatabaseMisconfigured(ANOTHER_LAYOUT)
            lane.buckets = node.buckets
        self._is_over = True

    async def _check_sessions(self, what: str, like: Session) -> None:
        """See that sessions at that server are sessions, over two that end with the look."""
        with (
            self._database.passing_session(like.target) as one,
            self._database.passing_session(like.target) as two,
        ):
            await self._take((what, partial(one.run, _connect)), (what, partial(two.run, _connect)))
            await check_sessions(one, two)

    async def _take(self, *steps: Step) -> None:
        """Take steps at once, each as soon as the database lets us. Raises DatabaseMisconfigured."""
        misfit: DatabaseMisconfigured | None = None

        async def take(what: str, step: Callable[[], Awaitable[object]]) -> None:
            nonlocal misfit
            try:
                await self._insist(what, step)
            except DatabaseMisconfigured as error:
                misfit = error
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for what, step in steps:
                nursery.start_soon(take, what, step)
        if misfit is not None:
            raise misfit

    async def _insist(self, what: str, step: Callable[[], Awaitable[object]]) -> None:
        """Do a step as soon as the database lets us."""
        who = self, what
        while True:
            try:
                await step()
            except DatabaseMisconfigured:
                raise
            except LedgerError as error:
                self._waits[what] = f"waiting for {what}: {error}"
                self._outage.failed(who, self._waits[what])
                await trio.sleep(RETRY_S)
            else:
                self._waits.pop(what, None)
                self._outage.works(who)
                return


async def _connect(_: Connection) -> None:
    """Nothing more than that there is a connection."""


async def _check_durability(connection: Connection) -> None:
    if problems := await check_durability(connection):
        raise DatabaseMisconfigured("; ".join(map(str, problems)))

"""Who is on line, told to the database: so that an operator sees it without asking every worker.

Owns when it is told, and how much at once. Must not know who asks. Invariants: no request waits for it, and
nothing is decided by it; a round takes `ROWS_MAX` rows at most over a connection of its own; what could not
be written waits for the next one; a worker that is killed says nothing, and its beat stops.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from importlib.metadata import version
from typing import Final

import trio

from ledger.books.outage import Outage
from ledger.errors import LedgerError
from ledger.postgres.database import Connection as DatabaseConnection
from ledger.postgres.session import Session
from ledger.registry import presence
from ledger.registry.presence import Told
from switch.flow.attendance import News
from switch.flow.connection import Connections

ROUND_S: Final = 5.0
assert presence.BEAT_S_MAX > 3 * ROUND_S, "one late round is no death"
ROWS_MAX: Final = 2_000
"""One statement: about 20 ms of Postgres."""
ROUNDS_A_LOOK: Final = 12
"""In so many rounds every open connection is looked at once: a request is seen within a minute."""
FORGET_S: Final = 3_600.0
JOB_S_MAX: Final = 2.0
"""To connect, and to tell: the end of a worker waits for no more than that."""


class Presence:
    """Tells of one worker and its terminals. `clock_ms` is the wall clock."""

    def __init__(
        self, session: Session, connections: Connections, worker: int, clock_ms: Callable[[], int]
    ) -> None:
        self._session = session
        self._connections = connections
        self._worker = worker
        self._clock_ms = clock_ms
        self._life: int | None = None
        self._rounds = 0
        self._forget_at = 0.0
        self._outage = Outage("presence")

    async def run(self, stop: trio.Event) -> None:
        """Tell until `stop`. A round ends by its time limits: cut short it would leave a socket behind."""
        while not stop.is_set():
            with trio.CancelScope(shield=True):
                await self.round()
            with trio.move_on_after(ROUND_S):
                await stop.wait()

    async def round(self) -> None:
        """Tell what is new since the last round, as far as one may."""
        self._look()
        news = self._connections.attendance.take(ROWS_MAX)
        try:
            await self._session.run(
                lambda connection: self._tell(connection, news), timeout_s=JOB_S_MAX, connect_s=JOB_S_MAX
            )
        except LedgerError as error:
            self._connections.attendance.give_back(news)
            self._outage.failed(self, str(error))
        else:
            self._outage.works(self)

    async def end(self) -> None:
        """Tell the last, and that this worker has gone."""
        while self._connections.attendance:
            news = self._connections.attendance.take(ROWS_MAX)
            if not await self._try(lambda connection, news=news: self._tell(connection, news)):  # type: ignore[misc]
                return
        if (life := self._life) is not None:
            await self._try(lambda connection: presence.end(connection, life))

    async def _try(self, job: Callable[[DatabaseConnection], object]) -> bool:
        try:
            await self._session.run(job, timeout_s=JOB_S_MAX, connect_s=JOB_S_MAX)  # type: ignore[arg-type]
        except LedgerError as error:
            self._outage.failed(self, str(error))
            return False
        return True

    def _look(self) -> None:
        """Look at some of the connections: who was heard since the operator was last told is news."""
        attendance, everybody = self._connections.attendance, self._connections.snapshot()
        for connection in everybody[self._rounds % ROUNDS_A_LOOK :: ROUNDS_A_LOOK]:
            if connection.read_at > connection.noted_at:
                attendance.present(connection)
        self._rounds += 1

    async def _tell(self, connection: DatabaseConnection, news: dict[int, News]) -> None:
        if self._life is None or not await presence.beat(connection, self._life):
            self._life = await presence.begin(
                connection,
                worker=self._worker,
                host=socket.gethostname()[:255] or "localhost",
                pid=os.getpid(),
                version=version("cityswitch"),
            )
            for each in self._connections.snapshot():  # an earlier life's terminals are this one's
                each.noted_at = each.since - 1.0
        if news:
            now, now_ms = trio.current_time(), self._clock_ms()
            rows = [told(terminal, each, now, now_ms) for terminal, each in news.items()]
            await presence.note(connection, self._life, rows)
        if trio.current_time() >= self._forget_at:
            self._forget_at = trio.current_time() + FORGET_S
            await presence.forget(connection)


def told(terminal: int, news: News, now: float, now_ms: int) -> Told:
    """Return what the database is told of a terminal: moments by the wall clock, as it shows `now`."""

    def wall(moment: float) -> int:
        return now_ms - round((now - moment) * 1_000)

    connection = news.connection
    if connection is not None:
        connection.noted_at = connection.read_at
    return Told(
        terminal,
        news.is_open,
        wall(connection.since) if connection else None,
        wall(connection.read_at) if connection else None,
        connection.software if connection else "",
        news.ended,
        wall(news.ended_at) if news.ended else None,
        news.failure,
        wall(news.failed_at) if news.failure else None,
        news.failed_from[:64],
        news.failures,
    )

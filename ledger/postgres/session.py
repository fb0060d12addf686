"""Owns one connection of one user: opened again when it was lost, held to time limits, outcomes told apart.

A job past its time limit has its connection terminated, never cancelled: a cancelled COMMIT would still be of
unknown outcome, but the connection would look healthy. The backend left behind is remembered: while it
waits for a standby no other is made (`lineage.check_left`). A connection is made on asyncio's side of the
bridge, which `ledger.postgres.database` alone knows; jobs are trio's own (`ledger.postgres.straight`).

Invariant: a commit of which the server says that it may not last raises, and is never taken for done.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import trio

from ledger.errors import (
    DatabaseContended,
    DatabaseUnavailable,
    LedgerError,
    StatementRefused,
)
from ledger.postgres.errors import first_line, translate
from ledger.postgres.fitness import is_doubtful
from ledger.postgres.lineage import Server, StandbyAwaited, check_left
from ledger.postgres.straight import call_due

if TYPE_CHECKING:
    from ledger.postgres.database import Connection, Database, Job
    from ledger.postgres.dsn import Target

T = TypeVar("T")
CONNECT_S_MAX: Final = 5.0
PROBE: Final = "select 1"
IDLE_S: Final = 5.0
"""A connection that has answered nothing for so long is tried before it is used."""
PROBE_S_MAX: Final = 1.0


class Session:
    """One connection for one user, kept open between jobs; opened again by itself after it was lost.

    Not for two tasks at once. `state` is free for the user's prepared statements: it is emptied on a new
    connection. `backend` is the process at the server's end. A connection that was idle is tried before it is
    used: a middlebox may have dropped it without a word.
    """

    def __init__(self, database: Database, target: Target | None = None) -> None:
        self._database = database
        self.target = target or database.target
        self._connection: Connection | None = None
        self.state: dict[str, Any] = {}
        self.connects = 0
        self.backend = 0
        self.server = Server()
        self._left: list[int] = []
        self._until_s = math.inf
        self._is_overdue = False
        self._doubt = ""
        self._proven_at = -math.inf

    @property
    def is_connected(self) -> bool:
        """Whether the connection was open when last seen; it may be dead without our knowing."""
        return self._connection is not None and not self._connection.is_closed()

    async def run(
        self, job: Job[T], *, timeout_s: float | None = 10.0, connect_s: float = CONNECT_S_MAX
    ) -> T:
        """Run `job(connection)`; without a time limit if `timeout_s` is None.

        `connect_s` bounds the opening of a connection, where there is none. Raises one of the types of
        `ledger.errors`. Only after StatementRefused and DatabaseContended is the session as good as before:
        after all others it is gone, the outcome of the job is unknown, and the next call opens another.
        """
        connect_s = min(connect_s, CONNECT_S_MAX if timeout_s is None else timeout_s)
        try:
            await trio.lowlevel.checkpoint_if_cancelled()  # what is sent is done
            await self._make_ready(connect_s)
            return await self._job(job, timeout_s)
        except LedgerError:
            await trio.lowlevel.checkpoint_if_cancelled()
            raise

    # Ctrl-C inside a job would leave asyncpg in the middle of a statement: it waits until trio has its turn.
    @trio.lowlevel.enable_ki_protection
    async def _make_ready(self, connect_s: float) -> None:
        """Have a connection that works: the one there is, tried if it was idle, or a fresh one."""
        await self._translated(self._try())
        if not self.is_connected:
            await self._database.bridge(self._open, connect_s, on_cancel=self._abandon)
            await self._translated(self._go_straight())
        await self._translated(self._ask_left())

    async def _go_straight(self) -> None:
        # A turn or more after it was made: it may have been ended meanwhile.
        if self._connection is None or self._connection.is_closed():
            raise DatabaseUnavailable("the connection was lost as soon as it was made")
        self._connection.go_straight()

    @trio.lowlevel.enable_ki_protection
    async def _job(self, job: Job[T], timeout_s: float | None) -> T:
        try:
            return await self._translated(self._work(job, timeout_s))
        finally:
            call_due()

    async def join(self, connect_s: float) -> Connection:
        """Inside a job of another session of the same `Database`: this one's connection, opened if need be.

        What is awaited of it wants `limit`. Raises one of the types of `ledger.errors`; whoever it was raised
        to terminates, also when cancelled.
        """
        await self._make_ready(min(connect_s, CONNECT_S_MAX))
        return self._connection

    async def limit(self, awaitable: Awaitable[T], timeout_s: float) -> T:
        """Inside a job: await with a time limit. Past it the connection is terminated, never cancelled.

        Raises DatabaseUnavailable then, and when the server has warned that what it reports as committed may
        not last: the outcome is unknown.
        """
        before = self._until_s, self._is_overdue
        self._until_s, self._is_overdue = min(self._until_s, trio.current_time() + timeout_s), False
        self._doubt = ""
        try:
            found = await awaitable
            if self._doubt:
                raise DatabaseUnavailable(self._doubt)
            self._proven_at = trio.current_time()
            return found
        except Exception as error:
            if self._is_overdue:
                raise DatabaseUnavailable(f"no answer from the database within {timeout_s:g} s") from error
            raise
        finally:
            self._until_s, self._is_overdue = before

    def end_overdue(self, now_s: float) -> None:
        """Terminate the connection of a job past its time limit, by trio's clock."""
        if now_s >= self._until_s and self._connection is not None:
            self._is_overdue = True
            self._abandon()

    def _abandon(self) -> None:
        """Terminate the connection under its job. asyncpg, cancelled in a transaction, would take leave of
        it, and wait for a silent server without end.
        """
        if self.is_connected:
            self._left.append(self.backend)
            self._connection.terminate()  # type: ignore[union-attr]

    def end_past(self, newest: Server) -> None:
        """Terminate the connection if its server is one of the past now."""
        if self._connection is not None and self.server.is_before(newest):
            self._connection.terminate()

    def terminate(self) -> None:
        """Drop the connection; the server is told, and not waited for."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
            self.state = {}

    @trio.lowlevel.enable_ki_protection
    async def _open(self, connect_s: float) -> None:
        await self._translated(self._connect(connect_s))

    async def _work(self, job: Job[T], timeout_s: float | None) -> T:
        work = job(self._connection)
        return await (work if timeout_s is None else self.limit(work, timeout_s))

    async def _translated(self, work: Awaitable[T]) -> T:
        """Await; what goes wrong leaves as one of the closed types, and the session as they promise."""
        connection = self._connection
        try:
            return await work
        except BaseException as error:
            if not isinstance(error, Exception):  # cancelled, or Ctrl-C
                self._abandon()
                self.terminate()
                raise
            connection = self._connection or connection
            closed = translate(error)
            if closed is None and connection is not None and connection.is_closed():
                # asyncpg meets parts of itself that are gone, with whatever Python says of that.
                said = f"{type(error).__name__}: {first_line(error)}"
                closed = DatabaseUnavailable(f"the connection was lost: {said}")
            if not isinstance(closed, StatementRefused | DatabaseContended | StandbyAwaited):
                self._abandon()  # asyncpg, leaving a transaction, covers up that it was cancelled
                self.terminate()
            if closed is None or closed is error:
                raise
            raise closed from error

    async def _try(self) -> None:
        """Drop the connection if it has ended, or was idle and is of no use."""
        if self.is_connected and self._connection.has_ended():  # type: ignore[union-attr]
            self.terminate()
        if self.is_connected and trio.current_time() - self._proven_at > IDLE_S:
            try:
                await self.limit(self._connection.execute(PROBE), PROBE_S_MAX)  # type: ignore[union-attr]
            except Exception:  # whatever it is, that connection is of no use
                self.terminate()

    async def _connect(self, connect_s: float) -> None:
        self.state = {}
        self._connection, self.backend, self.server = await self._database.open(self.target, "", connect_s)
        self._connection.add_log_listener(self._hear)
        self._proven_at = trio.current_time()
        self.connects += 1

    async def _ask_left(self) -> None:
        """See what has become of the backends left behind."""
        if self._left:
            await self.limit(check_left(self._connection, self._left), PROBE_S_MAX)
            self._left = []

    def _hear(self, _: Connection, message: Any) -> None:
        """What the server says besides its answer, before the answer is handed over."""
        if is_doubtful(message):
            self._doubt = f"the commit is of unknown outcome: {message.message}"

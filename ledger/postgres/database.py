"""Owns the way from trio to asyncpg. The only module that imports asyncio or trio_asyncio.

Every database job is ONE asyncio coroutine run through the bridge: wrapping single calls would leak pool
slots and open transactions when cancelled. Past its time limit a job's connection is terminated, never
cancelled: a cancelled COMMIT would still be of unknown outcome, but the connection would look healthy.

Knows nothing of postings or of the registry. Errors leave as the closed types of `ledger.errors`.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias, TypeVar

import asyncpg
import trio
import trio_asyncio

from ledger.errors import DatabaseContended, DatabaseMisconfigured, DatabaseUnavailable, StatementRefused
from ledger.postgres.dsn import Target, read_dsn
from ledger.postgres.errors import translate
from ledger.postgres.fitness import is_doubtful, settle_session
from ledger.postgres.keepalive import watch_socket

T = TypeVar("T")
Connection: TypeAlias = Any  # asyncpg.Connection; asyncpg carries no types
Job: TypeAlias = Callable[[Connection], Awaitable[T]]

CONNECT_S_MAX: Final = 5.0
CLOSE_S_MAX: Final = 1.0
LISTEN_PROBE_S: Final = 5.0
PROBE: Final = "select 1"
IDLE_S: Final = 5.0
"""A connection that has answered nothing for so long is tried before it is used."""
PROBE_S_MAX: Final = 1.0
WATCH_S: Final = 0.05
"""How often time limits are looked at, mostly: a job may have this much more."""
# Where the server keeps no account of what its backends do (track_activities), each counts as at work.
IS_AT_WORK: Final = (
    "select exists (select from pg_stat_activity where pid = $1 and state is distinct from 'idle')"
)


async def connect_postgres(target: Target, application_name: str, timeout_s: float) -> "Opened":
    """Connect to the first host that answers and is what the DSN asks for.

    All hosts are tried at once: asyncpg would try them in turn within one time limit, and a frozen first
    host would block the others.
    """
    timeout_s = min(timeout_s, target.connect_s or timeout_s)
    tries = [asyncio.ensure_future(_connect_host(host, application_name, timeout_s)) for host in target.hosts]
    winner: Opened | None = None
    failure: Exception | None = None
    try:
        for attempt in asyncio.as_completed(tries):
            try:
                winner = await attempt
            except Exception as error:
                failure = error
            else:
                return winner
        raise failure or DatabaseUnavailable("the DSN names no host")
    finally:
        for task in tries:
            if not task.done():
                task.cancel()
            elif not task.cancelled() and task.exception() is None and task.result() is not winner:
                task.result().connection.terminate()


class Opened(NamedTuple):
    """A connection, and its backend's process id at the server, which a pooler's greeting would not tell."""

    connection: Connection
    backend: int


Connect: TypeAlias = Callable[[Target, str, float], Awaitable[Opened]]
"""Makes a connection to a target, under a name, within a time limit in seconds; runs inside a job."""


async def _connect_host(dsn: str, application_name: str, timeout_s: float) -> Opened:
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=timeout_s,
            server_settings={"application_name": application_name},
            # Statements are prepared once and kept; the default would forget them after five minutes.
            max_cached_statement_lifetime=0,
        )
    except ValueError as error:
        raise DatabaseMisconfigured(f"the DSN cannot be used: {error}") from error
    try:
        watch_socket(connection._transport.get_extra_info("socket"))
        return Opened(connection, await asyncio.wait_for(settle_session(connection), timeout_s))
    except BaseException:
        connection.terminate()
        raise


class Bell:
    """Wakes a job that waits for work, so that it need not leave the database's side to wait. For one job."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[bool] | None = None

    def ring(self, *, for_work: bool = True) -> None:
        """Wake who waits; from trio's side as well, in the same thread. Nobody waiting: nothing happens."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(for_work)

    async def wait(self) -> bool:
        """Inside a job: wait for the next ring; return what it was for. (A timer for each wait, nearly
        always cancelled, would be two callbacks a batch.)
        """
        self._waiter = asyncio.get_running_loop().create_future()
        return await self._waiter


def call_soon(callback: Callable[..., object], *args: object) -> None:
    """Inside a job: call when the job next waits. What it raises ends the database's block."""
    asyncio.get_running_loop().call_soon(callback, *args)


def call_later(delay_s: float, callback: Callable[..., object], *args: object) -> None:
    """Inside a job: call after so many seconds, as `call_soon` does, whatever has become of the job."""
    asyncio.get_running_loop().call_later(delay_s, callback, *args)


class Session:
    """One connection for one user, kept open between jobs; opened again by itself after it was lost.

    Not for two tasks at once. `state` is free for the user's prepared statements: it is emptied on a new
    connection. `backend` is the process at the server's end. A connection that was idle is tried before it is
    used: a middlebox may have dropped it without a word.
    """

    def __init__(self, database: "Database", target: Target | None = None) -> None:
        self._database = database
        self.target = target or database.target
        self._connection: Connection | None = None
        self.state: dict[str, Any] = {}
        self.connects = 0
        self.backend = 0
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
        """Run `job(connection)` as one asyncio coroutine; without a time limit if `timeout_s` is None.

        `connect_s` bounds the opening of a connection, where there is none. Raises one of the types of
        `ledger.errors`. Only after StatementRefused and DatabaseContended is the session as good as before:
        after all others it is gone, the outcome of the job is unknown, and the next call opens another.
        """
        result: T = await self._database.bridge(self._job, job, timeout_s, connect_s)
        return result

    async def join(self, connect_s: float) -> Connection:
        """Inside a job of another session of the same `Database`: this one's connection, opened if need be.

        What is awaited of it wants `limit`. Raises what asyncpg raises; whoever it was raised to terminates.
        """
        await self._ready(min(connect_s, CONNECT_S_MAX))
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
            self._connection.terminate()

    def terminate(self) -> None:
        """Drop the connection without a word to the server."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
            self.state = {}

    async def close(self) -> None:
        """Inside a job: take leave of the server, within a second."""
        if self.is_connected:
            try:
                await self._connection.close(timeout=CLOSE_S_MAX)  # type: ignore[union-attr]
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                self.terminate()

    # Ctrl-C inside a job would break asyncio's loop, and the job never end: it waits until trio has its turn.
    @trio.lowlevel.enable_ki_protection
    async def _job(self, job: Job[T], timeout_s: float | None, connect_s: float) -> T:
        connection: Connection | None = None
        try:
            await self._ready(min(connect_s, CONNECT_S_MAX if timeout_s is None else timeout_s))
            connection = self._connection
            work = job(connection)
            return await (work if timeout_s is None else self.limit(work, timeout_s))
        except asyncio.CancelledError:
            self.terminate()
            raise
        except Exception as error:
            closed = translate(error)
            if closed is None and connection is not None and connection.is_closed():
                # asyncpg meets parts of itself that are gone, with whatever Python says of that.
                closed = DatabaseUnavailable(f"the connection was lost: {type(error).__name__}: {error}")
            if not isinstance(closed, StatementRefused | DatabaseContended):
                self.terminate()
            if closed is None or closed is error:
                raise
            raise closed from error

    async def _ready(self, connect_s: float) -> None:
        """Have a connection that works: the one there is, tried if it was idle, or a fresh one."""
        if self.is_connected and trio.current_time() - self._proven_at > IDLE_S:
            try:
                await self.limit(self._connection.execute(PROBE), PROBE_S_MAX)  # type: ignore[union-attr]
            except Exception:  # whatever it is, that connection is of no use
                self.terminate()
        if not self.is_connected:
            self.state = {}
            self._connection, self.backend = await self._database.connect(
                self.target, self._database.application_name, connect_s
            )
            self._connection.add_log_listener(self._hear)
            self._proven_at = trio.current_time()
            self.connects += 1

    def _hear(self, _: Connection, message: Any) -> None:
        """What the server says besides its answer, before the answer is handed over."""
        if is_doubtful(message):
            self._doubt = f"the commit is of unknown outcome: {message.message}"


class Database:
    """A bounded set of connections to one database, used from trio. Made by `open_database`."""

    def __init__(
        self, target: Target, connections_max: int, application_name: str, loop: Any, connect: Connect
    ) -> None:
        self.target = target
        self.application_name = application_name
        self.connect = connect
        self._loop = loop
        self._free = [Session(self) for _ in range(connections_max)]
        self._slots = trio.CapacityLimiter(connections_max)
        self._sessions = list(self._free)

    async def bridge(self, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run one asyncio coroutine function from trio; a trio cancellation cancels it."""
        result: T = await trio_asyncio.aio_as_trio(function, loop=self._loop)(*args)
        return result

    async def run(self, job: Job[T], *, timeout_s: float = 10.0) -> T:
        """Run `job(connection)` on a free connection; waits for one if all are busy.

        Raises DatabaseUnavailable, DatabaseMisconfigured, DatabaseContended or StatementRefused.
        """
        async with self._slots:
            session = self._free.pop()
            try:
                return await session.run(job, timeout_s=timeout_s)
            finally:
                self._free.append(session)

    def session(self, target: Target | None = None) -> Session:
        """Make a connection of one's own, beside the bounded set, if need be to another server; closed with
        the database.
        """
        session = Session(self, target)
        self._sessions.append(session)
        return session

    async def is_at_work(self, session: Session) -> bool:
        """Whether the server is carrying out a statement of a session; asked over a fresh connection, for
        the old ones may all be dead without our knowing. Raises DatabaseUnavailable.
        """
        witness, backend = self.session(session.target), session.backend
        try:
            found: bool = await witness.run(
                lambda connection: connection.fetchval(IS_AT_WORK, backend), timeout_s=CONNECT_S_MAX
            )
            return found
        finally:
            witness.terminate()
            self._sessions.remove(witness)

    async def listen(
        self, channel: str, on_notify: Callable[[], None], *, on_ready: Callable[[], None]
    ) -> NoReturn:
        """Listen on `channel` over a connection of its own, for ever.

        `on_ready` is called once it listens: what happened before must be read then. `on_notify` is
        called on every notification; both must not block. A silent peer is found within about two probes.
        Raises DatabaseUnavailable when the connection is lost, DatabaseMisconfigured when it cannot be
        made.
        """
        await self.bridge(self._listen, channel, on_notify, on_ready)
        raise AssertionError("unreachable: _listen ends by raising")

    async def _listen(
        self, channel: str, on_notify: Callable[[], None], on_ready: Callable[[], None]
    ) -> NoReturn:
        connection = None
        try:
            connection, _ = await self.connect(self.target, self.application_name + " listen", CONNECT_S_MAX)
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(channel, lambda *_: on_notify())
            on_ready()
            while True:
                try:
                    await asyncio.wait_for(lost.wait(), LISTEN_PROBE_S)
                except TimeoutError:
                    await asyncio.wait_for(connection.execute(PROBE), LISTEN_PROBE_S)
                else:
                    raise DatabaseUnavailable("the listening connection was lost")
        except Exception as error:
            closed = translate(error)
            if closed is None:
                raise
            raise closed from error
        finally:
            if connection is not None:
                connection.terminate()

    async def watch(self, every_s: float) -> NoReturn:
        """Hold all jobs to their time limits, for ever; a timer for each would be more callbacks."""
        while True:
            await trio.sleep(every_s)
            now_s = trio.current_time()
            for session in self._sessions:
                session.end_overdue(now_s)

    async def _close(self) -> None:
        """Take leave of the server on all connections at once: a peer that is silent holds up no other."""
        await asyncio.gather(*(session.close() for session in self._sessions))
        await asyncio.sleep(0)  # the loop closes the sockets of connections terminated just now


@asynccontextmanager
async def open_database(
    dsn: str,
    *,
    connections_max: int = 4,
    application_name: str = "cityswitch",
    connect: Connect = connect_postgres,
    watch_s: float = WATCH_S,
) -> AsyncIterator[Database]:
    """Open the bridge to the database at `dsn`; connections are made on first use, by `connect`.

    connections_max: 1..100. `watch_s`: how often time limits are looked at. Raises DatabaseMisconfigured for
    a DSN that is not one.
    """
    target = read_dsn(dsn)
    failure: Exception | None = None
    async with trio_asyncio.open_loop() as loop, trio.open_nursery() as nursery:
        database = Database(target, connections_max, application_name, loop, connect)
        nursery.start_soon(database.watch, watch_s)
        try:
            yield database
        except Exception as error:
            failure = error
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 2 * CLOSE_S_MAX):
                await database.bridge(database._close)
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure

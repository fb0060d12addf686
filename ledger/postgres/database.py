"""Owns the way from trio to asyncpg. The only module that imports asyncio or trio_asyncio.

What asyncio is for is ONE coroutine run through the bridge: a connection is made, or listens. What is asked
of one is trio's own (`ledger.postgres.straight`). Which server is connected to is chosen here (of two
primaries the one that is not of the past), what a connection does is `ledger.postgres.session`'s.

Knows nothing of postings or of the registry. Errors leave as the closed types of `ledger.errors`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn, TypeAlias, TypeVar

import asyncpg
import trio
import trio_asyncio

from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable
from ledger.postgres.dsn import Target, read_dsn, role_and_server
from ledger.postgres.errors import first_line, not_let_in, translate
from ledger.postgres.fitness import settle_session
from ledger.postgres.keepalive import watch_socket
from ledger.postgres.lineage import Lineage, Server
from ledger.postgres.session import CONNECT_S_MAX, PROBE, Session
from ledger.postgres.straight import Loop, StraightConnection, Wait, when_waiting

T = TypeVar("T")
Connection: TypeAlias = Any  # asyncpg.Connection; asyncpg carries no types
Job: TypeAlias = Callable[[Connection], Awaitable[T]]

RIVAL_S: Final = 0.2
CLOSE_S_MAX: Final = 2.0
LISTEN_PROBE_S: Final = 5.0
WATCH_S: Final = 0.05
"""How often time limits are looked at, mostly: a job may have this much more."""
# Where the server keeps no account of what its backends do (track_activities), each counts as at work.
IS_AT_WORK: Final = (
    "select exists (select from pg_stat_activity where pid = $1 and state is distinct from 'idle')"
)


async def connect_postgres(target: Target, application_name: str, timeout_s: float) -> "Opened":
    """Connect to the host that is what the DSN asks for, and of several the newest primary.

    All hosts are tried at once: asyncpg would try them in turn within one time limit, and a frozen first
    host would block the others. Once one has answered the others have `RIVAL_S` more.
    """
    timeout_s = min(timeout_s, target.connect_s or timeout_s)
    tries = [asyncio.ensure_future(_connect_host(host, application_name, timeout_s)) for host in target.hosts]
    best: Opened | None = None
    failure: BaseException | None = None
    waiting = set(tries)
    try:
        while waiting:
            done, waiting = await asyncio.wait(
                waiting, timeout=best and RIVAL_S, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                failure = attempt.exception() or failure
                if attempt.exception() is None and (best is None or best.is_older(attempt.result())):
                    best = attempt.result()
            if not done:
                break
        if best is None:
            raise failure or DatabaseUnavailable("the DSN names no host")
        return best
    finally:
        for task in tries:
            if not task.done():
                task.cancel()
            elif not task.cancelled() and task.exception() is None and task.result() is not best:
                task.result().connection.terminate()


class Opened(NamedTuple):
    """A connection, and its backend's process id at the server, which a pooler's greeting would not tell."""

    connection: Connection
    backend: int
    server: Server = Server()

    def is_older(self, other: "Opened") -> bool:
        """Whether the other's server is to be preferred."""
        return self.server.timeline < other.server.timeline


Connect: TypeAlias = Callable[[Target, str, float], Awaitable[Opened]]
"""Makes a connection to a target, under a name, within a time limit in seconds; runs inside a job."""


@trio.lowlevel.enable_ki_protection  # its steps are a task of their own
async def _connect_host(dsn: str, application_name: str, timeout_s: float) -> Opened:
    try:
        connection = await asyncpg.connect(
            dsn,
            timeout=timeout_s,
            loop=Loop(asyncio.get_running_loop()),
            connection_class=StraightConnection,
            server_settings={"application_name": application_name},
            # Statements are prepared once and kept; the default would forget them after five minutes.
            max_cached_statement_lifetime=0,
        )
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise not_let_in(first_line(error), *role_and_server(dsn)) from error
    except ValueError as error:
        raise DatabaseMisconfigured(f"the DSN cannot be used: {first_line(error)}") from error
    try:
        connection.know_arrays()
        watch_socket(connection._transport.get_extra_info("socket"))
        async with asyncio.timeout(timeout_s):
            return Opened(connection, *await settle_session(connection))
    except BaseException:
        connection.terminate()
        raise


class Bell:
    """Wakes a job that waits for work, so that it need not leave the database's side to wait. For one job."""

    def __init__(self) -> None:
        self._waiter: asyncio.Future[bool] | Wait | None = None

    def ring(self, *, for_work: bool = True) -> None:
        """Wake who waits; from trio's side as well, in the same thread. Nobody waiting: nothing happens."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(for_work)

    async def wait(self) -> bool:
        """Inside a job: wait for the next ring; return what it was for. (A timer for each wait, nearly
        always cancelled, would be two callbacks a batch.)
        """
        # Where the store is simulated a connection that listens has one, too.
        is_trios = asyncio.current_task() is None
        self._waiter = Wait() if is_trios else asyncio.get_running_loop().create_future()
        found: bool = await self._waiter
        return found


def call_soon(callback: Callable[..., object], *args: object) -> None:
    """Inside a job: call when the job next waits. It must not raise."""
    when_waiting(partial(callback, *args))


def call_later(delay_s: float, callback: Callable[..., object], *args: object) -> None:
    """Inside a job: call after so many seconds, as `call_soon` does, whatever has become of the job."""
    asyncio.get_running_loop().call_later(delay_s, callback, *args)


class Bridged(asyncio.Task[Any]):
    """A coroutine that trio waits for; `on_cancel` is called before it hears that it is cancelled."""

    def __init__(self, coroutine: Any, loop: Any, on_cancel: Callable[[], object]) -> None:
        super().__init__(coroutine, loop=loop)
        self._before_cancel = on_cancel

    def cancel(self, msg: Any = None) -> bool:
        """As asyncio says."""
        self._before_cancel()
        return super().cancel(msg)


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
        self._listening: list[Opened] = []
        self._lineage = Lineage()

    async def open(self, target: Target, purpose: str, timeout_s: float) -> Opened:
        """Inside a job: connect, to no server of the past; who is connected to one since is so no more."""
        opened = await self.connect(target, self.application_name + purpose, timeout_s)
        try:
            is_newer = self._lineage.admit(opened.server)
        except DatabaseUnavailable:
            opened.connection.terminate()
            raise
        if is_newer:
            for session in self._sessions:
                session.end_past(opened.server)
            for other in self._listening:
                if other.server.is_before(opened.server):
                    other.connection.terminate()
        return opened

    async def bridge(
        self,
        function: Callable[..., Awaitable[T]],
        *args: object,
        on_cancel: Callable[[], object] = lambda: None,
    ) -> T:
        """Run one asyncio coroutine function from trio; a trio cancellation cancels it, after `on_cancel`."""
        result: T = await self._loop.run_aio_future(Bridged(function(*args), self._loop, on_cancel))
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
        the database. Its jobs use no COPY and no executemany.
        """
        session = Session(self, target)
        self._sessions.append(session)
        return session

    async def is_at_work(self, session: Session) -> bool:
        """Whether the server is carrying out a statement of a session; asked over a fresh connection, for
        the old ones may all be dead without our knowing. Raises DatabaseUnavailable.
        """
        backend = session.backend
        with self.passing_session(session.target) as witness:
            found: bool = await witness.run(
                lambda connection: connection.fetchval(IS_AT_WORK, backend), timeout_s=CONNECT_S_MAX
            )
            return found

    @contextmanager
    def passing_session(self, target: Target) -> Iterator[Session]:
        """A connection of one's own that ends with the block, and with it what it holds."""
        session = self.session(target)
        try:
            yield session
        finally:
            session.terminate()
            self._sessions.remove(session)

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
        opened = None
        try:
            opened = await self.open(self.target, " listen", CONNECT_S_MAX)
            self._listening.append(opened)
            connection = opened.connection
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(channel, lambda *_: on_notify())
            on_ready()
            while True:
                # Not wait_for: before Python 3.12 it forgets who is cancelled in the moment of the answer.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LISTEN_PROBE_S):
                        await lost.wait()
                        raise DatabaseUnavailable("the listening connection was lost")
                async with asyncio.timeout(LISTEN_PROBE_S):
                    await connection.execute(PROBE)
        except Exception as error:
            closed = translate(error)
            if closed is None:
                raise
            raise closed from error
        finally:
            if opened is not None:
                self._listening.remove(opened)
                opened.connection.terminate()

    async def watch(self, every_s: float) -> NoReturn:
        """Hold all jobs to their time limits, for ever; a timer for each would be more callbacks."""
        while True:
            await trio.sleep(every_s)
            now_s = trio.current_time()
            for session in self._sessions:
                session.end_overdue(now_s)

    async def _close(self) -> None:
        """Take leave of the server on all connections; a peer that is silent holds up nobody."""
        for session in self._sessions:
            session.terminate()
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
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_S_MAX):
                await database.bridge(database._close)
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure

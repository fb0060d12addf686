"""Owns a connection to the store that answers as asyncpg's would, and what faults look like over it.

A statement is carried out at once and whole, and takes effect then; within a transaction that writes, when it
commits. Faults are the injected object's (`faults`): what is slow is carried out when its time has come,
whoever has gone meanwhile, as a server does. Knows nothing of what statements do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple

from ledger.postgres.database import Bell, Connect, Opened, call_later
from ledger.postgres.dsn import Target
from simulators.world.memory.faults import BEGIN, COMMIT, CONNECT, NOT_DONE, Ending, Faults, Strike
from simulators.world.memory.ledger import MemoryLedger
from simulators.world.memory.refusals import connection_closed, connection_lost, refusal
from simulators.world.memory.statements import HANDLERS, WRITES_OF_TRANSACTIONS, Handler, Rows


class StandbyWarning(NamedTuple):
    """What a server says with a commit that its standby may not have."""

    sqlstate: str = "01000"
    message: str = "canceling wait for synchronous replication"
    server_source_filename: str = "syncrep.c"


class MemoryConnection:
    """One connection; `backend` is its process at the server. Not for two statements at once."""

    def __init__(self, ledger: MemoryLedger, faults: Faults | None, name: str) -> None:
        self.ledger = ledger
        self.name = name
        self.backend = next(ledger.backends)
        self._faults = faults
        self._is_closed = False
        self._is_silent = False
        self._bell = Bell()
        self._pending: list[Callable[[], object]] | None = None
        self._is_look = False
        self._on_end: list[Callable[[object], object]] = []
        self._on_log: list[Callable[[object, object], object]] = []

    # As asyncpg's

    async def fetch(self, query: str, *arguments: Any) -> Rows:
        """The rows of a statement."""
        return await self._ask(query, arguments)

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        """Its first row; None: it has none."""
        return next(iter(await self._ask(query, arguments)), None)

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """The first value of its first row; None: it has none."""
        row = await self.fetchrow(query, *arguments)
        return None if row is None else row[0]

    async def execute(self, query: str, *arguments: Any) -> str:
        """Carry it out."""
        await self._ask(query, arguments)
        return ""

    async def prepare(self, query: str) -> Prepared:
        """Make a statement ready."""
        _handler(query)
        return Prepared(self, query)

    async def cursor(self, query: str, *arguments: Any) -> Cursor:
        """Read the rows of a statement in parts."""
        return Cursor(await self._ask(query, arguments))

    @asynccontextmanager
    async def transaction(self, *, isolation: str = "", readonly: bool = False) -> AsyncIterator[None]:
        """What is written inside takes effect at its end, if that is reached."""
        await self._carry_out(BEGIN, list)
        self._pending, self._is_look = [], readonly
        try:
            yield
            pending, self._is_look = self._pending, False
            await self._carry_out(COMMIT, lambda: [write() for write in pending])
        finally:
            self._pending, self._is_look = None, False

    async def add_listener(self, channel: str, callback: Callable[..., object]) -> None:
        """Be told of changes of the registry; there is no other channel."""
        self.ledger.on_notify[self] = partial(self._notify, channel, callback)

    def add_log_listener(self, callback: Callable[[object, object], object]) -> None:
        """Be told what the server says besides its answers."""
        self._on_log.append(callback)

    def add_termination_listener(self, callback: Callable[[object], object]) -> None:
        """Be told when the connection has ended."""
        self._on_end.append(callback)

    def get_server_pid(self) -> int:
        """The backend it was greeted with."""
        return self.backend

    def go_straight(self) -> None:
        """It is anybody's to await."""

    def has_ended(self) -> bool:
        """Whether the server has taken leave of it in a way that this end can see."""
        return self._is_closed

    def is_closed(self) -> bool:
        """Whether it has ended, as far as this end knows."""
        return self._is_closed

    def terminate(self) -> None:
        """End it at once, from either end; a statement on its way is lost."""
        if self._is_closed:
            return
        self._is_closed = True
        self.ledger.locks.end(self)
        self.ledger.on_notify.pop(self, None)
        if self in self.ledger.connections:
            self.ledger.connections.remove(self)
        self._bell.ring()
        for callback in self._on_end:
            callback(self)

    # What faults are

    def fall_silent(self) -> None:
        """From now on nothing comes over it, and nobody is told: a middlebox has forgotten it."""
        self._is_silent = True

    async def open(self, timeout_s: float) -> None:
        """Be made, within a time limit. Raises OSError or TimeoutError."""
        strike = self._faults.strike(self, CONNECT) if self._faults else None
        if strike is None:
            return
        is_silent = strike.ending in (Ending.SILENT_BEFORE, Ending.SILENT_AFTER)
        delay_s = timeout_s if is_silent else min(strike.delay_s, timeout_s)
        if delay_s:
            call_later(delay_s, self._bell.ring)
            await self._bell.wait()
        if delay_s >= timeout_s:
            raise TimeoutError
        if strike.ending is not Ending.ANSWERED:
            raise ConnectionRefusedError("the store takes no connection")

    async def _ask(self, query: str, arguments: Sequence[Any]) -> Rows:
        handler = _handler(query)
        if self._pending is not None and query in WRITES_OF_TRANSACTIONS:
            self._pending.append(partial(handler, self, *arguments))
            return await self._carry_out(query, list)
        return await self._carry_out(query, partial(handler, self, *arguments))

    async def _carry_out(self, statement: str, work: Callable[[], Rows]) -> Rows:
        if self._is_closed:
            raise connection_closed()
        if self._is_silent:
            await self._wait()
        strike = self._faults.strike(self, statement) if self._faults and not self._is_look else None
        return work() if strike is None else await self._struck(strike, work)

    async def _struck(self, strike: Strike, work: Callable[[], Rows]) -> Rows:
        """Carry a statement out, or not, when its time has come; and let it end as it does."""
        done: list[Rows | Exception] = []
        if strike.delay_s:
            self.ledger.at_work.add(self.backend)
            call_later(strike.delay_s, self._finish, strike, work, done)
            await self._wait()
        else:
            self._finish(strike, work, done)
        if strike.ending in (Ending.LOST_BEFORE, Ending.LOST_AFTER):
            self.terminate()
            raise connection_lost()
        if strike.ending in (Ending.SILENT_BEFORE, Ending.SILENT_AFTER):
            self.fall_silent()
            await self._wait()
        if strike.ending is Ending.DOUBTFUL:
            for callback in self._on_log:
                callback(self, StandbyWarning())
        (found,) = done
        if isinstance(found, Exception):
            raise found
        return found

    def _finish(self, strike: Strike, work: Callable[[], Rows], done: list[Rows | Exception]) -> None:
        self.ledger.at_work.discard(self.backend)
        if strike.ending is Ending.REFUSED:
            done.append(refusal(strike.sqlstate, "refused", strike.constraint))
        elif strike.ending in NOT_DONE:
            done.append([])
        else:
            try:
                done.append(work())
            except Exception as error:  # the statement's own: told to who asked, if he still waits
                done.append(error)
        if self._is_closed:  # the server finds that nobody is there any more
            self.ledger.locks.end(self)
        self._bell.ring()

    async def _wait(self) -> None:
        """Wait for what comes. Raises as asyncpg does where the connection ends first."""
        self._bell = Bell()
        await self._bell.wait()
        if self._is_closed:
            raise connection_lost()

    def _notify(self, channel: str, callback: Callable[..., object]) -> None:
        if not self._is_silent:
            callback(self, self.backend, channel, "")


def _handler(query: str) -> Handler:
    try:
        return HANDLERS[query]
    except KeyError:
        raise AssertionError(f"the store of the simulated world knows no such statement: {query}") from None


class Prepared:
    """A statement made ready on a connection."""

    def __init__(self, connection: MemoryConnection, query: str) -> None:
        self._connection = connection
        self._query = query

    async def fetchrow(self, *arguments: Any) -> Any:
        """Its first row; None: it has none."""
        return await self._connection.fetchrow(self._query, *arguments)


class Cursor:
    """Rows that are handed over in parts."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._at = 0

    async def fetch(self, rows_max: int) -> Rows:
        """The next rows; none at the end."""
        found = self._rows[self._at : self._at + rows_max]
        self._at += len(found)
        return found


def connector(ledger: MemoryLedger, faults: Faults | None = None) -> Connect:
    """What makes connections to a store, for `open_database(..., connect=…)`."""

    async def connect(_: Target, application_name: str, timeout_s: float) -> Opened:
        connection = MemoryConnection(ledger, faults, application_name)
        await connection.open(timeout_s)
        ledger.connections.append(connection)
        return Opened(connection, connection.backend)

    return connect

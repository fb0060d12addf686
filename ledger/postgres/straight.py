"""Owns how trio drives a connection of asyncpg itself, once asyncio has made it.

asyncpg asks its loop for futures and its transport for a socket, and wants no more of asyncio in a statement.
A connection that goes straight gets both from here: who waits for an answer reads the socket, so that a
statement is one write and one wait for its socket, and nothing crosses to asyncio and back. What it is
not for: COPY, executemany (arrays do as well), and whatever else asyncpg gives to tasks of its own.

Invariants:
- What the server says besides its answer is told before the answer.
- A wait that is cancelled or interrupted leaves the connection in the middle of its statement: its owner
  terminates it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Generator
from typing import Any

import trio

from ledger.postgres.driver import DriverConnection
from ledger.postgres.wire import Nobody, Wire

_due: trio.lowlevel.RunVar[list[Callable[[], object]]] = trio.lowlevel.RunVar("due")


def when_waiting(callback: Callable[[], object]) -> None:
    """Have it called when this job next waits for an answer or a bell, or ends. It must not raise."""
    try:
        _due.get().append(callback)
    except LookupError:
        _due.set([callback])


def call_due() -> None:
    """Call what is to be called by now."""
    due = _due.get([])
    while due:
        due.pop(0)()


class Wait:
    """What a trio task awaits where asyncpg thinks of an asyncio future; for one task."""

    def __init__(self, wire: Wire | None = None) -> None:
        self._wire = wire
        self._is_done = False
        self._found: Any = None
        self._error: BaseException | None = None
        self._task: trio.lowlevel.Task | None = None
        self._on_done: Callable[[Wait], object] | None = None

    def done(self) -> bool:
        """Whether it has a result or an error."""
        return self._is_done

    def cancelled(self) -> bool:
        """Never: a cancelled task leaves it as it is."""
        return False

    def cancel(self) -> bool:
        """Not possible."""
        return False

    def result(self) -> Any:
        """What was found. Raises what went wrong."""
        if self._error is not None:
            raise self._error
        return self._found

    def exception(self) -> BaseException | None:
        """What went wrong; None: nothing."""
        return self._error

    def set_result(self, found: Any) -> None:
        """End it."""
        self._found = found
        self._end()

    def set_exception(self, error: BaseException) -> None:
        """End it."""
        self._error = error
        self._end()

    def add_done_callback(self, callback: Callable[[Wait], object]) -> None:
        """Have the one callback called at its end."""
        self._on_done = callback

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._wait().__await__()

    async def _wait(self) -> Any:
        if not self._is_done:
            call_due()
        if self._wire is None:
            if not self._is_done:
                self._task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._leave)
        else:
            while not self._is_done:
                if not await self._wire.turn() and not self._is_done:
                    raise ConnectionResetError("the connection has gone")
        return self.result()

    def _leave(self, _: object) -> trio.lowlevel.Abort:
        self._task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _end(self) -> None:
        self._is_done = True
        if self._on_done is not None:
            self._on_done(self)
        if self._task is not None:
            trio.lowlevel.reschedule(self._task)
            self._task = None


class Loop:
    """The loop that asyncpg is given: the real one, but for what a straight connection has of its own."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self._wire: Wire | None = None
        self.is_straight = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    # asyncio keeps the current task of each loop in a dict, and asyncpg asks for it by this one.
    def __eq__(self, other: object) -> bool:
        return other is self or other is self._real

    def __hash__(self) -> int:
        return hash(self._real)

    def create_future(self) -> Any:
        """As asyncio says."""
        return Wait(self._wire) if self.is_straight else self._real.create_future()

    def call_soon(self, callback: Callable[..., object], *args: object) -> Any:
        """As asyncio says."""
        # A warning that comes with a commit has to be heard before its answer is.
        return callback(*args) if self.is_straight else self._real.call_soon(callback, *args)

    async def create_connection(
        self,
        make: Callable[[], Any],
        *address: Any,
        ssl: ssl.SSLContext | None = None,
        **options: Any,
    ) -> Any:
        """As asyncio says; with `ssl` TLS is spoken from the first byte."""
        made: list[Wire] = []

        def make_wire() -> Wire:
            made.append(Wire(Nobody() if ssl else make()))
            return made[0]

        try:
            _, wire = await self._real.create_connection(make_wire, *address, **options)
            if ssl is not None:
                await wire.start_tls(ssl, address[0], self._real.create_future)
        except BaseException:
            for wire in made:
                wire.forsake()
            raise
        if ssl is not None:
            wire.set_protocol(make())
            wire.protocol.connection_made(wire)
        return wire, wire.protocol

    async def create_unix_connection(self, make: Callable[[], Any], path: str) -> Any:
        """As asyncio says."""
        _, wire = await self._real.create_unix_connection(lambda: Wire(make()), path)
        return wire, wire.protocol

    async def start_tls(
        self, wire: Wire, protocol: Any, context: ssl.SSLContext, *, server_hostname: str
    ) -> Wire:
        """As asyncio says, of a wire that it has made."""
        await wire.start_tls(context, server_hostname, self._real.create_future)
        return wire

    def go_straight(self, wire: Wire) -> None:
        """From now on what is awaited of the connection is awaited under trio."""
        wire.go_straight()
        self._wire = wire
        self.is_straight = True


class StraightConnection(DriverConnection):
    """A connection which can go straight."""

    __slots__ = ()

    def go_straight(self) -> None:
        """From now on it is trio's. Between statements."""
        self._loop.go_straight(self._transport)

    def has_ended(self) -> bool:
        """Whether the server has taken leave of a connection that is straight, between statements."""
        return self._transport.has_ended()  # type: ignore[no-any-return]

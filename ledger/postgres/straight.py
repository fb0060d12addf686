"""Owns how trio drives a connection of asyncpg itself, once asyncio has made it.

asyncpg asks its loop for futures and its transport for a socket, and wants no more of asyncio in a statement.
A connection that goes straight gets both from here: who waits for an answer reads the socket, so that a
statement is one write and one wait for its socket, and nothing crosses to asyncio and back. What it is not
for: TLS, COPY, executemany (arrays do as well), and whatever else asyncpg gives to tasks of its own.

Invariants:
- What the server says besides its answer is told before the answer.
- A wait that is cancelled or interrupted leaves the connection in the middle of its statement: its owner
  terminates it.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Callable, Generator
from typing import Any, Final

import trio

from ledger.postgres.driver import DriverConnection

READ_BYTES: Final = 1 << 16
ERROR_RESPONSE: Final = b"E"
"""How a message begins that between statements is the last one (PostgreSQL, "Message Formats")."""
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


class Wire:
    """Between asyncio's transport and asyncpg's protocol, each of which takes it for the other; straight, a
    transport of its own.
    """

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.beneath: Any = None
        self._socket: socket.socket | None = None
        self._unsent = b""
        self.is_straight = False

    def has_ended(self) -> bool:
        """Whether the server has taken leave while nothing was asked: nobody reads what comes then."""
        if self._socket is None:
            return True
        try:
            coming = self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True
        return coming in (b"", ERROR_RESPONSE)

    def go_straight(self) -> None:
        """Take the socket over. Between statements."""
        self._socket = self.beneath.get_extra_info("socket").dup()
        self._socket.setblocking(False)
        self.is_straight = True
        self.beneath.abort()
        # Closed it would stay in trio's epoll, for what it was opened for lives on.
        trio.lowlevel.notify_closing(self.beneath.get_extra_info("socket"))

    async def turn(self) -> bool:
        """Wait for the socket, and send or take what it lets pass; False if it has gone. Under trio."""
        if self._socket is None:
            return False
        wait, act = (
            (trio.lowlevel.wait_writable, self._send)
            if self._unsent
            else (trio.lowlevel.wait_readable, self._receive)
        )
        with contextlib.suppress(trio.ClosedResourceError):
            await wait(self._socket)
            act()
        return self._socket is not None

    # As asyncio's protocol

    def connection_made(self, beneath: Any) -> None:
        """As asyncio says."""
        self.beneath = beneath
        self.protocol.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """As asyncio says."""
        self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """As asyncio says."""
        return self.protocol.eof_received()  # type: ignore[no-any-return]

    def connection_lost(self, error: Exception | None) -> None:
        """As asyncio says."""
        if not self.is_straight:
            self.protocol.connection_lost(error)

    def pause_writing(self) -> None:
        """As asyncio says."""
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        """As asyncio says."""
        self.protocol.resume_writing()

    # As asyncio's transport

    def set_protocol(self, protocol: Any) -> None:
        """As asyncio says."""
        self.protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio says."""
        return self.beneath.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """As asyncio says."""
        return self._socket is None if self.is_straight else self.beneath.is_closing()

    def write(self, data: bytes | memoryview) -> None:
        """As asyncio says."""
        if not self.is_straight:
            self.beneath.write(data)
        elif self._unsent:
            self._unsent += data
        else:
            self._unsent = bytes(data)
            self._send()

    def writelines(self, parts: list[bytes]) -> None:
        """As asyncio says."""
        self.write(b"".join(parts))

    def abort(self) -> None:
        """As asyncio says."""
        if self.is_straight:
            self._close()
        else:
            self.beneath.abort()

    def close(self) -> None:
        """As asyncio says."""
        if self.is_straight:
            self._close()
        else:
            self.beneath.close()

    def pause_reading(self) -> None:
        """As asyncio says."""
        if not self.is_straight:
            self.beneath.pause_reading()

    def resume_reading(self) -> None:
        """As asyncio says."""
        if not self.is_straight:
            self.beneath.resume_reading()

    def _send(self) -> None:
        if self._socket is None:  # ended by another task, after the wait
            return
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:  # who reads next is told
            if error.errno in (errno.ENOBUFS, errno.ENOMEM):  # of nothing: the connection lives
                self._socket.shutdown(socket.SHUT_RDWR)
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]

    def _receive(self) -> None:
        if self._socket is None:  # ended by another task, after the wait
            return
        try:
            data = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self.protocol.data_received(data)
        else:
            self._lose(None)

    def _close(self) -> None:
        if self._socket is not None:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            self._socket = None

    def _lose(self, error: Exception | None) -> None:
        self._close()
        self.protocol.connection_lost(error)


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

    async def create_connection(self, make: Callable[[], Any], *address: Any, **options: Any) -> Any:
        """As asyncio says."""
        if options.get("ssl") is not None:
            return await self._real.create_connection(make, *address, **options)
        _, wire = await self._real.create_connection(lambda: Wire(make()), *address, **options)
        return wire, wire.protocol

    async def create_unix_connection(self, make: Callable[[], Any], path: str) -> Any:
        """As asyncio says."""
        _, wire = await self._real.create_unix_connection(lambda: Wire(make()), path)
        return wire, wire.protocol

    async def start_tls(self, wire: Wire, protocol: Any, context: Any, **options: Any) -> Any:
        """As asyncio says."""
        return await self._real.start_tls(wire.beneath, protocol, context, **options)

    def go_straight(self, wire: Wire) -> None:
        """From now on what is awaited of the connection is awaited under trio."""
        wire.go_straight()
        self._wire = wire
        self.is_straight = True


class StraightConnection(DriverConnection):
    """A connection which can go straight."""

    __slots__ = ()

    def go_straight(self) -> bool:
        """Whether it is trio's from now on: not over TLS. Between statements."""
        if isinstance(self._transport, Wire):
            self._loop.go_straight(self._transport)
            return True
        return False

    def has_ended(self) -> bool:
        """Whether the server has taken leave of a connection that is straight, between statements."""
        return self._transport.has_ended()  # type: ignore[no-any-return]

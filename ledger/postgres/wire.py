"""Owns what lies between a connection of asyncpg and its socket, under asyncio while it is made and under
trio from then on, and its TLS all the while: asyncio's could not be taken over.

asyncpg's part in it is written as asyncio's protocols and transports are. Knows nothing of who waits.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

import trio

from ledger.postgres.encryption import Encryption

READ_BYTES: Final = 1 << 16
ERROR_RESPONSE: Final = b"E"
"""How a message begins that between statements is the last one (PostgreSQL, "Message Formats")."""


class Wire:
    """Between asyncio's transport and asyncpg's protocol, each of which takes it for the other; straight, a
    transport of its own.
    """

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.beneath: Any = None
        self._socket: socket.socket | None = None
        self._unsent = b""
        self._error: Exception | None = None
        self._encryption: Encryption | None = None
        self._handshake: Any = None
        self.is_straight = False

    async def start_tls(self, context: ssl.SSLContext, host: str, create_future: Callable[[], Any]) -> None:
        """Shake hands, under asyncio. Raises OSError, ssl.SSLError among it, where that comes to nothing."""
        self._encryption = encryption = Encryption(context, host)
        self._handshake = create_future()
        try:
            while not encryption.is_shaken():
                self.beneath.write(encryption.outgoing())
                await self._handshake
                self._handshake = create_future()
        finally:
            self._handshake = None
            self.beneath.write(encryption.outgoing())  # why it came to nothing, too

    def forsake(self) -> None:
        """End it before asyncpg has it, whose protocol would leave an error that nobody reads."""
        self.protocol = Nobody()
        if self.beneath is not None:
            self.beneath.abort()

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
        return coming in (b"", ERROR_RESPONSE) or self._encryption is not None  # what it says cannot be seen

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
        if self._handshake is None:
            self._hand_on(data)
            return
        assert self._encryption is not None
        self._encryption.fed(data)
        if not self._handshake.done():
            self._handshake.set_result(None)

    def eof_received(self) -> bool | None:
        """As asyncio says."""
        return self.protocol.eof_received()  # type: ignore[no-any-return]

    def connection_lost(self, error: Exception | None) -> None:
        """As asyncio says."""
        if self._handshake is not None and not self._handshake.done():
            self._handshake.set_exception(
                error or ConnectionResetError("the server hung up on the handshake")
            )
        if not self.is_straight:
            self.protocol.connection_lost(error or self._error)

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
        if name == "ssl_object" and self._encryption is not None:
            return self._encryption.object
        return self.beneath.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """As asyncio says."""
        return self._socket is None if self.is_straight else self.beneath.is_closing()

    def write(self, data: bytes | memoryview) -> None:
        """As asyncio says."""
        self._put(data if self._encryption is None else self._encryption.sealed(data))

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

    def _put(self, data: bytes | memoryview) -> None:
        if not self.is_straight:
            self.beneath.write(data)
        elif self._unsent:
            self._unsent += data
        else:
            self._unsent = bytes(data)
            self._send()

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
            self._hand_on(data)
        else:
            self._lose(None)

    def _hand_on(self, data: bytes) -> None:
        """Tell asyncpg what has come."""
        if self._encryption is not None:
            try:
                opened = self._encryption.opened(data)
            except ssl.SSLError as error:
                self._lose(error)
                return
            if said := self._encryption.outgoing():  # what is asked of TLS itself
                self._put(said)
            if opened is None:
                self._lose(None)
                return
            data = opened
        if data:
            self.protocol.data_received(data)

    def _close(self) -> None:
        if self._socket is not None:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            self._socket = None

    def _lose(self, error: Exception | None) -> None:
        if self.is_straight:
            self._close()
            self.protocol.connection_lost(error)
        else:
            self._error = error
            self.beneath.abort()  # asyncio tells of it


class Nobody:
    """The protocol of a connection that shakes hands before anybody speaks."""

    def connection_made(self, wire: Wire) -> None:
        """As asyncio says."""
        self._wire = wire

    def data_received(self, data: bytes) -> None:
        """A server that speaks before it is spoken to speaks no TLS."""
        self._wire.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """The handshake is told."""

    def eof_received(self) -> None:
        """The connection is to be closed."""

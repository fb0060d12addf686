"""Bytes between a terminal and the switch: addresses, plain TCP on a bare non-blocking socket, TLS where
asked.

Owns connecting (with a deadline) and the closed mapping of socket errors to `CannotConnect` and `LinkLost`.
The plain path waits in the kernel once per reply and nowhere else: a trio stream costs more than the whole
codec.

Must not know: frames, sessions, messages.

Invariant: nothing but `CannotConnect` and `LinkLost` comes out on account of the network.
"""

import errno
import os
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import trio

from simulators.errors import CannotConnect, CannotConnectCause, LinkLost

DEFAULT_PORT: Final = 7070
CONNECT_TIMEOUT_S: Final = 5.0
_RECEIVE_BYTES: Final = 8192
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_PORT_MAX: Final = 65535


class Channel(Protocol):
    """A byte stream to the switch. `send` and `receive` raise LinkLost; `receive` returns b"" at the end."""

    async def send(self, data: bytes) -> None:
        """Hand all of `data` to the network."""

    async def receive(self) -> bytes:
        """Wait for bytes."""

    def close(self) -> None:
        """Close in an orderly way (FIN); never waits."""

    def abort(self) -> None:
        """Break the line (RST where there is one); never waits."""


Connector: TypeAlias = Callable[[], Awaitable[Channel]]
"""Opens a channel, or raises CannotConnect."""


@dataclass(frozen=True)
class Address:
    """Where the switch listens. `ca_file`: certificates to trust for TLS; None means the system's.
    `certificate`: a file with the terminal's own and its private key, shown where it is asked for.
    """

    host: str
    port: int = DEFAULT_PORT
    tls: bool = False
    ca_file: Path | None = None
    certificate: Path | None = None

    @classmethod
    def parse(cls, text: str, *, ca_file: Path | None = None, certificate: Path | None = None) -> "Address":
        """Read `host`, `host:port`, `[::1]:port`, each optionally behind `tcp://` or `tls://`.

        Raises ValueError with a readable line.
        """
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = "tcp", text
        if scheme not in {"tcp", "tls"}:
            raise ValueError(f"address {text!r}: the scheme must be tcp or tls")
        if rest.startswith("["):
            host, bracket, port = rest[1:].partition("]")
            colon, port = port[:1], port[1:]
            if not bracket or colon not in {"", ":"}:
                raise ValueError(f"address {text!r}: expected [address]:port")
        else:
            host, colon, port = rest.partition(":")
        if not host:
            raise ValueError(f"address {text!r}: the host is missing")
        number = port if colon else str(DEFAULT_PORT)
        if not (re.fullmatch("[0-9]{1,5}", number) and 0 < int(number) <= _PORT_MAX):
            raise ValueError(f"address {text!r}: the port must be a number from 1 to {_PORT_MAX}")
        return cls(host, int(number), scheme == "tls", ca_file, certificate)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls://' if self.tls else ''}{host}:{self.port}"


class SocketChannel:
    """Plain TCP over a connected, non-blocking standard socket; takes ownership of it."""

    __slots__ = ("_socket",)

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    async def send(self, data: bytes) -> None:
        """Send; a request fits an idle connection's buffer, so this rarely waits."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise LinkLost(f"connection lost while sending: {_why(error)}") from None
        while sent < len(data):
            await self._ready(trio.lowlevel.wait_writable)
            try:
                sent += self._socket.send(data[sent:])
            except BlockingIOError:
                continue
            except OSError as error:
                raise LinkLost(f"connection lost while sending: {_why(error)}") from None

    async def receive(self) -> bytes:
        """Wait for bytes; b"" when the switch has closed."""
        while True:
            await self._ready(trio.lowlevel.wait_readable)
            try:
                return self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                continue
            except OSError as error:
                raise LinkLost(f"connection lost: {_why(error)}") from None

    async def _ready(self, wait: Callable[[socket.socket], Awaitable[None]]) -> None:
        if self._socket.fileno() < 0:
            raise LinkLost("connection closed")  # trio keeps a waiter for ever under the descriptor -1
        try:
            await wait(self._socket)
        except (trio.ClosedResourceError, OSError):
            raise LinkLost("connection closed") from None

    def close(self) -> None:
        """Close with FIN."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    def abort(self) -> None:
        """Close with RST: what a line cut by a restarting router looks like to the switch."""
        if self._socket.fileno() >= 0:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.close()


class StreamChannel:
    """Any trio stream as a channel; `close` and `abort` end what carries it, without waiting."""

    def __init__(
        self, stream: trio.abc.Stream, *, close: Callable[[], None], abort: Callable[[], None]
    ) -> None:
        self._stream = stream
        self._close = close
        self._abort = abort

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise LinkLost("connection lost while sending") from None

    async def receive(self) -> bytes:
        """Wait for bytes; b"" when the switch has closed."""
        try:
            return bytes(await self._stream.receive_some(_RECEIVE_BYTES))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise LinkLost("connection lost") from None

    def close(self) -> None:
        """Close at once; a TLS close_notify would have to wait and tells the switch nothing it needs."""
        self._close()

    def abort(self) -> None:
        """Break the line."""
        self._abort()


def connector(address: Address, *, timeout_s: float = CONNECT_TIMEOUT_S) -> Connector:
    """Return a connector for `address` that gives up after `timeout_s` (name look-up and TLS included)."""
    context = ssl.create_default_context(cafile=address.ca_file) if address.tls else None
    if context is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        if address.certificate is not None:
            context.load_cert_chain(address.certificate)

    async def connect() -> Channel:
        with trio.move_on_after(timeout_s):
            connected = await _connect_any(address)
            try:
                if context is None:
                    return SocketChannel(connected)
                return await _start_tls(connected, context, address)
            except BaseException:
                connected.close()
                raise
        raise CannotConnect(CannotConnectCause.TIMED_OUT, f"{address} did not answer within {timeout_s:g} s")

    return connect


async def _connect_any(address: Address) -> socket.socket:
    """Try the host's addresses one after the other; a terminal's switch has one or two."""
    try:
        found = await trio.socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotConnect(
            CannotConnectCause.NAME_UNKNOWN, f"host {address.host!r} is unknown ({error})"
        ) from None
    failure: OSError | None = None
    for family, kind, protocol, _, target in found:
        try:
            return await _connect_one(socket.socket(family, kind, protocol), target)
        except OSError as error:
            failure = error
    detail = f"{address}: {_why(failure)}" if failure is not None else f"{address} has no address"
    refused = isinstance(failure, ConnectionRefusedError)
    raise CannotConnect(CannotConnectCause.REFUSED if refused else CannotConnectCause.UNREACHABLE, detail)


async def _connect_one(plain: socket.socket, target: object) -> socket.socket:
    try:
        plain.setblocking(False)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = plain.connect_ex(target)  # type: ignore[arg-type]  # (host, port, …) as getaddrinfo gave it
        if code in {errno.EINPROGRESS, errno.EWOULDBLOCK}:
            await trio.lowlevel.wait_writable(plain)
            code = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
    except BaseException:
        plain.close()
        raise
    return plain


async def _start_tls(plain: socket.socket, context: ssl.SSLContext, address: Address) -> Channel:
    carried = trio.SocketStream(trio.socket.from_stdlib_socket(plain))
    stream = trio.SSLStream(carried, context, server_hostname=address.host)
    try:
        await stream.do_handshake()
    except (trio.BrokenResourceError, ssl.SSLError) as error:
        reason = error.__cause__ or error
        raise CannotConnect(CannotConnectCause.TLS, f"{address}: TLS failed ({reason})") from None
    below = SocketChannel(plain)
    return StreamChannel(stream, close=below.close, abort=below.abort)


def _why(error: OSError) -> str:
    return error.strerror or type(error).__name__

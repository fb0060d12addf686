"""The listening socket and the handshakes: everything before a connection is authenticated.

Owns the accept loop, the handshake deadline and the cap on half-open connections (when it is reached, the
oldest one makes room: honest terminals finish within two round trips). Must not know requests.
Invariant: unknown, blocked and wrongly keyed terminals see the same exchange (SPEC.md, Handshake).
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import select
import socket
import ssl
from collections.abc import Awaitable, Callable

import structlog
import trio

from protocol import AuthenticationFailed, ProtocolError, ServerSession
from switch.clock import clock_ms
from switch.config import Config
from switch.flow.connection import Connection, Transport
from switch.metrics import Meters
from switch.rules.directory import Directory
from switch.wire.hub import Hub
from switch.wire.pump import Pump, PumpedSocket
from switch.wire.stream import StreamTransport

log = structlog.get_logger()

BACKLOG = 4_096
SOCKET_BUFFER_BYTES = 65_536
ACCEPTS_PER_TURN = 64
HANDSHAKE_READ_BYTES = 256
DESCRIPTORS_SHORT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


UseKey = Callable[[int, int], Awaitable[bool]]
"""Told of terminal and generation before ACCEPT is sent, whether this generation may still be used."""


class KeyRefused(Exception):
    """A terminal proved a key that may not be used any more."""


class PortInUse(Exception):
    """The terminals' port cannot be bound; the message says cause and cure."""


def bind_listener(config: Config) -> socket.socket:
    """Bind and listen; workers share the port by SO_REUSEPORT. Raises `PortInUse`."""
    family = socket.AF_INET6 if ":" in config.listen_host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        _set_for_all_accepted(sock, config)
        sock.bind((config.listen_host, config.listen_port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortInUse(
            f"cannot listen on {config.listen_host}:{config.listen_port}: {error.strerror}."
            " Stop what holds it, or choose another with --listen-port."
        ) from None
    sock.setblocking(False)
    return sock


def _set_for_all_accepted(sock: socket.socket, config: Config) -> None:
    """Set what accepted sockets inherit, so that it costs nothing at each."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Buffers that do not grow: what a peer sends unread or leaves unread costs so much memory and no more.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # The write time-out of what lies in the socket's own buffer, where the sweep does not see it.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(config.write_s * 1_000))


def tls_context(config: Config) -> ssl.SSLContext | None:
    """The TLS 1.3 context of the settings, or None for plain TCP.

    Raises OSError/ssl.SSLError on bad files.
    """
    if not config.tls_wanted:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(config.tls_certificate, config.tls_key)
    return context


class SocketStream:
    """Just enough of a stream over a raw non-blocking socket to shake hands on it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    async def receive_some(self, size_max: int) -> bytes:
        """Wait for bytes; b"" at the end."""
        while True:
            try:
                return self._socket.recv(size_max)
            except BlockingIOError:
                await trio.lowlevel.wait_readable(self._socket)
            except OSError:
                return b""

    async def send_all(self, data: bytes) -> None:
        """Write all of `data`. Raises `trio.BrokenResourceError`."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
            except OSError as error:
                raise trio.BrokenResourceError from error


class Listener:
    """Accepts connections and carries each through its handshake into the pump or a stream of its own."""

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        hub: Hub,
        pump: Pump | None,
        meters: Meters,
        use_key: UseKey,
    ) -> None:
        self._config = config
        self._directory = directory
        self._hub = hub
        self._pump = pump
        self._meters = meters
        self._use_key = use_key
        self._tls = tls_context(config)
        self._dummy_key = secrets.token_bytes(32)
        self._half_open: dict[int, trio.CancelScope] = {}
        self._serial = 0

    def renew_tls(self) -> None:
        """Read the certificate's files anew, for handshakes to come. Raises OSError or ssl.SSLError."""
        self._tls = tls_context(self._config)

    @property
    def half_open(self) -> int:
        """Connections that have not authenticated yet."""
        return len(self._half_open)

    async def run(self, sock: socket.socket, nursery: trio.Nursery) -> None:
        """Accept until cancelled; connections live in `nursery`. Closes the listening socket."""
        with sock:
            while True:
                await trio.lowlevel.wait_readable(sock)
                for _ in range(ACCEPTS_PER_TURN):
                    try:
                        accepted, address = sock.accept()
                    except BlockingIOError:
                        break
                    except OSError as error:
                        # The peer left already, or descriptors are short: the backlog holds the others.
                        if error.errno in DESCRIPTORS_SHORT:
                            log.error("accept_failed", problem=str(error.strerror))
                            await trio.sleep(0.1)
                        break
                    nursery.start_soon(self.serve_socket, accepted, str(address[0]))

    async def serve_socket(self, sock: socket.socket, source: str) -> None:
        """Carry one accepted socket through TLS (if set) and the handshake, and hand it on."""
        sock.setblocking(False)
        if self._tls is None and self._pump is not None:
            await self._serve_pumped(sock, source, self._pump)
            return
        stream: trio.abc.Stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        if self._tls is not None:
            stream = trio.SSLStream(stream, self._tls, server_side=True, https_compatible=True)
        await self.serve_stream(stream, source)

    async def _serve_pumped(self, sock: socket.socket, source: str, pump: Pump) -> None:
        with contextlib.ExitStack() as closing:
            closing.enter_context(sock)
            session = await self._authenticate(SocketStream(sock), source)
            if session is None:
                return
            carrier = PumpedSocket(pump, sock)
            connection = self._connection(session, source, carrier)
            pump.add(connection, carrier)
            closing.pop_all()
        self._admit(connection)

    async def serve_stream(self, stream: trio.abc.Stream, source: str) -> None:
        """Serve one connection over a trio stream, from its first byte to its end."""
        try:
            session = await self._authenticate(stream, source)
            if session is not None:
                transport = StreamTransport(self._hub, stream)
                connection = self._connection(session, source, transport)
                self._admit(connection)
                await transport.run(connection)
        finally:
            await trio.aclose_forcefully(stream)

    def _connection(self, session: ServerSession, source: str, transport: Transport) -> Connection:
        assert session.terminal is not None
        terminal = self._directory.terminals[session.terminal]
        assert session.generation is not None
        return Connection(
            session,
            transport,
            terminal=terminal,
            terminal_of=lambda _: terminal,
            allowance=self._hub.connections.allowance_of(terminal.number),
            generation=session.generation,
            source=source,
            now=trio.current_time(),
        )

    def _admit(self, connection: Connection) -> None:
        self._hub.admit(connection)
        if connection.terminal is not None and connection.terminal.blocked:
            # While ACCEPT was being written: the block found no connection to close.
            self._hub.connections.close(connection, "terminal_blocked")

    async def _authenticate(
        self, stream: SocketStream | trio.abc.Stream, source: str
    ) -> ServerSession | None:
        """Shake hands within the deadline; None if it comes to nothing."""
        serial = self._serial = self._serial + 1
        result = "timeout"
        session: ServerSession | None = None
        with trio.CancelScope(deadline=trio.current_time() + self._config.handshake_s) as scope:
            if len(self._half_open) >= self._config.handshakes_max:
                self._half_open.pop(next(iter(self._half_open))).cancel()
                self._meters.closes["handshakes_full"] += 1
            self._half_open[serial] = scope
            try:
                session = await self._shake_hands(stream)
                result = "accepted" if session else "peer_closed"
            except AuthenticationFailed as fault:
                result = "refused"
                self._hub.connections.fault(source, fault.reason)
            except ProtocolError as fault:
                result = str(fault.reason)
                self._hub.connections.fault(source, fault.reason)
            except KeyRefused:
                result = "key_refused"
            except (trio.BrokenResourceError, ssl.SSLError):
                result = "peer_closed"
            finally:
                self._half_open.pop(serial, None)
        if session is not None and self._hub.connections.full:
            session, result = None, "connections_full"
        self._meters.handshakes[result] += 1
        return session

    async def _shake_hands(self, stream: SocketStream | trio.abc.Stream) -> ServerSession | None:
        def find_key(terminal: int, generation: int) -> bytes | None:
            return self._directory.find_key(terminal, generation, clock_ms())

        session = ServerSession(
            nonce=secrets.token_bytes(32),
            session_id=secrets.token_bytes(8),
            find_key=find_key,
            dummy_key=self._dummy_key,
        )
        while not session.is_open:
            data = await stream.receive_some(HANDSHAKE_READ_BYTES)
            if not data:
                return None
            session.receive(bytes(data), 0)
            if session.is_open and not await self._use_key(*proved(session)):
                raise KeyRefused
            await stream.send_all(session.data_to_send())
        return session


def proved(session: ServerSession) -> tuple[int, int]:
    """Return terminal and generation of an open session."""
    assert session.terminal is not None
    assert session.generation is not None
    return session.terminal, session.generation


def epoll_available() -> bool:
    """True where the pump can run (Linux)."""
    with contextlib.suppress(AttributeError, OSError):
        select.epoll().close()
        return True
    return False

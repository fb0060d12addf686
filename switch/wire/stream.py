"""Connections over ordinary trio streams: for machines without epoll, and for what is no socket at all.

Owns a task for each handshake, and one reader and one writer task per connection. Same calls as doorway and
pump, so nothing else in the switch knows the difference. Invariant: all tasks end when the connection is
closed.
"""

from __future__ import annotations

import socket
import ssl
from typing import NoReturn, Protocol

import trio

from protocol import ProtocolError, ServerSession
from switch.flow.connection import Connection
from switch.wire.admission import CERTIFICATE_OF_OTHERS, Admission, proved
from switch.wire.client_certificates import Names, fault_of, names_of
from switch.wire.hub import Hub
from switch.wire.listener import set_for_all_accepted, tls_context

READ_BYTES_MAX = 8_192


class Entrance(Protocol):
    """Where streams come in by themselves: the listening socket of a switch that has none."""

    async def accept(self) -> tuple[trio.abc.Stream, str]:
        """Wait for the next stream; return it and where it comes from."""

    def close(self) -> None:
        """Let nobody in any more."""


class StreamTransport:
    """Carries one connection over a `trio.abc.Stream`."""

    def __init__(self, hub: Hub, stream: trio.abc.Stream) -> None:
        self._hub = hub
        self._stream = stream
        self._to_write = trio.Event()
        self._to_read = trio.Event()
        self._scope = trio.CancelScope()

    async def run(self, connection: Connection) -> None:
        """Serve the connection until it is closed. Closing the stream is the caller's."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, connection)
                await self._read(connection)

    async def _read(self, connection: Connection) -> None:
        while not connection.closed:
            await self._to_read.wait()
            await self._hub.wait_room()
            if connection.may_take:
                self._hub.take(connection, b"", trio.current_time())
                await trio.lowlevel.checkpoint()
            elif connection.may_read:
                try:
                    data = await self._stream.receive_some(READ_BYTES_MAX)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._hub.lost(connection, "peer_closed")
                    return
                if data:
                    self._hub.take(connection, bytes(data), trio.current_time())
                else:
                    self._hub.ended(connection)

    async def _write(self, connection: Connection) -> None:
        while True:
            await self._to_write.wait()
            self._to_write = trio.Event()
            while connection.outbox:
                chunk = bytes(connection.outbox[:READ_BYTES_MAX])
                try:
                    await self._stream.send_all(chunk)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._hub.lost(connection, "write_error")
                    return
                del connection.outbox[: len(chunk)]
                self._hub.meters.bytes_sent += len(chunk)
            self._hub.written(connection)

    def flush(self, connection: Connection) -> bool:
        """Wake the writer; it tells when all has been taken."""
        if connection.outbox:
            self._to_write.set()
            return False
        return True

    def watch(self, connection: Connection) -> None:
        """Let the reader go on, or wait; a read that waits already is still served."""
        if connection.may_read or connection.may_take:
            self._to_read.set()
        elif self._to_read.is_set():
            self._to_read = trio.Event()

    def drop(self, connection: Connection) -> None:
        """End both tasks, and so `run`."""
        self._scope.cancel()


class StreamDoorway:
    """Accepts connections and carries each through its handshake into a `StreamTransport`."""

    def __init__(self, admission: Admission, nursery: trio.Nursery) -> None:
        self._admission = admission
        self._nursery = nursery
        self._config = admission.config
        self._tls = tls_context(admission.config)
        self._half_open: dict[int, trio.CancelScope] = {}
        self._serial = 0
        self._listening: socket.socket | None = None

    def reload(self) -> None:
        """Take over changed settings for handshakes to come. Raises OSError or ssl.SSLError."""
        self._tls = tls_context(self._config)
        if self._listening is not None:
            set_for_all_accepted(self._listening, self._config)

    @property
    def half_open(self) -> int:
        """Connections that have not authenticated yet."""
        return len(self._half_open)

    async def run(self, listening: socket.socket) -> None:
        """Accept until cancelled; closes the listening socket and whatever is half open."""
        self._listening = listening
        try:
            with trio.socket.from_stdlib_socket(listening) as sock:
                # trio's own serving waits where descriptors are short, and survives a peer that has gone.
                listener = trio.SocketListener(sock)
                await trio.serve_listeners(self._serve_socket, [listener], handler_nursery=self._nursery)
        finally:
            self._end_half_open()

    async def run_entrance(self, entrance: Entrance) -> NoReturn:
        """The same for what comes in without a socket."""
        try:
            while True:
                stream, source = await entrance.accept()
                self._nursery.start_soon(self.serve_stream, stream, source)
        finally:
            entrance.close()
            self._end_half_open()

    def _end_half_open(self) -> None:
        for scope in self._half_open.values():
            scope.cancel()

    async def _serve_socket(self, stream: trio.SocketStream) -> None:
        try:
            source = str(stream.socket.getpeername()[0])
        except OSError:  # it has gone already
            await trio.aclose_forcefully(stream)
            return
        if self._tls is None:
            await self.serve_stream(stream, source)
        else:
            tls = trio.SSLStream(stream, self._tls, server_side=True, https_compatible=True)
            await self.serve_stream(tls, source)

    async def serve_stream(self, stream: trio.abc.Stream, source: str) -> None:
        """Serve one connection over a trio stream, from its first byte to its end."""
        try:
            if session := await self._authenticate(stream, source):
                transport = StreamTransport(self._admission.hub, stream)
                connection = self._admission.connect(session, source, transport)
                self._admission.admit(connection)
                await transport.run(connection)
        finally:
            await trio.aclose_forcefully(stream)

    async def _authenticate(self, stream: trio.abc.Stream, source: str) -> ServerSession | None:
        """Shake hands within the deadline; None if it comes to nothing."""
        serial = self._serial = self._serial + 1
        admission = self._admission
        deadline = trio.current_time() + self._config.handshake_s
        fault: _RefusedError | ProtocolError | None = None
        with trio.CancelScope(deadline=deadline) as scope:
            if len(self._half_open) >= self._config.handshakes_max:
                self._half_open.pop(next(iter(self._half_open))).cancel()
            self._half_open[serial] = scope
            try:
                return await self._shake_hands(stream, source)
            except (_RefusedError, ProtocolError) as error:
                fault = error
            except (trio.BrokenResourceError, ssl.SSLError) as error:
                fault = _of_certificate(error)
                if fault is None:
                    admission.meters.handshakes["peer_closed"] += 1
            finally:
                self._half_open.pop(serial, None)
        if fault is not None:  # past the deadline's reach: what was refused is counted as that
            await trio.aclose_forcefully(stream)
        if isinstance(fault, _RefusedError):
            admission.failed(source, fault.reason, terminal=fault.terminal, **fault.more)
        elif fault is not None:
            admission.failed_protocol(source, fault)
        elif scope.cancelled_caught:
            result = "timeout" if trio.current_time() >= deadline else "evicted"
            admission.meters.handshakes[result] += 1
        return None

    async def _shake_hands(self, stream: trio.abc.Stream, source: str) -> ServerSession:
        session = self._admission.new_session(source)
        while not session.is_open:
            data = await stream.receive_some(READ_BYTES_MAX)
            if not data:
                raise trio.BrokenResourceError
            session.receive(bytes(data), 0)
            if session.is_open:
                number, generation = proved(session)
                if problem := self._admission.not_named(session, _names(stream)):
                    raise _RefusedError(CERTIFICATE_OF_OTHERS, number, problem=problem)
                if reason := self._admission.refusal(session):
                    raise _RefusedError(reason, number)
                if not await self._admission.keys.may_use(number, generation):
                    raise _RefusedError("key_refused", number)
            await stream.send_all(session.data_to_send())
        return session


class _RefusedError(Exception):
    """A terminal that has proved its key is not let in, or whoever shows no certificate that counts."""

    def __init__(self, reason: str, terminal: int = 0, **more: str) -> None:
        self.reason = reason
        self.terminal = terminal
        self.more = more


def _names(stream: trio.abc.Stream) -> Names | None:
    if not isinstance(stream, trio.SSLStream):
        return None
    return names_of(stream)


def _of_certificate(error: Exception) -> _RefusedError | None:
    """Return the refusal where the peer's certificate is the fault; None for any other end."""
    cause = error if isinstance(error, ssl.SSLError) else error.__cause__
    if not isinstance(cause, ssl.SSLError):
        return None
    reason, problem = fault_of(cause)
    return None if reason == "tls" else _RefusedError(reason, problem=problem)

"""The pump: one trio task that reads every ready plain socket through an epoll object.

Owns the sockets of authenticated plain connections. trio waits on one descriptor, the epoll object's, so a
request costs no task switch of its own (the measurement: design.md, "The flow of a transaction"). Handshakes,
TLS and machines without epoll stay in ordinary trio tasks (listener.py, stream.py).
Invariant: a descriptor is registered as long as its connection is open, and closed with it.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

import trio

from switch.flow.connection import Connection
from switch.wire.hub import Hub

READ_BYTES_MAX = 8_192
READY_MAX = 16
"""Sockets read in one round of trio; an answer of the ledger takes about four rounds (ARCHITECTURE.md)."""


class PumpedSocket:
    """Carries one connection over a non-blocking socket of the pump. Implements `connection.Transport`."""

    __slots__ = ("_pump", "_send", "sock")

    def __init__(self, pump: Pump, sock: socket.socket) -> None:
        self._pump = pump
        self._send = sock.send
        self.sock = sock

    def flush(self, connection: Connection) -> None:
        """Write the outbox as far as the socket takes it; epoll tells when it takes more."""
        outbox = connection.outbox
        if not outbox:
            return
        waiting = connection.write_since is not None
        try:
            sent = self._send(outbox)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._pump.hub.connections.close(connection, "write_error")
            return
        del outbox[:sent]
        if outbox or waiting:
            self.watch(connection)

    def watch(self, connection: Connection) -> None:
        """Tell epoll what to wait for, after `connection.paused` or the outbox changed."""
        events = 0 if connection.paused else select.EPOLLIN
        self._pump.epoll.modify(self.sock.fileno(), events | (select.EPOLLOUT if connection.outbox else 0))

    def drop(self, connection: Connection) -> None:
        """Close the socket of a connection."""
        self._pump.remove(self.sock)
        self.sock.close()


class Pump:
    """Reads the sockets of its connections, and tells them when a full one takes more."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.epoll = select.epoll()
        self._lines: dict[int, tuple[Connection, Callable[[int], bytes]]] = {}

    def add(self, connection: Connection, sock: socket.socket) -> None:
        """Take over the socket of a connection that has just authenticated."""
        self._lines[sock.fileno()] = connection, sock.recv
        self.epoll.register(sock.fileno(), select.EPOLLIN)

    def remove(self, sock: socket.socket) -> None:
        """Forget an open socket."""
        del self._lines[sock.fileno()]
        if not self.epoll.closed:
            self.epoll.unregister(sock.fileno())

    async def run(self) -> None:
        """Pump until cancelled; what is still connected then is closed."""
        hub, epoll, lines = self.hub, self.epoll, self._lines
        bytes_received = hub.bytes_received
        ready: list[tuple[int, int]] = []
        try:
            while True:
                await hub.wait_room()
                if len(ready) < READY_MAX:
                    await trio.lowlevel.wait_readable(epoll.fileno())
                else:  # there may be more, but the others first
                    await trio.lowlevel.checkpoint()
                now = trio.current_time()
                ready = epoll.poll(0, READY_MAX)
                for fd, events in ready:
                    # A line may be gone: closed by what was read before it in this round.
                    line = lines.get(fd)
                    if line is None:
                        continue
                    connection, recv = line
                    if events & select.EPOLLOUT:
                        hub.flush(connection, now)
                    if events & ~select.EPOLLOUT:
                        try:
                            data = recv(READ_BYTES_MAX)
                        except BlockingIOError:
                            continue
                        except OSError:
                            data = b""
                        bytes_received(connection, data, now)
        finally:
            epoll.close()
            for connection, _ in list(lines.values()):
                hub.connections.close(connection, "stopped")

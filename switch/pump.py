"""The pump: one trio task that reads every ready plain socket through an epoll object.

Owns the sockets of authenticated plain connections. trio waits on one descriptor, the epoll object's, so a
request costs no task switch of its own (the measurement: design.md, "The flow of a transaction"). Handshakes,
TLS and machines without epoll stay in ordinary trio tasks (listener.py, stream.py).
Invariant: a descriptor is registered as long as its connection is open, and closed with it.
"""

from __future__ import annotations

import select
import socket

import trio

from switch.connection import Connection
from switch.hub import Hub

READ_BYTES_MAX = 8_192
READY_MAX = 1_024


class Pump:
    """Reads, and writes what did not fit at once. Implements `connection.Transport`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._epoll = select.epoll()
        self._sockets: dict[Connection, socket.socket] = {}
        self._connections: dict[int, Connection] = {}

    def add(self, connection: Connection, sock: socket.socket) -> None:
        """Take over the non-blocking socket of a connection that has just authenticated."""
        self._sockets[connection] = sock
        self._connections[sock.fileno()] = connection
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    async def run(self) -> None:
        """Pump until cancelled."""
        descriptor = self._epoll.fileno()
        connections = self._connections
        hub = self._hub
        try:
            while True:
                await hub.wait_room()
                await trio.lowlevel.wait_readable(descriptor)
                now = trio.current_time()
                for fd, events in self._epoll.poll(0, READY_MAX):
                    connection = connections.get(fd)
                    if connection is None:
                        continue
                    if events & select.EPOLLOUT:
                        hub.flush(connection, now)
                    if events & ~select.EPOLLOUT:
                        self._read(connection, fd, now)
        finally:
            self._epoll.close()
            for sock in self._sockets.values():
                sock.close()

    def _read(self, connection: Connection, fd: int, now: float) -> None:
        try:
            data = self._sockets[connection].recv(READ_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._hub.bytes_received(connection, data, now)

    def flush(self, connection: Connection) -> None:
        """Write the outbox as far as the socket takes it; epoll tells when it takes more."""
        outbox = connection.outbox
        sock = self._sockets.get(connection)
        if sock is None or not outbox:
            return
        waiting = connection.write_since is not None
        try:
            sent = sock.send(outbox)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._hub.connections.close(connection, "write_error")
            return
        del outbox[:sent]
        if outbox or waiting:
            self._register(connection, sock)

    def watch(self, connection: Connection) -> None:
        """Start or stop reading, after `connection.paused` changed."""
        if sock := self._sockets.get(connection):
            self._register(connection, sock)

    def _register(self, connection: Connection, sock: socket.socket) -> None:
        events = 0 if connection.paused else select.EPOLLIN
        self._epoll.modify(sock.fileno(), events | (select.EPOLLOUT if connection.outbox else 0))

    def drop(self, connection: Connection) -> None:
        """Close the socket of a connection."""
        sock = self._sockets.pop(connection, None)
        if sock is None:
            return
        del self._connections[sock.fileno()]
        if not self._epoll.closed:
            self._epoll.unregister(sock.fileno())
        sock.close()

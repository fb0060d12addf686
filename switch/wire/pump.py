"""The pump: one trio task that serves every authenticated connection through an epoll object.

Owns the sockets of authenticated connections and whose turn it is. trio waits on one descriptor, the epoll
object's, so a request costs no task switch of its own (the measurement: ARCHITECTURE.md, "One pump").
Machines without epoll use ordinary trio tasks (stream.py). epoll itself is the queue of turns: it hands out
descriptors that are ready in rotation, and one that has had its turn goes to the end. A connection of which
requests wait, read and not taken, asks to be told when its socket can be written, which is at once: so it has
its place in the same queue. Invariants: a descriptor is registered as long as its connection is open, and
closed with it; in each round a connection has one turn at most.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections.abc import Callable

import trio

from switch.flow.connection import Connection
from switch.wire.hub import Hub
from switch.wire.tls import PlainSocket, TlsSocket

READ_BYTES_MAX = 8_192
READY_MAX = 16
"""Connections that have a turn in one round of trio; an answer of the ledger takes about four rounds
(ARCHITECTURE.md)."""
READ, WRITE = select.EPOLLIN, select.EPOLLOUT
GONE = ~(READ | WRITE)
"""EPOLLERR and EPOLLHUP are told unasked: there is nobody to read from or to write to."""


class PumpedSocket:
    """Carries one connection over a non-blocking socket of the pump. Implements `connection.Transport`."""

    __slots__ = ("_meters", "_pump", "_send", "events", "sock")

    def __init__(self, pump: Pump, sock: PlainSocket | TlsSocket) -> None:
        self._pump = pump
        self._meters = pump.hub.meters
        self._send = sock.send
        self.events = READ
        """What epoll is told to wait for."""
        self.sock = sock

    def flush(self, connection: Connection) -> bool:
        """Write the outbox as far as the socket takes it; epoll tells when it takes more."""
        outbox = connection.outbox
        try:
            while outbox or self.sock.unsent:
                taken = self._send(outbox)
                del outbox[:taken]
                self._meters.bytes_sent += taken
        except BlockingIOError:
            return False
        except OSError as error:
            self._pump.hub.lost(connection, why_gone(error.errno, "write_error"))
            return False
        return True

    def watch(self, connection: Connection) -> None:
        """Tell epoll what to wait for, if it is something else than before."""
        if connection.may_read:
            events = READ
        else:
            events = WRITE if connection.write_since is not None or connection.may_take else 0
        if events != self.events:
            self.events = events
            self._pump.epoll.modify(self.sock.fileno(), events)

    def drop(self, connection: Connection) -> None:
        """Close the socket of a connection."""
        self._pump.remove(self.sock)
        self.sock.close()


def why_gone(error_number: int | None, otherwise: str) -> str:
    """The reason for closing a socket that failed: TCP itself gives up on who takes nothing (listener.py)."""
    return "write_timeout" if error_number == errno.ETIMEDOUT else otherwise


class Pump:
    """Gives each of its connections its turn: to write what was left, to take what was left, or to read."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.epoll = select.epoll()
        self._lines: dict[int, tuple[Connection, PumpedSocket, Callable[[int], bytes]]] = {}

    def add(self, connection: Connection, carrier: PumpedSocket) -> None:
        """Take over the socket of a connection that has just authenticated."""
        sock = carrier.sock
        self._lines[sock.fileno()] = connection, carrier, sock.recv
        self.epoll.register(sock.fileno(), READ)

    def remove(self, sock: PlainSocket | TlsSocket) -> None:
        """Forget an open socket."""
        del self._lines[sock.fileno()]
        if not self.epoll.closed:
            self.epoll.unregister(sock.fileno())

    async def run(self) -> None:
        """Pump until cancelled; what is still connected then is closed."""
        hub, epoll, lines, read = self.hub, self.epoll, self._lines, self._read
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
                    connection, carrier, recv = line
                    if events != READ:
                        self._give_turn(connection, carrier, events, now)
                    elif carrier.events == READ:  # not so if what was read before it has paused it
                        read(connection, carrier, recv, now)
        finally:
            epoll.close()
            for connection, _, _ in list(self._lines.values()):
                hub.connections.close(connection, "stopped")

    def _give_turn(self, connection: Connection, carrier: PumpedSocket, events: int, now: float) -> None:
        hub = self.hub
        if events & GONE:
            error_number = carrier.sock.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            hub.lost(connection, why_gone(error_number, "peer_closed"))
        elif connection.may_take:
            hub.take(connection, b"", now)
        else:
            hub.flush(connection, now)

    def _read(
        self, connection: Connection, carrier: PumpedSocket, recv: Callable[[int], bytes], now: float
    ) -> None:
        hub = self.hub
        try:
            data = recv(READ_BYTES_MAX)
        except BlockingIOError:
            hub.came_to_nothing(connection, now)
            return
        except ssl.SSLError as error:
            hub.faulty(connection, "tls", problem=error.reason or str(error))
            return
        except OSError as error:
            hub.lost(connection, why_gone(error.errno, "peer_closed"))
            return
        if data:
            hub.take(connection, data, now)
        if not data or carrier.sock.ended:
            hub.ended(connection)

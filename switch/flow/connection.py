"""One authenticated connection, and the set of all of them: caps, deadlines, who is connected.

Owns outboxes, in-flight counts and the deadlines of open connections (handshakes have their own,
listener.py). Must not decide about cards or know message kinds. Two transports serve it: the pump (pump.py)
and plain trio streams (stream.py).
Invariants: a closed connection is in no table; an outbox never holds more than `outbox_bytes_max`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import structlog

from protocol import Received, Reply
from switch.config import Config
from switch.metrics import Meters
from switch.rules.directory import Terminal

log = structlog.get_logger()

FAULT_SOURCES_MAX = 4_096


class Transport(Protocol):
    """What a connection needs of the thing that carries its bytes. No call waits."""

    def flush(self, connection: Connection) -> None:
        """Write what the outbox holds, as far as the peer takes it."""

    def watch(self, connection: Connection) -> None:
        """Start or stop reading, after `connection.paused` changed."""

    def drop(self, connection: Connection) -> None:
        """Close the socket and forget the connection."""


class Session(Protocol):
    """What a connection needs of the thing that turns its bytes into requests and replies into bytes."""

    @property
    def has_partial_frame(self) -> bool:
        """Whether the first bytes of a request are here and its last are not."""

    def receive(self, data: bytes) -> list[Received]:
        """Take bytes; return the verified requests they complete. Raises `ProtocolError`."""

    def seal(self, message: Reply, request_type: int) -> bytes:
        """Return the bytes of a reply; `request_type` is what `Received.type` of its request was."""


class Connection:
    """One peer on the line: a terminal, a concentrator under one number, or a link that carries many.

    `terminal` is the one that authenticated and the only one that speaks here, or None on a link of many;
    whose a request is, `terminal_of` says. Times are trio's clock, in seconds.
    """

    __slots__ = (
        "closed",
        "frame_since",
        "generation",
        "in_flight",
        "outbox",
        "paused",
        "read_at",
        "session",
        "source",
        "terminal",
        "terminal_of",
        "transport",
        "write_since",
    )

    def __init__(
        self,
        session: Session,
        transport: Transport,
        *,
        terminal: Terminal | None,
        terminal_of: Callable[[Received], Terminal],
        generation: int = 0,
        source: str,
        now: float,
    ) -> None:
        self.session = session
        self.terminal = terminal
        self.terminal_of = terminal_of
        self.generation = generation
        self.transport = transport
        self.source = source
        self.outbox = bytearray()
        self.in_flight = 0
        self.paused = False
        self.closed = False
        self.read_at = now
        self.frame_since: float | None = None
        self.write_since: float | None = None

    @property
    def number(self) -> int:
        """The number of its terminal, 0 on a link of many."""
        return self.terminal.number if self.terminal is not None else 0

    def note_read(self, *, has_frames: bool, now: float) -> None:
        """Note the arrival of bytes for the deadlines: idle counts from the last whole frame."""
        if has_frames:
            self.read_at = now
            self.frame_since = None
        if not self.session.has_partial_frame:
            self.frame_since = None
        elif self.frame_since is None:
            self.frame_since = now


class Connections:
    """All open connections of a worker."""

    def __init__(self, config: Config, meters: Meters) -> None:
        self._config = config
        self._meters = meters
        self._open: set[Connection] = set()
        self._by_terminal: dict[int, Connection] = {}
        self._fault_sources: set[tuple[str, str]] = set()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._open)

    def snapshot(self) -> list[Connection]:
        """All open connections, in a list that stays as it is while some of them close."""
        return list(self._open)

    @property
    def full(self) -> bool:
        """True when no more authenticated connections are taken."""
        return self._stopped or len(self._open) >= self._config.connections_max

    def admit(self, connection: Connection) -> None:
        """Take in a connection that has just authenticated.

        A terminal's newer connection replaces its older one.
        """
        if connection.terminal is not None:
            older = self._by_terminal.get(connection.number)
            if older is not None:
                log.warning("terminal_connected_again", terminal=connection.number, source=connection.source)
                self.close(older, "replaced")
            self._by_terminal[connection.number] = connection
        self._open.add(connection)
        self._meters.connections_opened += 1

    def close(self, connection: Connection, reason: str) -> None:
        """Close a connection, without a word to the peer; counted by reason."""
        if connection.closed:
            return
        connection.closed = True
        self._open.discard(connection)
        if self._by_terminal.get(connection.number) is connection:
            del self._by_terminal[connection.number]
        self._meters.closes[reason] += 1
        connection.transport.drop(connection)

    def close_terminal(self, number: int, reason: str) -> None:
        """Close the connection of one terminal, if it is here."""
        if connection := self._by_terminal.get(number):
            self.close(connection, reason)

    def fault(self, source: str, reason: str, *, terminal: int | None = None) -> None:
        """Log a peer's fault once per source and reason; further ones are only counted (by the closing).

        Past `FAULT_SOURCES_MAX` it begins to remember anew; the log itself is throttled (logs.py).
        """
        key = (source, reason)
        if key not in self._fault_sources:
            if len(self._fault_sources) >= FAULT_SOURCES_MAX:
                self._fault_sources.clear()
            self._fault_sources.add(key)
            log.warning("peer_fault", source=source, reason=reason, terminal=terminal)

    def flush(self, connection: Connection, now: float) -> None:
        """Write the outbox.

        A peer that takes nothing gets a deadline; one that lets its outbox overflow is closed.
        """
        if connection.closed:
            return
        before = len(connection.outbox)
        connection.transport.flush(connection)
        left = len(connection.outbox)
        if not left:
            connection.write_since = None
        elif left > self._config.outbox_bytes_max:
            self.close(connection, "outbox_full")
        elif left < before or connection.write_since is None:
            connection.write_since = now

    def taken(self, connection: Connection, count: int) -> None:
        """Count requests in; past the bound of its connection nothing more is read from it."""
        connection.in_flight += count
        if connection.in_flight >= self._config.in_flight_per_connection_max:
            self.set_paused(connection, True)

    def answered(self, connection: Connection) -> None:
        """Count one request out, whatever has become of its connection."""
        connection.in_flight -= 1
        if connection.paused and connection.in_flight <= self._config.in_flight_per_connection_max // 2:
            self.set_paused(connection, False)

    def set_paused(self, connection: Connection, paused: bool) -> None:
        """Stop or resume reading from a connection (TCP pushes back on the terminal)."""
        if connection.paused != paused and not connection.closed and not self._stopped:
            connection.paused = paused
            connection.transport.watch(connection)

    def stop_reading(self) -> None:
        """Pause every connection for good, for the drain."""
        self._stopped = True
        for connection in self._open:
            connection.paused = True
            connection.transport.watch(connection)

    def sweep(self, now: float) -> None:
        """Close what is past a deadline (SPEC.md, Time-outs)."""
        config = self._config
        for connection in self.snapshot():
            if connection.write_since is not None and now - connection.write_since >= config.write_s:
                self.close(connection, "write_timeout")
            elif connection.paused:
                continue
            elif connection.frame_since is not None and now - connection.frame_since >= config.frame_s:
                self.fault(connection.source, "frame_timeout", terminal=connection.number)
                self.close(connection, "frame_timeout")
            elif not connection.in_flight and now - connection.read_at >= config.idle_s:
                self.close(connection, "idle_timeout")

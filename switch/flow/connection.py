"""One authenticated connection, and the set of all of them: caps, deadlines, who is connected.

Owns outboxes, in-flight counts and the deadlines of open connections (handshakes have their own). Must not
decide about cards. Two transports serve it: the pump and plain trio streams. Invariants: a closed connection
is in no table; no terminal has more than `in_flight_per_connection_max` requests unanswered, over all the
connections it had; from a peer that does not take its replies nothing more is read, so its outbox holds no
more than the replies to those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from protocol import Received, Reply
from switch.config import Config
from switch.flow.allowance import Allowance
from switch.flow.attendance import Attendance
from switch.flow.faults import FaultLog, Whose
from switch.metrics import Meters
from switch.rules.directory import Terminal
from switch.rules.programme import LANGUAGES


class Transport(Protocol):
    """What a connection needs of the thing that carries its bytes. No call waits."""

    def flush(self, connection: Connection) -> bool:
        """Write what the outbox holds, as far as the peer takes it; return whether it took all."""

    def watch(self, connection: Connection) -> None:
        """Wait for what the connection needs next, after its state changed (`Connection.may_read`)."""

    def drop(self, connection: Connection) -> None:
        """Close the socket and forget the connection."""


class Session(Protocol):
    """What a connection needs of the thing that turns its bytes into requests and replies into bytes."""

    @property
    def has_partial_frame(self) -> bool:
        """Whether the first bytes of a request are here and its last are not."""

    @property
    def has_waiting_frame(self) -> bool:
        """Whether whole requests are here that the last call had no room for."""

    def receive(self, data: bytes, messages_max: int) -> list[Received]:
        """Take bytes; return at most so many of the requests they complete. Raises `ProtocolError`."""

    def seal(self, message: Reply, request_type: int) -> bytes:
        """Return the bytes of a reply; `request_type` is what `Received.type` of its request was."""

    def wrap_key(self, generation: int, key: bytes, nonce: bytes) -> bytes:
        """Return a terminal's next key as only the peer of this session can read it."""


class Connection:
    """One peer on the line: a terminal, a concentrator under one number, or a link that carries many.

    `terminal` is the one that authenticated and the only one that speaks here, or None on a link of many;
    whose a request is, `terminal_of` says. Times are trio's clock, in seconds.
    """

    __slots__ = (
        "allowance",
        "closed",
        "ended",
        "frame_since",
        "generation",
        "in_flight",
        "language",
        "noted_at",
        "outbox",
        "paused",
        "read_at",
        "resting",
        "session",
        "since",
        "software",
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
        allowance: Allowance,
        generation: int = 0,
        source: str,
        now: float,
    ) -> None:
        self.session = session
        self.terminal = terminal
        self.terminal_of = terminal_of
        self.allowance = allowance
        self.generation = generation
        self.transport = transport
        self.source = source
        self.language = first_language(terminal) if terminal is not None else 0
        """What receipts are printed in, by its number in the books; a sign-on may ask for another."""
        self.software = ""
        """Program and version, as its terminal names them at sign-on."""
        self.since = self.noted_at = now
        """When it was made, and the newest request of it that an operator was told of."""
        self.outbox = bytearray()
        self.in_flight = 0
        self.paused = False
        """For as long as we do not want to read: its time-outs stand still."""
        self.resting = False
        """Paused until some of its debt is paid."""
        self.ended = False
        """The peer sends no more; it still gets the replies to what it sent."""
        self.closed = False
        self.read_at = now
        self.frame_since: float | None = None
        self.write_since: float | None = None
        """Since when the peer has not taken all that was written; until it has, nothing is read from it."""

    @property
    def may_read(self) -> bool:
        """Whether its socket may be read: nothing read before is waiting, neither here nor at the peer."""
        return (
            not self.paused
            and not self.ended
            and self.write_since is None
            and not self.session.has_waiting_frame
        )

    @property
    def may_take(self) -> bool:
        """Whether requests that have been read and not been taken may be taken."""
        return not self.paused and self.write_since is None and self.session.has_waiting_frame

    @property
    def number(self) -> int:
        """The number of its terminal, 0 on a link of many."""
        return self.terminal.number if self.terminal is not None else 0

    def note_partial_frame(self, *, is_new: bool, now: float) -> None:
        """Note for the deadlines whether a frame is half here; `is_new`: others were completed before it."""
        if not self.session.has_partial_frame:
            self.frame_since = None
        elif is_new or self.frame_since is None:
            self.frame_since = now


def first_language(terminal: Terminal) -> int:
    """Return the number of the language receipts are printed in where nobody asked for one."""
    return LANGUAGES.index(terminal.partner.programme.current.rules.programme.languages[0])


class Connections:
    """All open connections of a worker."""

    def __init__(self, config: Config, meters: Meters) -> None:
        self.config = config
        self._meters = meters
        self._open: dict[Connection, None] = {}  # a set would order them by address
        self._by_terminal: dict[int, Connection] = {}
        self._allowances: dict[int, Allowance] = {}
        self._absent: set[int] = set()
        """Terminals that have an allowance and no connection."""
        self._resting: dict[Connection, None] = {}
        self.faults = FaultLog()
        self.attendance = Attendance()
        self._stopped = False

    def __len__(self) -> int:
        return len(self._open)

    def snapshot(self) -> list[Connection]:
        """All open connections, in a list that stays as it is while some of them close."""
        return list(self._open)

    @property
    def full(self) -> bool:
        """True when no more authenticated connections are taken."""
        return self._stopped or len(self._open) >= self.config.connections_max

    @property
    def resting(self) -> int:
        """How many connections are left unread until some of their debt is paid."""
        return len(self._resting)

    def admit(self, connection: Connection) -> None:
        """Take in a connection that has just authenticated.

        A terminal's newer connection replaces its older one.
        """
        if connection.terminal is not None:
            older = self._by_terminal.get(connection.number)
            if older is not None:
                self.faults.note(
                    Whose.CUSTOMER,
                    "terminal_connected_again",
                    connection.source,
                    "replaced",
                    connection.read_at,
                    terminal=connection.number,
                )
                self.close(older, "replaced")
            self._by_terminal[connection.number] = connection
            self._absent.discard(connection.number)
        self._open[connection] = None
        self.attendance.present(connection)
        self._meters.connections_opened += 1

    def close(self, connection: Connection, reason: str) -> None:
        """Close a connection, without a word to the peer; counted by reason."""
        if connection.closed:
            return
        connection.closed = True
        self._open.pop(connection, None)
        self._resting.pop(connection, None)
        if self._by_terminal.get(connection.number) is connection:
            del self._by_terminal[connection.number]
            self._absent.add(connection.number)
            self.attendance.gone(connection, reason)
        self._meters.closes[reason] += 1
        connection.transport.drop(connection)

    def close_terminal(self, number: int, reason: str) -> None:
        """Close the connection of one terminal, if it is here."""
        if connection := self._by_terminal.get(number):
            self.close(connection, reason)

    def close_other_keys(self, terminal: Terminal) -> None:
        """Close the connection of a terminal if its key's generation is none of the terminal's live ones."""
        connection = self._by_terminal.get(terminal.number)
        if connection is not None and connection.generation not in terminal.keys:
            self.close(connection, "key_retired")

    def note_fault(self, connection: Connection, reason: str, now: float, **more: object) -> None:
        """Tell the operator of a peer's fault, at a bounded rate."""
        self.attendance.failed(connection.number, reason, connection.source, is_known=True)
        self.faults.note(
            Whose.CUSTOMER, "peer_fault", connection.source, reason, now, terminal=connection.number, **more
        )

    # Requests in, replies out.

    def allowance_of(self, number: int) -> Allowance:
        """Return the allowance of a terminal; it outlives the terminal's connections."""
        allowance = self._allowances.get(number)
        if allowance is None:
            allowance = self._allowances[number] = Allowance()
            self._absent.add(number)
        return allowance

    def answered(self, connection: Connection, count: int) -> None:
        """Count requests out, whatever has become of their connection."""
        connection.in_flight -= count
        connection.allowance.in_flight -= count
        if connection.closed or connection.paused:
            present = self._by_terminal.get(connection.number) if connection.closed else connection
            if present is not None and present.paused:
                self._steer(present)

    def turn_taken(self, connection: Connection, units: float, now: float) -> None:
        """After each read: charge its price, and look whether there is to be another."""
        allowance = connection.allowance
        if units:
            allowance.spend(units, now)
        if not connection.closed:
            if allowance.is_spent(now) and not connection.resting:
                connection.resting = True
                self._resting[connection] = None
            self._steer(connection)

    def peer_ended(self, connection: Connection) -> None:
        """The peer will send no more: answer what it sent, then close."""
        connection.ended = True
        self._steer(connection)

    def flush(self, connections: Iterable[Connection], now: float) -> None:
        """Write their outboxes. Who does not take all of it gets a deadline, and is not read until it has."""
        for connection in connections:
            if connection.closed:
                continue
            if not connection.transport.flush(connection):
                self._not_taken(connection, now)
            elif connection.write_since is not None or connection.ended:
                self.written(connection)

    def _not_taken(self, connection: Connection, now: float) -> None:
        if connection.closed:  # its line is gone
            return
        if len(connection.outbox) > self.config.outbox_bytes_max:
            self.close(connection, "outbox_full")
        elif connection.write_since is None:
            connection.write_since = now
            connection.transport.watch(connection)

    def written(self, connection: Connection) -> None:
        """The peer has taken all that was written."""
        connection.write_since = None
        self._steer(connection)

    def _steer(self, connection: Connection) -> None:
        """Read the peer or leave it unread (TCP pushes back on it); close what has nothing left to do."""
        if connection.closed:
            return
        in_flight, bound = connection.allowance.in_flight, self.config.in_flight_per_connection_max
        # Resumed at half of the bound, so that not every reply is followed by one read of one request.
        crowded = in_flight > bound // 2 if connection.paused else in_flight >= bound
        connection.paused = self._stopped or connection.resting or crowded
        done = not connection.in_flight and not connection.outbox and connection.write_since is None
        if connection.ended and done and not connection.session.has_waiting_frame:
            self.close(connection, "peer_closed")
        else:
            connection.transport.watch(connection)

    def stop_reading(self) -> None:
        """Pause every connection for good, for the drain."""
        self._stopped = True
        for connection in self.snapshot():
            self._steer(connection)

    # Time.

    def settle(self, now: float) -> None:
        """Let those read again whose debt is paid; forget the allowances that say nothing any more."""
        for connection in [each for each in self._resting if not each.allowance.is_spent(now)]:
            connection.resting = False
            self._resting.pop(connection, None)
            self._steer(connection)
        for number in [number for number in self._absent if self._allowances[number].is_clean(now)]:
            self._absent.discard(number)
            del self._allowances[number]

    def sweep(
        self, connections: Iterable[Connection], now: float, *, now_ms: int = 0, reading: bool = True
    ) -> None:
        """Close which of these are past a deadline (SPEC.md, Time-outs).

        `now_ms` is the wall clock, by which keys run out. While the switch does not read (`reading`, or a
        connection's pause) it blames nobody for silence.
        """
        for connection in connections:
            if connection.closed:
                continue
            if connection.paused or not reading:
                connection.read_at = now
                if connection.frame_since is not None:
                    connection.frame_since = now
            if reason := self._overdue(connection, now) or key_expired(connection, now_ms):
                self.close(connection, reason)

    def _overdue(self, connection: Connection, now: float) -> str | None:
        config = self.config
        if connection.write_since is not None:
            return "write_timeout" if now - connection.write_since >= config.write_s else None
        if connection.may_take:  # its turn comes when its socket takes bytes
            return "write_timeout" if now - connection.read_at >= config.write_s else None
        if connection.ended:
            return None
        if connection.frame_since is not None and now - connection.frame_since >= config.frame_s:
            self.note_fault(connection, "frame_timeout", now)
            return "frame_timeout"
        if not connection.in_flight and now - connection.read_at >= config.idle_s:
            return "idle_timeout"
        return None


def key_expired(connection: Connection, now_ms: int) -> str | None:
    """Return a reason to close if the key it signed on with has run out since."""
    if connection.terminal is None:
        return None
    _, expires_ms = connection.terminal.keys.get(connection.generation, (None, None))
    return "key_expired" if expires_ms is not None and now_ms >= expires_ms else None

"""Where transports meet the flow: bytes become requests here, faults become closings.

Owns the one path from `bytes` to `Flow.receive`, for every transport, and how much of it one connection gets
in one turn. Must not know sockets, nor what a request means. Invariants: no turn takes more than
`TURN_REQUESTS_MAX` requests, nor more than its peer and the worker have room for; what was read beyond stays
unverified with the session and has its turn when everybody else had theirs; frames verified before a fault
are handled (their replies go nowhere: the terminal asks again); after a fault nothing is read from that
connection.
"""

from __future__ import annotations

import trio

from protocol import ProtocolError
from switch.flow.allowance import BURST, DOOR, FRUITLESS_READ, HANDSHAKE
from switch.flow.connection import Connection, Connections
from switch.flow.flow import Flow
from switch.flow.operations import OPERATIONS
from switch.metrics import Meters

TURN_REQUESTS_MAX = 16
"""What a concentrator has in flight as a rule; a terminal has one."""

PRICE_MAX = max(operation.price for operation in OPERATIONS.values())
assert BURST + TURN_REQUESTS_MAX * PRICE_MAX < DOOR, "asking too much shuts nobody out"


class Hub:
    """Feeds the bytes of a connection through its session into the flow."""

    def __init__(self, connections: Connections, flow: Flow, meters: Meters) -> None:
        self.connections = connections
        self._config = connections.config
        self._flow = flow
        self.meters = meters

    async def wait_room(self) -> None:
        """Wait while the switch holds as many requests as it may."""
        if self._flow.full:
            await self._flow.wait_room()

    def ended(self, connection: Connection) -> None:
        """The peer will send no more; it still gets the replies to what it sent."""
        self.connections.peer_ended(connection)

    def came_to_nothing(self, connection: Connection, now: float) -> None:
        """Charge a read that gave only part of a TLS record as one without a whole frame."""
        self.connections.turn_taken(connection, FRUITLESS_READ, now)

    def take(self, connection: Connection, data: bytes, now: float) -> None:
        """Give a connection its turn at what was just read from it and what was read before.

        Closes on any fault, without a word.
        """
        self.meters.bytes_received += len(data)
        session, allowance, flow = connection.session, connection.allowance, self._flow
        bound = self._config.in_flight_per_connection_max
        room = bound - allowance.in_flight
        if room > TURN_REQUESTS_MAX or room > flow.room:
            room = TURN_REQUESTS_MAX if flow.room > TURN_REQUESTS_MAX else flow.room
        try:
            requests = session.receive(data, room)
        except ProtocolError as fault:
            self.faulty(connection, fault.reason)
            flow.receive(connection, fault.received, now)
            return
        if session.has_partial_frame or connection.frame_since is not None:
            connection.note_partial_frame(is_new=bool(requests), now=now)
        if requests:
            connection.read_at = now
            units = flow.receive(connection, requests, now)
        else:
            units = 0.0 if session.has_waiting_frame else FRUITLESS_READ
        # Most reads change nothing of what is to be read next.
        if (
            units
            or not data
            or session.has_waiting_frame
            or connection.write_since is not None
            or allowance.in_flight >= bound
        ):
            self.connections.turn_taken(connection, units, now)

    def flush(self, connection: Connection, now: float) -> None:
        """Write what waits in the outbox of a connection."""
        self.connections.flush((connection,), now)

    def written(self, connection: Connection) -> None:
        """A peer has taken all that was written to it."""
        self.connections.written(connection)

    def faulty(self, connection: Connection, reason: str, **more: object) -> None:
        """The peer broke the rules: close, without a word to it but with one to the operator."""
        self.connections.close(connection, reason)
        self.connections.note_fault(connection, reason, trio.current_time(), **more)

    def lost(self, connection: Connection, reason: str) -> None:
        """The line is gone, both ways."""
        self.connections.close(connection, reason)

    def admit(self, connection: Connection) -> None:
        """Take in a connection that has just authenticated; what came behind its PROOF waits for its turn."""
        self.connections.admit(connection)
        self.connections.turn_taken(connection, HANDSHAKE, trio.current_time())

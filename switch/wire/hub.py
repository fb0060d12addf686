"""Where transports meet the flow: bytes become requests here, faults become closings.

Owns the one path from `bytes` to `Flow.receive`, for every transport. Must not know sockets, nor what a
request means. Invariant: frames verified before a fault are handled (their replies go nowhere: the terminal
asks again); after a fault nothing is read from that connection.
"""

from __future__ import annotations

from protocol import ProtocolError, Received
from switch.flow.connection import Connection, Connections
from switch.flow.flow import Flow
from switch.metrics import Meters


class Hub:
    """Feeds the bytes of a connection through its session into the flow."""

    def __init__(self, connections: Connections, flow: Flow, meters: Meters) -> None:
        self.connections = connections
        self._flow = flow
        self._meters = meters

    async def wait_room(self) -> None:
        """Wait while the switch holds as many requests as it may."""
        if self._flow.full:
            await self._flow.wait_room()

    def bytes_received(self, connection: Connection, data: bytes, now: float) -> None:
        """Handle one read; empty `data` is the end of the stream. Closes on any fault, without a word."""
        if not data:
            self.connections.close(connection, "peer_closed")
            return
        self._meters.bytes_received += len(data)
        try:
            requests = connection.session.receive(data)
        except ProtocolError as fault:
            self.connections.fault(connection.source, fault.reason, terminal=connection.number)
            self.connections.close(connection, fault.reason)
            self._flow.receive(connection, fault.received, now)
            return
        self.requests_received(connection, requests, now)

    def requests_received(self, connection: Connection, requests: list[Received], now: float) -> None:
        """Hand verified requests to the flow and note their arrival."""
        connection.note_read(has_frames=bool(requests), now=now)
        if requests:
            self._flow.receive(connection, requests, now)

    def flush(self, connection: Connection, now: float) -> None:
        """Write what waits in the outbox of a connection."""
        self.connections.flush(connection, now)

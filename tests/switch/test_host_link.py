"""A link that carries many terminals: any session will do, and each request has a terminal of its own."""

import trio

from protocol import Earn, Received, Reply
from switch.flow.allowance import Allowance
from switch.flow.connection import Connection
from switch.rules.directory import Terminal
from switch.wire.hub import Hub
from tests.entries import SWIPED
from tests.switch.memory import CARD, running_front


class LinkRequest(Received, frozen=True):
    """A request that says which terminal it is of."""

    terminal: int


class LinkSession:
    """One byte, one purchase at the terminal of that number; a reply is its code's byte."""

    has_partial_frame = has_waiting_frame = False

    def __init__(self) -> None:
        self.sealed: list[tuple[Reply, int]] = []

    def receive(self, data: bytes, messages_max: int) -> list[Received]:
        assert len(data) <= messages_max
        return [
            LinkRequest(
                Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000),
                0x20,
                bytes([stan]),
                number,
            )
            for stan, number in enumerate(data, 1)
        ]

    def seal(self, message: Reply, request_type: int) -> bytes:
        self.sealed.append((message, request_type))
        return bytes([message.code])


class MemoryTransport:
    """Takes whatever is written."""

    def __init__(self) -> None:
        self.written = b""

    def flush(self, connection: Connection) -> bool:
        self.written += connection.outbox
        connection.outbox.clear()
        return True

    def watch(self, connection: Connection) -> None:
        pass

    def drop(self, connection: Connection) -> None:
        pass


async def test_requests_of_many_terminals_come_over_one_connection() -> None:
    """Each is posted under its own terminal, and all are answered through the session they came by."""
    async with running_front() as memory:
        terminals, session, transport = memory.directory.terminals, LinkSession(), MemoryTransport()

        def terminal_of(request: Received) -> Terminal:
            assert isinstance(request, LinkRequest)
            return terminals[request.terminal]

        link = Connection(
            session,
            transport,
            terminal=None,
            terminal_of=terminal_of,
            allowance=Allowance(),
            source="host",
            now=trio.current_time(),
        )
        memory.front.connections.admit(link)
        hub = Hub(memory.front.connections, memory.front.flow, memory.meters)
        hub.take(link, bytes([3, 1, 3]), trio.current_time())
        while len(transport.written) < 3:
            await trio.lowlevel.checkpoint()
        assert [(posting.terminal, posting.stan) for posting in memory.ledger.posted] == [
            (3, 1),
            (1, 2),
            (3, 3),
        ]
        assert [(reply.stan, request_type) for reply, request_type in session.sealed] == [
            (1, 0x20),
            (2, 0x20),
            (3, 0x20),
        ]
        hub.ended(link)
        assert len(memory.front.connections) == 0

"""Deadlines, allowances and bounds of open connections: a peer without a socket takes what a test says."""

import secrets
from collections.abc import Callable
from typing import TypeAlias

import pytest
import trio
from trio.testing import MockClock

from protocol import (
    TYPE_OF,
    Balance,
    ClientSession,
    Earn,
    Echo,
    Quote,
    Request,
    ServerSession,
    SignOn,
    Totals,
    Verify,
)
from switch.flow.allowance import BURST, HANDSHAKE, PER_S, Allowance
from switch.flow.connection import Connection, Connections
from switch.flow.operations import OPERATIONS
from switch.wire.hub import TURN_REQUESTS_MAX, Hub
from tests.entries import SWIPED
from tests.switch.memory import CARD, UNKNOWN_CARD, Memory, running_front, terminal_key

FRAMES_AT_ONCE = 200
Ask: TypeAlias = Callable[[int], Request]


def sweep(connections: Connections, now: float, *, now_ms: int = 0) -> None:
    """One round of what the front does twice a second."""
    connections.settle(now)
    connections.sweep(connections.snapshot(), now, now_ms=now_ms)


class Peer:
    """A terminal that has shaken hands, and the transport to it: takes `takes` bytes of each flush."""

    def __init__(self, memory: Memory, number: int = 1, *, takes: int = 1_000_000) -> None:
        self.takes = takes
        self.taken = 0
        self._hub = Hub(memory.front.connections, memory.front.flow, memory.meters)
        self._meters = memory.meters
        key = terminal_key(number)
        server = ServerSession(
            nonce=secrets.token_bytes(32),
            session_id=secrets.token_bytes(8),
            find_key=lambda *_: key,
            dummy_key=bytes(32),
        )
        self.client = ClientSession(terminal=number, generation=1, key=key, nonce=secrets.token_bytes(32))
        for _ in range(2):
            server.receive(self.client.data_to_send())
            self.client.receive(server.data_to_send())
        terminal = memory.directory.terminals[number]
        connections = memory.front.connections
        self.connection = Connection(
            server,
            self,
            terminal=terminal,
            terminal_of=lambda _: terminal,
            allowance=connections.allowance_of(number),
            generation=1,
            source="peer",
            now=trio.current_time(),
        )
        self._hub.admit(self.connection)

    def flush(self, connection: Connection) -> bool:
        taken = min(self.takes, len(connection.outbox))
        self.taken += taken
        del connection.outbox[:taken]
        return not connection.outbox

    def watch(self, connection: Connection) -> None:
        pass

    def drop(self, connection: Connection) -> None:
        pass

    def send(self, *requests: Request) -> None:
        """One read of these requests, if the switch would read."""
        if self.connection.may_read:
            data = b"".join(map(self.client.seal, requests))
            self._hub.take(self.connection, data, trio.current_time())

    def take_turns(self) -> int:
        """Give it turns for as long as it wants any; return how many."""
        turns = 0
        while self.connection.may_take:
            self._hub.take(self.connection, b"", trio.current_time())
            turns += 1
        return turns


def echoes(count: int) -> list[Echo]:
    return [Echo(stan=stan, terminal_time=0) for stan in range(1, count + 1)]


def earns(count: int) -> list[Earn]:
    return [
        Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
        for stan in range(1, count + 1)
    ]


def answered(memory: Memory, message: str = "Echo") -> int:
    return memory.meters.replies[message, 0]


async def test_one_turn_takes_so_many_requests_and_no_more() -> None:
    """However many came in one read, others have their turn after sixteen."""
    async with running_front() as memory:
        peer = Peer(memory)
        peer.send(*echoes(FRAMES_AT_ONCE))
        assert answered(memory) == TURN_REQUESTS_MAX
        turns = peer.take_turns()
        assert (answered(memory), 1 + turns) == (FRAMES_AT_ONCE, -(-FRAMES_AT_ONCE // TURN_REQUESTS_MAX))


async def test_a_peer_that_takes_a_byte_now_and_then_is_closed() -> None:
    """Write: 5 s from the first byte not taken until all is taken; progress alone extends nothing."""
    async with running_front() as memory:
        peer = Peer(memory, takes=1)
        connections, began = memory.front.connections, trio.current_time()
        peer.send(*echoes(1))
        for second in range(5):
            connections.flush([peer.connection], began + second)
            sweep(connections, began + second)
        assert peer.taken == 6
        assert not peer.connection.closed
        sweep(connections, began + 5.1)
        assert memory.meters.closes["write_timeout"] == 1


async def test_who_does_not_take_replies_is_not_served() -> None:
    """While a reply waits to be taken nothing more is read or taken from that peer."""
    async with running_front() as memory:
        peer = Peer(memory, takes=0)
        peer.send(*echoes(FRAMES_AT_ONCE))
        assert peer.take_turns() == 0
        assert answered(memory) == TURN_REQUESTS_MAX
        peer.takes = 1_000_000
        memory.front.connections.flush([peer.connection], trio.current_time())
        peer.take_turns()
        assert answered(memory) == FRAMES_AT_ONCE


async def test_an_outbox_past_its_bound_closes_the_connection() -> None:
    """Replies to what was in flight find no room: closed, and the work is counted out."""
    async with running_front(outbox_bytes_max=4_096) as memory:
        memory.ledger.automatic = False
        peer = Peer(memory, takes=0)
        peer.send(*earns(64))
        peer.take_turns()
        memory.ledger.commit()
        assert memory.meters.closes["outbox_full"] == 1
        assert memory.front.flow.in_flight == 0


async def test_an_echo_storm_spends_its_allowance_and_then_rests(mock_clock: MockClock) -> None:
    """A terminal is read until its burst is spent, then so often a second as is paid back."""
    async with running_front() as memory:
        peer, now = Peer(memory), trio.current_time()
        count = int(BURST - HANDSHAKE)
        for _ in range(2 * count // FRAMES_AT_ONCE):
            peer.send(*echoes(FRAMES_AT_ONCE))
            peer.take_turns()
        spent = answered(memory)
        assert count < spent <= count + TURN_REQUESTS_MAX
        assert peer.connection.resting
        sweep(memory.front.connections, now + 1.0)
        assert peer.connection.may_take or peer.connection.may_read


async def test_coming_again_resets_no_allowance(mock_clock: MockClock) -> None:
    """What a terminal has spent and has in flight counts on over its next connection."""
    async with running_front(in_flight_per_connection_max=4) as memory:
        memory.ledger.automatic = False
        first = Peer(memory)
        first.send(*earns(4))
        first.connection.allowance.spend(BURST, trio.current_time())
        second = Peer(memory)
        assert first.connection.closed
        second.send(*earns(4))
        assert len(memory.ledger.waiting) == 4
        assert not second.connection.may_read
        memory.ledger.commit()
        assert second.connection.resting
        assert second.connection.allowance.debt(trio.current_time()) == BURST + 2 * HANDSHAKE
        mock_clock.jump(2 * HANDSHAKE / PER_S)
        sweep(memory.front.connections, trio.current_time())
        assert second.connection.may_read


async def test_only_who_owes_or_waits_is_remembered(mock_clock: MockClock) -> None:
    """The memory of allowances is bounded by who is connected or was so a moment ago."""
    async with running_front() as memory:
        peer, connections = Peer(memory), memory.front.connections
        allowance = peer.connection.allowance
        connections.close(peer.connection, "test")
        allowance.spend(HANDSHAKE, now := trio.current_time())
        sweep(connections, now)
        assert connections.allowance_of(1) is allowance
        sweep(connections, now + 2 * HANDSHAKE / PER_S)
        assert connections.allowance_of(1) is not allowance


async def test_work_of_a_closed_connection_is_dropped() -> None:
    """A question whose asker has gone is not put to Postgres; what it held is free again."""
    async with running_front() as memory:
        peer = Peer(memory)
        asked = memory.ledger.inquiries
        peer.send(
            *(
                SignOn(stan=stan, terminal_time=0, software="test", language="pl", offers_after=0)
                for stan in range(1, 9)
            )
        )
        memory.front.connections.close(peer.connection, "test")
        await memory.front.flow.wait_idle()
        assert memory.ledger.inquiries == asked
        assert memory.meters.replies_dropped == 8


async def test_a_frame_half_read_when_the_switch_stopped_reading_is_not_blamed_on_its_sender() -> None:
    """While nothing is read from a connection its time-outs stand still."""
    async with running_front(in_flight_per_connection_max=1, frame_s=5.0) as memory:
        memory.ledger.automatic = False
        peer, connections = Peer(memory), memory.front.connections
        data = b"".join(map(peer.client.seal, earns(2)))
        now = trio.current_time()
        peer._hub.take(peer.connection, data[:-1], now)
        assert peer.connection.frame_since is not None
        for second in range(20):
            sweep(connections, now + second)
        memory.ledger.commit()
        sweep(connections, now + 23)
        assert not peer.connection.closed
        sweep(connections, now + 25)
        assert memory.meters.closes["frame_timeout"] == 1


async def test_a_key_that_runs_out_ends_its_connection() -> None:
    """Rotation: when the overlap is over, whoever is still there with the older key is, too."""
    async with running_front() as memory:
        older, newer = Peer(memory, 1), Peer(memory, 2)
        key, _ = memory.directory.terminals[1].keys[1]
        memory.directory.terminals[1].keys[1] = (key, 5_000)
        connections, now = memory.front.connections, trio.current_time()
        sweep(connections, now, now_ms=4_999)
        assert not memory.meters.closes
        sweep(connections, now, now_ms=5_000)
        assert older.connection.closed
        assert not newer.connection.closed
        assert memory.meters.closes == {"key_expired": 1}


def test_a_debt_is_paid_back_by_time_alone() -> None:
    """So many units a second, never below nothing."""
    allowance = Allowance()
    allowance.spend(BURST + PER_S, 10.0)
    assert allowance.is_spent(10.5)
    assert not allowance.is_spent(11.0)
    assert allowance.debt(10_000.0) == 0
    assert allowance.is_clean(10_000.0)


def test_questions_cost_more_than_echoes() -> None:
    """A terminal's reserve is some ten totals, a hundred sign-ons, a thousand echoes or looks at a card."""
    priced = (Totals, SignOn, Echo, Verify)
    assert [BURST / OPERATIONS[kind].price for kind in priced] == [10, 100, 1_000, 1_000]


def test_all_that_no_batch_paces_has_a_price() -> None:
    """SPEC.md, "Several requests in flight": whatever is not posted is bounded by the allowance."""
    assert {kind for kind, row in OPERATIONS.items() if not row.price} == {
        kind for kind, row in OPERATIONS.items() if row.decide is not None
    }


@pytest.mark.parametrize(
    "ask",
    [
        lambda stan: Verify(stan, 0, UNKNOWN_CARD, SWIPED, 0),
        lambda stan: Balance(stan, 0, UNKNOWN_CARD, SWIPED),
        lambda stan: Quote(stan, 0, UNKNOWN_CARD, SWIPED, TYPE_OF[Earn], 1_000, 0),
    ],
)
async def test_who_floods_with_what_is_refused_from_memory_is_left_unread(
    mock_clock: MockClock, ask: Ask
) -> None:
    """Answered in its very turn it is never unanswered: past the reserve nothing more of it is read."""
    async with running_front() as memory:
        peer = Peer(memory)
        for first in range(1, int(BURST) + 1_000, FRAMES_AT_ONCE):
            peer.send(*map(ask, range(first, first + FRAMES_AT_ONCE)))
            peer.take_turns()
        told = sum(memory.meters.replies.values())
        assert BURST - HANDSHAKE <= told <= BURST
        assert not peer.connection.may_read
        assert memory.ledger.waiting == []
        assert peer.connection.in_flight == 0

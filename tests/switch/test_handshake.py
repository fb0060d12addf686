"""Handshakes over real loopback sockets: who is let in, and what everybody else sees."""

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from switch.flow.faults import LINES_OF_A_SOURCE_MAX, LINES_PER_MINUTE_MAX, FaultLog, Whose
from switch.wire.doorway import HALF_OPEN_S_MIN
from switch.wire.stream import StreamDoorway
from tests.patience import jump
from tests.switch.memory import Line, Memory, receive, running_front, terminal_key


@pytest.mark.parametrize("terminal", [1, 2, 99])
async def test_unknown_blocked_and_wrongly_keyed_terminals_see_the_same(terminal: int) -> None:
    """The challenge comes in any case; after the proof the connection closes without a word."""
    async with running_front() as memory:
        memory.directory.terminals[2].blocked = True
        key = bytes(32) if terminal == 1 else None
        line = Line(await memory.connect(), terminal, key=key)
        assert not await line.sign_in()
        await closed_by_handshake(memory, "key")


@pytest.mark.parametrize(
    ("terminal", "generation", "key", "cause"),
    [
        (1, 1, bytes(32), "wrong_key"),
        (1, 2, None, "generation_unknown"),
        (2, 1, None, "terminal_blocked"),
        (3, 1, None, "key_expired"),
        (99, 1, None, "unknown_terminal"),
    ],
)
async def test_the_operator_reads_why_a_terminal_cannot_sign_on(
    terminal: int, generation: int, key: bytes | None, cause: str
) -> None:
    """The log has the cause and the number claimed, once a minute; the metric each time; the wire nothing."""
    async with running_front() as memory:
        memory.directory.terminals[2].blocked = True
        memory.directory.terminals[3].keys[1] = (terminal_key(3), 1)
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                line = Line(await memory.connect(), terminal, key=key, generation=generation)
                assert not await line.sign_in()
        told = [line for line in lines if line["event"] == "sign_on_refused"]
        assert [(line["reason"], line["terminal"], line["generation"]) for line in told] == [
            (cause, terminal, generation)
        ]
        assert memory.meters.sign_on_refusals == {cause: 3}
        assert memory.meters.handshakes == {"key": 3}


def test_faults_are_logged_once_a_minute_and_in_all_so_many_times() -> None:
    """A line for each source, reason and terminal, with how often since the last; a bound for all."""
    faults = FaultLog()
    with structlog.testing.capture_logs() as lines:
        for now in (0.0, 1.0, 59.0, 61.0, 62.0):
            faults.note(Whose.CUSTOMER, "peer_fault", "a", "tag", now, terminal=1)
        for number in range(2 * LINES_PER_MINUTE_MAX):
            faults.note(Whose.CUSTOMER, "peer_fault", "a", "frame", 62.0, terminal=number)
    assert [line["times"] for line in lines if line["reason"] == "tag"] == [1, 3]
    assert len(lines) == 1 + LINES_PER_MINUTE_MAX


@pytest.mark.parametrize("loud", [Whose.STRANGER, Whose.CLAIMED])
def test_who_has_proved_nothing_hides_nobody_else(loud: Whose) -> None:
    """However many numbers many strangers claim: a till that cannot sign on, a customer's fault and our own
    are told; and one address cannot hide another one's, whatever numbers it names.
    """
    faults = FaultLog()
    with structlog.testing.capture_logs() as lines:
        for number in range(2 * LINES_PER_MINUTE_MAX):
            faults.note(loud, "sign_on_refused", "one address", "wrong_key", 0.0, terminal=number)
        faults.note(loud, "sign_on_refused", "the shop", "wrong_key", 0.0, terminal=17)
        assert [line["source"] for line in lines] == ["one address"] * LINES_OF_A_SOURCE_MAX + ["the shop"]
        for number in range(2 * LINES_PER_MINUTE_MAX):
            faults.note(loud, "sign_on_refused", f"address {number}", "wrong_key", 1.0, terminal=number)
        quiet = [whose for whose in Whose if whose not in (loud, Whose.OURS)]
        for whose in quiet:
            faults.note(whose, whose.name, "the shop", whose.name, 2.0, terminal=17)
        faults.note_own("accept_failed", "too many open files", 2.0)
    told = [line["event"] for line in lines if line["event"] != "sign_on_refused"]
    assert told == [*(whose.name for whose in quiet), "accept_failed"]


async def closed_by_handshake(memory: Memory, result: str) -> None:
    while not memory.meters.handshakes[result]:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (b"\0\0", "frame_size"),
        (b"\xff\xff" + bytes(20), "frame_size"),
        (b"GET / HTTP/1.1\r\n\r\n", "frame_size"),
    ],
)
async def test_garbage_before_the_handshake_is_closed_and_counted(data: bytes, result: str) -> None:
    """Oversized or zero length: closed, counted."""
    async with running_front() as memory:
        stream = await memory.connect()
        await stream.send_all(data)
        assert not await receive(stream)
        await closed_by_handshake(memory, result)


async def test_a_silent_handshake_ends_after_its_deadline(mock_clock: MockClock) -> None:
    """Handshake: 5 s."""
    async with running_front() as memory:
        stream = await memory.connect()
        while not memory.front.doorway.half_open:
            await trio.lowlevel.checkpoint()
        await jump(mock_clock, 4.9)
        await wait_all_tasks_blocked(0.01)
        assert memory.front.doorway.half_open == 1
        await jump(mock_clock, 0.2)
        assert not await receive(stream)
        assert memory.meters.handshakes["timeout"] == 1


async def test_half_open_connections_are_bounded_and_the_oldest_makes_room(mock_clock: MockClock) -> None:
    """Cap before authentication: silent connections cannot keep a terminal out, and each counts once."""
    async with running_front(handshakes_max=2) as memory:
        silent = [await memory.connect() for _ in range(2)]
        while memory.front.doorway.half_open < 2:
            await trio.lowlevel.checkpoint()
        await jump(mock_clock, HALF_OPEN_S_MIN)
        line = Line(await memory.connect())
        assert await line.sign_in()
        assert not await receive(silent[0])
        assert memory.front.doorway.half_open == 1
        assert memory.meters.handshakes == {"evicted": 1, "accepted": 1}
        assert not memory.meters.closes


async def test_nobody_is_made_to_go_before_it_had_time_to_shake_hands(mock_clock: MockClock) -> None:
    """While all who are half open are young nobody more is accepted; then the oldest makes room."""
    async with running_front(handshakes_max=2) as memory:
        young = [Line(await memory.connect(), terminal) for terminal in (1, 2)]
        while memory.front.doorway.half_open < 2:
            await trio.lowlevel.checkpoint()
        third = await memory.connect()
        await wait_all_tasks_blocked(0.01)
        assert memory.front.doorway.half_open == 2
        assert not memory.meters.handshakes
        assert await young[0].sign_in()
        await wait_all_tasks_blocked(0.01)  # the room of who has come in is taken at once
        assert memory.front.doorway.half_open == 2
        third.socket.close()


async def test_a_terminal_blocked_while_it_shakes_hands_is_cut_off() -> None:
    """A block between PROOF and the admission finds no connection yet; the admission looks again."""
    async with running_front(use_pump=False) as memory, trio.open_nursery() as nursery:
        client, server = memory_stream_pair()
        deliver = server.send_stream.send_all_hook
        assert deliver is not None
        sent = 0

        async def block_before_accept() -> None:
            nonlocal sent
            sent += 1
            memory.directory.terminals[1].blocked = sent == 2
            await deliver()

        server.send_stream.send_all_hook = block_before_accept
        assert isinstance(memory.front.doorway, StreamDoorway)
        nursery.start_soon(memory.front.doorway.serve_stream, server, "test")
        line = Line(client)
        assert await line.sign_in()
        assert await line.closed()
        assert memory.meters.closes["terminal_blocked"] == 1

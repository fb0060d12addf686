"""Handshakes over real loopback sockets: who is let in, and what everybody else sees."""

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair, wait_all_tasks_blocked

from tests.switch.memory import Line, Memory, receive, running_front


@pytest.mark.parametrize("terminal", [1, 2, 99])
async def test_unknown_blocked_and_wrongly_keyed_terminals_see_the_same(terminal: int) -> None:
    """The challenge comes in any case; after the proof the connection closes without a word."""
    async with running_front() as memory:
        memory.directory.terminals[2].blocked = True
        key = bytes(32) if terminal == 1 else None
        line = Line(await memory.connect(), terminal, key=key)
        assert not await line.sign_in()
        await closed_by_handshake(memory, "refused")


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
        while not memory.front.listener.half_open:
            await trio.lowlevel.checkpoint()
        mock_clock.jump(4.9)
        await wait_all_tasks_blocked(0.01)
        assert memory.front.listener.half_open == 1
        mock_clock.jump(0.2)
        assert not await receive(stream)
        assert memory.meters.handshakes["timeout"] == 1


async def test_half_open_connections_are_bounded_and_the_oldest_makes_room() -> None:
    """Cap before authentication: silent connections cannot keep a terminal out."""
    async with running_front(handshakes_max=2) as memory:
        silent = [await memory.connect() for _ in range(2)]
        while memory.front.listener.half_open < 2:
            await trio.lowlevel.checkpoint()
        line = Line(await memory.connect())
        assert await line.sign_in()
        assert not await receive(silent[0])


async def test_a_terminal_blocked_while_it_shakes_hands_is_cut_off() -> None:
    """A block between PROOF and the admission finds no connection yet; the admission looks again."""
    async with running_front() as memory, trio.open_nursery() as nursery:
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
        nursery.start_soon(memory.front.listener.serve_stream, server, "test")
        line = Line(client)
        assert await line.sign_in()
        assert await line.closed()
        assert memory.meters.closes["terminal_blocked"] == 1

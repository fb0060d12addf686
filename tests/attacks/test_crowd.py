"""Crowds: connections held in every state, and connections that come and go; nothing is left of them.

ATTACK_HELD and ATTACK_CHURN say how many.
"""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import trio

from protocol import Earn, Echo
from tests.entries import SWIPED
from tests.patience import HANG_S, UNHURRIED
from tests.switch.memory import CARD, Line, Memory, receive, reset, running_front

HELD: Final = int(os.environ.get("ATTACK_HELD", "2000"))
CHURN: Final = int(os.environ.get("ATTACK_CHURN", "10000"))
AT_ONCE: Final = 20
TERMINALS: Final = 200
WAITING: Final = {name: UNHURRIED[name] for name in ("handshake_s", "frame_s", "idle_s")}
SPENT: Final = 50
"""Descriptors the tests themselves may need beside two for each connection."""


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    """As many descriptors as the machine allows; fewer than needed is no failure of the switch."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 2 * HELD + SPENT:
        pytest.skip(f"{HELD} connections need {2 * HELD + SPENT} descriptors, {hard} are allowed")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def connect(memory: Memory, number: int) -> trio.SocketStream:
    """Open a connection from one of two hundred addresses."""
    sock = trio.socket.socket()
    await sock.bind((f"127.0.1.{1 + number % 199}", 0))
    await sock.connect(("127.0.0.1", memory.port))
    return trio.SocketStream(sock)


async def nobody_but(memory: Memory, count: int) -> None:
    """Wait until so many terminals are connected, and nobody is half open."""
    with trio.fail_after(HANG_S):
        while memory.front.doorway.half_open or len(memory.front.connections) != count:
            await trio.lowlevel.checkpoint()


async def hold(memory: Memory, number: int) -> Line:
    """Open one connection and leave it as it is: silent, mid HELLO, before its PROOF, mid frame, or open."""
    line = Line(await connect(memory, number), number)
    state = number % 5
    if state == 1:
        await line.stream.send_all(line.session.data_to_send()[:20])
    elif state == 2:
        await line.stream.send_all(line.session.data_to_send())
        await receive(line.stream)
    elif state > 2:
        assert await line.sign_in()
        if state == 3:
            await line.stream.send_all(line.session.seal(Echo(stan=1, terminal_time=0))[:9])
    return line


async def test_held_connections_cost_nobody_an_answer_and_leave_nothing() -> None:
    """In every state there is: a customer among them is served, and each keeps its place."""
    before = descriptors()
    async with running_front(terminals=HELD + 1, handshakes_max=HELD, **WAITING) as memory:
        customer = Line(await memory.connect(), HELD + 1)
        assert await customer.sign_in()
        held = [await hold(memory, number) for number in range(1, HELD + 1)]
        signed_on = [line for line in held if line.session.is_open]
        for stan in range(1, 101):
            request = Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
            assert (await customer.ask(request)).code == 0
        assert len(memory.ledger.posted) == 100
        with trio.fail_after(HANG_S):
            while memory.front.doorway.half_open < HELD - len(signed_on):
                await trio.lowlevel.checkpoint()
        assert len(memory.front.connections) == len(signed_on) + 1
        assert not memory.meters.closes
        for line in signed_on[1::2]:
            assert (await line.ask(Echo(stan=2, terminal_time=0))).code == 0
        for line in held:
            assert isinstance(line.stream, trio.SocketStream)
            reset(line.stream)
        await nobody_but(memory, 1)
        await customer.stream.aclose()
        await nobody_but(memory, 0)
    assert descriptors() == before


async def come_and_go(memory: Memory, number: int) -> None:
    """One short life: silence, half a HELLO, a challenge, a wrong proof, noise; now and then an ECHO."""
    terminal = 1 + number % TERMINALS
    stream = await connect(memory, number)
    line = Line(stream, terminal, key=None if number % 40 == 0 else bytes(32))
    kind = number % 5
    if number % 40 == 0:
        assert await line.sign_in()
        assert (await line.ask(Echo(stan=1 + number, terminal_time=0))).code == 0
    elif kind == 1:
        await stream.send_all(line.session.data_to_send()[:30])
    elif kind == 2:
        await stream.send_all(line.session.data_to_send())
        await receive(stream)
    elif kind == 3:
        assert not await line.sign_in()
    elif kind == 4:
        await stream.send_all(b"\xff" * 16)
    if number % 2:
        reset(stream)
    await stream.aclose()


async def test_connections_that_come_and_go_leave_nothing() -> None:
    """Every short life there is, many at once: each counts once, no descriptor and no row stays behind."""
    before, left = descriptors(), iter(range(CHURN))
    async with running_front(terminals=TERMINALS + 1, **WAITING) as memory:
        customer = Line(await memory.connect(), TERMINALS + 1)
        assert await customer.sign_in()

        async def take_turns() -> None:
            for number in left:
                await come_and_go(memory, number)

        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(take_turns)
        with trio.fail_after(HANG_S):
            while memory.meters.handshakes.total() <= CHURN:  # the last to go may not have been accepted yet
                await trio.lowlevel.checkpoint()
        await nobody_but(memory, 1)
        assert memory.meters.handshakes["accepted"] == 1 + -(-CHURN // 40)
        assert memory.meters.handshakes.total() == CHURN + 1
        assert memory.meters.handshakes["key"] == memory.meters.sign_on_refusals.total()
        assert (await customer.ask(Echo(stan=1, terminal_time=0))).code == 0
        assert memory.front.flow.in_flight == 0
    assert descriptors() == before

"""Slow peers: a byte now and then, wherever it is, holds a place for its time-out and no longer."""

import contextlib
import ssl
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from protocol import Earn, Echo
from tests.entries import SWIPED
from tests.patience import jump
from tests.switch.certificates import make_certificate
from tests.switch.memory import CARD, Line, Memory, receive, running_front

TRANSPORTS = pytest.mark.parametrize("use_pump", [True, False])
TIME_OUT_S = 5.0
SWEEP_S = 0.5
"""How much later than its time-out an open connection may be closed."""


def earn(stan: int) -> Earn:
    return Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=100)


async def customer_of(memory: Memory) -> Line:
    """A terminal that is served beside; it comes first: a busy door rests, and this clock stands still."""
    line = Line(await memory.connect(), 3)
    assert await line.sign_in()
    return line


async def drip(
    memory: Memory, clock: MockClock, customer: Line, stream: trio.SocketStream, data: bytes, pause_s: float
) -> float:
    """Send byte by byte until the switch closes; return how long that took. The customer is served beside."""
    began, stan = trio.current_time(), 0
    for place in range(len(data)):
        try:
            await stream.send_all(data[place : place + 1])
        except trio.BrokenResourceError:
            break
        await jump(clock, pause_s)
        await wait_all_tasks_blocked(0.002)
        if place % 8 == 0:
            stan += 1
            assert (await customer.ask(Echo(stan=stan, terminal_time=0))).code == 0
        if memory.meters.handshakes["timeout"] or memory.meters.closes["frame_timeout"]:
            break
    return trio.current_time() - began


@TRANSPORTS
@pytest.mark.parametrize("which", ["HELLO", "PROOF"])
async def test_a_handshake_by_drips_ends_with_its_time(
    use_pump: bool, which: str, mock_clock: MockClock
) -> None:
    """A byte each 0.2 s: five seconds from the connection, however far it got; the customer feels nothing."""
    async with running_front(use_pump=use_pump) as memory:
        customer, line = await customer_of(memory), Line(await memory.connect())
        if which == "PROOF":
            await line.stream.send_all(line.session.data_to_send())
            line.session.receive(await receive(line.stream))
        assert isinstance(line.stream, trio.SocketStream)
        took = await drip(memory, mock_clock, customer, line.stream, line.session.data_to_send(), 0.2)
        assert TIME_OUT_S - 0.2 <= took <= TIME_OUT_S + 0.5
        assert memory.meters.handshakes == {"accepted": 1, "timeout": 1}
        assert await line.closed()


@TRANSPORTS
@pytest.mark.parametrize(("begun", "pause_s"), [(0, 1.3), (1, 1.3), (3, 0.4), (4, 0.4), (30, 0.7)])
async def test_a_frame_by_drips_ends_with_its_time(
    use_pump: bool, begun: int, pause_s: float, mock_clock: MockClock
) -> None:
    """In the length, the header, the body, the tag: five seconds from the first byte, progress or not."""
    async with running_front(use_pump=use_pump) as memory:
        customer, line = await customer_of(memory), Line(await memory.connect())
        assert await line.sign_in()
        frame = line.session.seal(earn(1))
        assert isinstance(line.stream, trio.SocketStream)
        if begun:
            await line.stream.send_all(frame[:begun])
            await wait_all_tasks_blocked(0.01)
        took = await drip(memory, mock_clock, customer, line.stream, frame[begun:], pause_s)
        assert TIME_OUT_S - pause_s <= took <= TIME_OUT_S + SWEEP_S + pause_s + 0.1
        assert memory.meters.closes["frame_timeout"] == 1
        assert memory.ledger.posted == []


async def test_who_is_slow_and_in_time_is_served_and_pays_for_it(mock_clock: MockClock) -> None:
    """A whole request by drips within its time is answered; every read of it costs a unit."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        [connection] = memory.front.connections.snapshot()
        before = connection.allowance.debt(trio.current_time())
        frame = line.session.seal(Echo(stan=1, terminal_time=0))
        for place in range(len(frame)):
            await line.stream.send_all(frame[place : place + 1])
            await wait_all_tasks_blocked(0.002)
        assert (await line.reply()).code == 0
        assert connection.allowance.debt(trio.current_time()) == before + len(frame) - 1 + 1


@TRANSPORTS
async def test_a_tls_handshake_by_drips_ends_with_its_time(
    use_pump: bool, tmp_path: Path, mock_clock: MockClock
) -> None:
    """A ClientHello byte by byte, 0.1 s apart: the five seconds hold for TLS and ours together."""
    crt, key = make_certificate(tmp_path)
    async with running_front(
        use_pump=use_pump, tls="on", tls_certificate=str(crt), tls_key=str(key)
    ) as memory:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl.create_default_context(cafile=str(crt)).wrap_bio(
            incoming, outgoing, server_hostname="localhost"
        )
        with contextlib.suppress(ssl.SSLWantReadError):
            tls.do_handshake()
        stream, began = await memory.connect(), trio.current_time()
        for byte in outgoing.read():
            try:
                await stream.send_all(bytes([byte]))
            except trio.BrokenResourceError:
                break
            await jump(mock_clock, 0.1)
            if memory.meters.handshakes:
                break
        assert trio.current_time() - began <= TIME_OUT_S + 0.5
        assert memory.meters.handshakes == {"timeout": 1}

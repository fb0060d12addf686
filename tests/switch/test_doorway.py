"""Strangers at the door: what they cost those who have signed on, counted in steps and connections."""

import errno
import socket
from typing import NoReturn

import pytest
import structlog.testing
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import switch.wire.doorway
from protocol import Echo
from switch.flow.allowance import BURST, DOOR, HANDSHAKE, PER_S
from switch.wire.doorway import HALF_OPEN_S_MIN, REST, STEPS_MAX
from tests.patience import HANG_S, jump
from tests.switch.memory import Line, Memory, reset, running_front

STEP_S = 0.000_2


@pytest.fixture(autouse=True)
def _each_look_at_the_clock_takes_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_s = 0.0

    def thread_time() -> float:
        nonlocal worked_s
        worked_s += STEP_S
        return worked_s

    monkeypatch.setattr(switch.wire.doorway, "thread_time", thread_time)


async def settled() -> None:
    await wait_all_tasks_blocked(0.01)


async def customer(memory: Memory) -> Line:
    line = Line(await memory.connect())
    assert await line.sign_in()
    await settled()
    return line


async def test_while_nobody_is_served_strangers_come_in_as_they_like(mock_clock: MockClock) -> None:
    """Forty at once, and not a moment passes."""
    async with running_front() as memory:
        for _ in range(40):
            await memory.connect()
        await settled()
        assert memory.front.doorway.half_open == 40


async def test_strangers_get_their_share_and_no_more_while_customers_are_served(
    mock_clock: MockClock,
) -> None:
    """After each round that a customer was served beside the doorway rests for seven times what it took."""
    async with running_front() as memory:
        line = await customer(memory)
        rounds = 5
        await jump(mock_clock, 1.0)
        await line.ask(Echo(stan=1, terminal_time=0))
        for _ in range(
            1 + rounds * STEPS_MAX
        ):  # the first has a round to itself, after which the doorway rests
            await memory.connect()
            await settled()
        rest_s = REST * STEP_S * (STEPS_MAX + 1)
        for taken in range(rounds):
            await line.ask(Echo(stan=2 + taken, terminal_time=0))
            assert memory.front.doorway.half_open == 1 + taken * STEPS_MAX
            await jump(mock_clock, 1.01 * rest_s)
            await settled()
        assert memory.front.doorway.half_open == 1 + rounds * STEPS_MAX


async def test_a_storm_of_strangers_is_accepted_at_a_bounded_rate(mock_clock: MockClock) -> None:
    """Ten places, a second each: whoever comes again as it is evicted gets ten acceptances a second."""
    async with running_front(handshakes_max=10, handshake_s=600) as memory:
        for _ in range(60):
            await memory.connect()
        for second in range(5):
            await settled()
            assert memory.front.doorway.half_open == 10
            assert memory.meters.handshakes["evicted"] == second * 10
            await jump(mock_clock, HALF_OPEN_S_MIN)


async def test_who_comes_in_waits_behind_no_deadline(mock_clock: MockClock) -> None:
    """Terminals that shake hands at once pass through two places in any number, and no time passes."""
    async with running_front(handshakes_max=2, terminals=20) as memory:
        for number in range(1, 21):
            assert await Line(await memory.connect(), number).sign_in()
        await settled()
        assert memory.meters.handshakes == {"accepted": 20}
        assert len(memory.front.connections) == 20


async def test_deadlines_are_kept_in_the_order_of_acceptance(mock_clock: MockClock) -> None:
    """Each half-open connection ends when its own time is over, the others stay."""
    async with running_front(handshake_s=5) as memory:
        for _ in range(3):
            await memory.connect()
            await settled()
            await jump(mock_clock, 1.0)
        await jump(mock_clock, 1.5)  # now the first is 4.5 s old
        for ended in range(3):
            await settled()
            assert memory.meters.handshakes["timeout"] == ended
            await jump(mock_clock, 1.0)
        await settled()
        assert memory.front.doorway.half_open == 0


@pytest.mark.parametrize("use_pump", [True, False])
async def test_a_terminal_that_keeps_coming_again_is_turned_away(
    use_pump: bool, mock_clock: MockClock
) -> None:
    """Handshakes are paid from the terminal's allowance: some hundred at once, then ten a second."""
    async with running_front(use_pump=use_pump) as memory:
        at_once = int(DOOR / HANDSHAKE) + 1
        for _ in range(at_once):
            line = Line(await memory.connect())
            assert await line.sign_in()
        assert not await Line(await memory.connect()).sign_in()
        await settled()  # it is counted once the peer has seen the end
        assert memory.meters.handshakes == {"accepted": at_once, "too_often": 1}
        other = Line(await memory.connect(), 2)
        assert await other.sign_in()
        await jump(mock_clock, 0.2)
        assert await Line(await memory.connect()).sign_in()


async def test_a_number_only_claimed_spends_nothing_of_its_terminal() -> None:
    """Whoever knows a terminal's number and not its key cannot keep it out."""
    async with running_front() as memory:
        for _ in range(int(DOOR / HANDSHAKE) + 50):
            assert not await Line(await memory.connect("127.0.0.2"), 1, key=bytes(32)).sign_in()
        assert await Line(await memory.connect(), 1).sign_in()


class SlowRegistry:
    """Knows of every key after a while, when a test says what."""

    def __init__(self) -> None:
        self.asked = 0
        self.told = trio.Event()
        self.verdict = True

    def may_use_at_once(self, number: int, _generation: int) -> bool:
        return number != 1

    async def may_use(self, number: int, generation: int) -> bool:
        if self.may_use_at_once(number, generation):
            return True
        self.asked += 1
        await self.told.wait()
        return self.verdict


@pytest.mark.parametrize("use_pump", [True, False])
@pytest.mark.parametrize("verdict", [True, False])
async def test_who_has_to_be_asked_about_keeps_nobody_waiting(use_pump: bool, verdict: bool) -> None:
    """No ACCEPT before the registry has said so; others come in meanwhile; a no is no."""
    registry = SlowRegistry()
    registry.verdict = verdict
    async with running_front(use_pump=use_pump, keys=registry) as memory, trio.open_nursery() as nursery:
        came_in: list[bool] = []

        async def come_in() -> None:
            came_in.append(await Line(await memory.connect(), 1).sign_in())

        nursery.start_soon(come_in)
        with trio.fail_after(HANG_S):
            while not registry.asked:
                await trio.lowlevel.checkpoint()
            assert await Line(await memory.connect(), 2).sign_in()
            assert came_in == []
            registry.told.set()
            while not came_in:
                await trio.lowlevel.checkpoint()
        assert came_in == [verdict]
        await settled()
        assert memory.meters.handshakes["key_refused"] == (not verdict)


async def test_who_has_gone_while_it_was_asked_about_is_forgotten() -> None:
    """The answer comes for a connection that is no more, and lets nobody in."""
    registry = SlowRegistry()
    async with running_front(keys=registry) as memory:
        line = Line(await memory.connect(), 1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.sign_in)
            with trio.fail_after(HANG_S):
                while not registry.asked:
                    await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        assert isinstance(line.stream, trio.SocketStream)
        reset(line.stream)
        with trio.fail_after(HANG_S):
            while memory.front.doorway.half_open:
                await trio.lowlevel.checkpoint()
        registry.told.set()
        await settled()
        assert memory.meters.handshakes == {"peer_closed": 1}
        assert len(memory.front.connections) == 0


async def test_who_has_spent_its_allowance_is_let_in_and_left_unread(mock_clock: MockClock) -> None:
    """A terminal in debt need not fail to sign on: it waits for its answer until it has paid back."""
    async with running_front() as memory:
        memory.front.connections.allowance_of(1).spend(2 * BURST, trio.current_time())
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(Echo(stan=1, terminal_time=0))
        await settled()
        assert memory.front.connections.resting == 1
        assert memory.meters.replies["Echo", 0] == 0
        await jump(mock_clock, (BURST + HANDSHAKE) / PER_S)
        assert (await line.reply()).stan == 1


async def test_a_machine_short_of_descriptors_says_so_once_a_minute(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepting is tried ten times a second; the log gets one line, an error, however long that goes on."""
    tried = 0

    def accept(_: socket.socket) -> NoReturn:
        nonlocal tried
        tried += 1
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(socket.socket, "accept", accept)
    async with running_front() as memory:
        with structlog.testing.capture_logs() as lines:
            await memory.connect()
            for _ in range(30):
                await settled()
                await jump(mock_clock, 0.11)
    assert tried >= 20
    told = [line for line in lines if line["event"] == "accept_failed"]
    assert [(line["log_level"], line["problem"]) for line in told] == [("error", "Too many open files")]


async def test_a_terminal_that_connects_again_and_again_is_told_once_a_minute(mock_clock: MockClock) -> None:
    """Each newer connection ends the older one; the log gets one line of it."""
    async with running_front() as memory:
        with structlog.testing.capture_logs() as lines:
            for _ in range(5):
                await customer(memory)
        assert memory.meters.closes["replaced"] == 4
    assert [line["event"] for line in lines].count("terminal_connected_again") == 1

"""A switch that is busy or away for an hour: what a terminal sends meanwhile, counted by a test's clock."""

import contextlib
import random
from itertools import pairwise

import pytest
import trio
import trio.testing

from protocol import ResultCode
from simulators.errors import TerminalError
from simulators.till.backoff import Backoff
from simulators.till.posting import EARN, EARN_ADVICE, REVERSAL
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal
from tests.simulators.fake_switch import CARD, FakeSwitch, Step, make

HOUR_S = 3_600
SENDS_MAX = 7 + HOUR_S // 30
"""Seven while the pause grows from half a second to half a minute, then one every half minute at most."""


async def impatiently(terminal: PosTerminal, seconds: float) -> None:
    """Settle again and again without a pause of the caller's own."""
    until = trio.current_time() + seconds
    while terminal.has_unsettled and trio.current_time() < until:
        with contextlib.suppress(TerminalError):
            await terminal.settle()
        await trio.lowlevel.checkpoint()


CODES = [ResultCode.TRY_AGAIN, ResultCode.SUSPENDED_FOR_NOW, 19, ResultCode.SYSTEM_ERROR]


@pytest.mark.parametrize("code", CODES, ids=int)
async def test_an_advice_told_to_try_again_is_kept_and_seldom_sent(
    memory: TerminalMemory, switch: FakeSwitch, code: int, autojump_clock: trio.testing.MockClock
) -> None:
    """An hour of "not now": the advice stays, goes ever more seldom, byte for byte, and arrives at last."""
    times: list[float] = []
    switch.on_request = lambda received: times.append(trio.current_time())
    switch.script.extend([Step(code=code)] * 100_000)
    async with make(memory, switch) as terminal:
        terminal.store_offline_earn(CARD, 10_00)
        terminal.store_offline_earn(CARD, 20_00)
        await impatiently(terminal, HOUR_S)
        assert 60 <= len(times) <= SENDS_MAX
        for n, (earlier, later) in enumerate(pairwise(times)):
            assert later - earlier >= 0.5 * 2 ** min(n, 5)
        assert len(memory.advices) == 2
        switch.script.clear()
        await impatiently(terminal, HOUR_S)
        assert not terminal.has_unsettled
    advices = switch.of_type(EARN_ADVICE)
    assert len({advice.body for advice in advices[:-1]}) == 1
    assert advices[-1].body != advices[0].body


async def test_a_busy_switch_is_not_stormed_by_sales_given_up(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """A cashier keys in sale after sale all the hour: reversals wait, and the sales behind them."""
    switch.script.extend([Step(code=ResultCode.TRY_AGAIN)] * 100_000)
    async with make(memory, switch) as terminal:
        until = trio.current_time() + HOUR_S
        while trio.current_time() < until:
            with contextlib.suppress(TerminalError):
                await terminal.earn(CARD, 10_00)
    assert len(switch.of_type(EARN, REVERSAL)) <= SENDS_MAX
    assert len(switch.of_type(EARN)) <= 3


@pytest.mark.parametrize("ask", ["earn", "balance", "connect", "settle"])
async def test_a_switch_that_is_away_is_not_stormed_with_connections(
    memory: TerminalMemory, switch: FakeSwitch, ask: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Whatever is asked, and however often: an hour without a switch is some 120 tries to connect."""
    switch.is_down = True
    async with make(memory, switch) as terminal:
        until = trio.current_time() + HOUR_S
        while trio.current_time() < until:
            with contextlib.suppress(TerminalError):
                match ask:
                    case "earn":
                        await terminal.earn(CARD, 10_00)
                    case "balance":
                        await terminal.balance(CARD)
                    case "connect":
                        await terminal.connect()
                    case _:
                        await terminal.settle()
        assert 60 <= terminal.counters.links <= SENDS_MAX


async def test_the_first_sale_after_a_bad_hour_goes_at_once(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """A final answer ends the pause: the next failure is the first again."""
    async with make(memory, switch) as terminal:
        switch.script.extend([Step(code=ResultCode.TRY_AGAIN)] * 7)
        terminal.store_offline_earn(CARD, 10_00)
        await impatiently(terminal, HOUR_S)
        switch.script.append(Step(code=ResultCode.TRY_AGAIN))
        started = trio.current_time()
        await terminal.earn(CARD, 10_00)
        assert 0.5 <= trio.current_time() - started <= 1


async def test_terminals_that_failed_together_do_not_return_together(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After a failure they share, a thousand terminals come back spread over half a second."""
    returned: list[float] = []

    async def come_back(seed: int) -> None:
        backoff = Backoff(random.Random(seed), pause_min_s=1, pause_max_s=60)
        backoff.failed()
        assert await backoff.wait(float("inf"))
        returned.append(trio.current_time())

    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        for seed in range(1_000):
            nursery.start_soon(come_back, seed)
    tenths = [int((moment - started) * 10) for moment in returned]
    assert sorted(set(tenths)) == [5, 6, 7, 8, 9]
    assert all(100 < tenths.count(tenth) < 300 for tenth in range(5, 10))


async def test_a_seed_gives_the_same_pauses_again(autojump_clock: trio.testing.MockClock) -> None:
    """Chance comes from the seed alone, and a thousand failures in a row are no trouble."""

    async def ends() -> list[float]:
        started, found = trio.current_time(), []
        backoff = Backoff(random.Random(7), pause_min_s=1, pause_max_s=60)
        for _ in range(1_000):
            backoff.failed()
            await backoff.wait(float("inf"))
            found.append(round(trio.current_time() - started, 3))
        return found

    assert await ends() == await ends()

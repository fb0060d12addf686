"""The terminal after a restart: what its memory makes it repeat, reverse and never use again."""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import (
    REPEAT_BIT,
    Earn,
    EarnAdvice,
    Redeem,
    ResultCode,
    Totals,
    encode_request,
)
from protocol.limits import TOTALS_STANS_MAX
from simulators.errors import (
    CannotConnect,
)
from simulators.till.exchange import STAN_SKIP_AFTER_LOSS
from simulators.till.posting import EARN, EARN_ADVICE, REDEEM, REVERSAL
from simulators.till.records import PendingRequest
from simulators.till.store import TerminalMemory
from tests.entries import SWIPED
from tests.simulators.fake_switch import CARD, IDENTITY, SILENCE, FakeSwitch, Step, make, on_disk


async def test_advices_survive_a_restart_and_go_in_order(
    path: Path, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """Sales made offline are forwarded oldest first, after a restart too, until each is acknowledged."""
    switch.is_down = True
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        terminal = make(memory, switch)
        with pytest.raises(CannotConnect):
            await terminal.earn(CARD, 10_00)
        assert memory.pending is None
        stans = [terminal.store_offline_earn(CARD, amount) for amount in (10_00, 20_00, 30_00)]
    switch.is_down = False
    switch.script.extend([Step(), SILENCE])
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        async with make(memory, switch) as terminal:
            settled = await terminal.settle()
        assert not memory.advices
        assert memory.totals.earn_count == 3
    sent = switch.of_type(EARN_ADVICE)
    amounts = [one.message.amount for one in sent if isinstance(one.message, EarnAdvice)]
    assert amounts == [10_00, 20_00, 20_00, 30_00]
    assert [one.request.stan for one in settled] == stans
    assert all(received.type & REPEAT_BIT for received in switch.of_type(EARN_ADVICE))


async def test_a_restart_repeats_the_pending_request(path: Path, switch: FakeSwitch) -> None:
    """What the memory holds without an answer goes again byte for byte, before anything new."""
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        request = Earn(memory.next_stan(), 1, CARD, SWIPED, 10_00)
        type_byte, body = encode_request(request)
        memory.begin(PendingRequest(request.stan, type_byte, body))
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        async with make(memory, switch) as terminal:
            await terminal.redeem(CARD, 100)
    sent = switch.of_type(EARN, REDEEM)
    assert [received.type for received in sent] == [EARN | REPEAT_BIT, REDEEM]
    assert sent[0].body == body


async def test_a_restart_may_reverse_instead(path: Path, switch: FakeSwitch) -> None:
    """With `reverse_on_restart` the pending request is never sent again, only its reversal."""
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        request = Redeem(memory.next_stan(), 1, CARD, SWIPED, 100, 0)
        memory.begin(PendingRequest(request.stan, *encode_request(request)))
    switch.script.append(Step(points=100))
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        async with make(memory, switch, reverse_on_restart=True) as terminal:
            await terminal.settle()
        totals = memory.totals
    assert [received.type for received in switch.of_type(REDEEM, REVERSAL)] == [REVERSAL]
    assert (totals.redeem_count, totals.redeem_points) == (1, -100)
    assert (totals.reversal_count, totals.reversal_points) == (1, 100)


async def test_a_stan_is_never_reused_after_a_restart(path: Path, switch: FakeSwitch) -> None:
    """The counter goes on where it was."""
    stans: list[int] = []
    for _ in range(3):
        with TerminalMemory.open(path, IDENTITY.terminal) as memory:
            async with make(memory, switch) as terminal:
                stans.append((await terminal.earn(CARD, 10_00)).stan)
    assert stans == sorted(set(stans))


async def test_a_terminal_that_lost_its_memory_goes_on_past_the_switch(
    memory: TerminalMemory, switch: FakeSwitch, path: Path, tmp_path: Path
) -> None:
    """The sign-on tells the last STAN in the journal; the terminal skips well past it, persisted."""
    switch.last_stan = 4711
    async with make(memory, switch) as terminal:
        await terminal.connect()
        assert on_disk(path, tmp_path / "copy").stan == 4711 + STAN_SKIP_AFTER_LOSS
        reply = await terminal.earn(CARD, 10_00)
    assert reply.stan > 4711 + STAN_SKIP_AFTER_LOSS


async def test_a_stan_conflict_makes_it_sign_on_again(memory: TerminalMemory, switch: FakeSwitch) -> None:
    """Somebody used our numbers: the next sign-on tells how far."""
    switch.script.append(Step(code=ResultCode.STAN_CONFLICT))
    async with make(memory, switch) as terminal:
        reply = await terminal.earn(CARD, 10_00)
        assert reply.code == ResultCode.STAN_CONFLICT
        switch.last_stan = 900
        reply = await terminal.earn(CARD, 10_00)
    assert reply.stan > 900


async def test_a_cancelled_request_stays_pending_and_is_settled(
    memory: TerminalMemory, switch: FakeSwitch
) -> None:
    """Cancelling a task loses nothing: what was sent is repeated before the next sale."""
    switch.script.append(SILENCE)
    async with make(memory, switch) as terminal:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(terminal.earn, CARD, 10_00)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert terminal.has_unsettled
        assert not terminal.is_connected
        await terminal.settle()
    assert [received.type for received in switch.of_type(EARN)] == [EARN, EARN | REPEAT_BIT]


async def test_totals_after_a_loss_begin_behind_it(memory: TerminalMemory, switch: FakeSwitch) -> None:
    """Sums that were lost are not compared; a range that is too long for the switch is given up."""
    switch.last_stan = 500_000
    async with make(memory, switch) as terminal:
        await terminal.earn(CARD, 10_00)
        assert (await terminal.totals()).earn_count == 1
        asked = switch.of_type(0x38)[0].message
        assert isinstance(asked, Totals)
        assert asked.stan_from > 500_000
        memory.skip_to(memory.stan + TOTALS_STANS_MAX + 1)
        switch.script.append(Step(code=ResultCode.NOT_SUPPORTED))
        await terminal.totals()
        assert memory.stan_from > memory.stan

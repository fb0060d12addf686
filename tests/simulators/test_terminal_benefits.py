"""What a terminal does with benefits, refunds and reports when the line fails: SPEC.md, section 6."""

from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import (
    REPEAT_BIT,
    TYPE_OF,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Check,
    EarnAdvice,
    EntryMode,
    Quote,
    Refund,
    ReportKind,
    ResultCode,
    Reversal,
    Totals,
    Verify,
)
from simulators.errors import InvalidEntry, TimedOut
from simulators.till.store import TerminalMemory
from tests.simulators.fake_switch import CARD, IDENTITY, SILENCE, FakeSwitch, Step, make


async def test_a_benefit_is_repeated_and_given_up_like_an_earn(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """No answer in three tries: its reversal goes, the card as it was read, and the use counts in totals."""
    switch.script.extend([SILENCE, SILENCE, SILENCE, Step(discount=5_00)])
    async with make(memory, switch) as terminal:
        with pytest.raises(TimedOut):
            await terminal.benefit(CARD, 17, 25_00, confirmed=Check.PHOTO_ID, entry=EntryMode.TAPPED)
        await terminal.settle()
    uses = switch.of_type(TYPE_OF[BenefitUse])
    assert len({one.body for one in uses}) == 1
    assert [bool(one.type & REPEAT_BIT) for one in uses] == [False, True, True]
    assert uses[0].message == BenefitUse(uses[0].message.stan, 1_700_000_000, CARD, 3, 17, 25_00, 1)
    [reversal] = switch.of_type(TYPE_OF[Reversal])
    assert isinstance(reversal.message, Reversal)
    assert (reversal.message.original_stan, reversal.message.entry) == (uses[0].message.stan, 3)
    totals = memory.totals
    assert (totals.benefit_count, totals.benefit_grosze, totals.reversal_count) == (1, 5_00, 1)


async def test_a_refund_is_never_given_up(
    path: Path, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """Goods came back: it stays pending over a restart, is repeated byte for byte, and no reversal goes."""
    switch.script.extend([SILENCE] * 3)
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        async with make(memory, switch) as terminal:
            with pytest.raises(TimedOut):
                await terminal.refund(CARD, (10_000_002, 7), 12_00)
    switch.script.append(Step(points=-1))
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        async with make(memory, switch, reverse_on_restart=True) as terminal:
            [settled] = await terminal.settle()
        assert memory.pending is None
        assert (memory.totals.refund_count, memory.totals.refund_points) == (1, -1)
    sent = switch.of_type(TYPE_OF[Refund])
    assert len(sent) == 4
    assert len({one.body for one in sent}) == 1
    assert settled.request == Refund(sent[0].message.stan, 1_700_000_000, CARD, 1, 10_000_002, 7, 12_00)
    assert switch.of_type(TYPE_OF[Reversal]) == []


async def test_what_is_stored_goes_in_order_as_what_it_is(
    path: Path, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """A sale, a benefit and a report made without a line: after a restart each goes as its own message."""
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        terminal = make(memory, switch)
        terminal.store_offline_earn(CARD, 10_00)
        terminal.store_offline_benefit(CARD, 17, 25_00)
        terminal.store_report(CARD, ReportKind.ATTEMPT)
    switch.script.extend([Step(), Step(ResultCode.QUOTA_USED_UP), Step(ResultCode.TRY_AGAIN), Step()])
    with TerminalMemory.open(path, IDENTITY.terminal) as memory:
        async with make(memory, switch) as terminal:
            settled = await terminal.settle()
        assert not memory.advices
        assert (memory.totals.earn_count, memory.totals.benefit_count) == (1, 0)
    assert [type(one.request) for one in settled] == [EarnAdvice, BenefitAdvice, CardReport]
    assert [one.reply.code for one in settled] == [0, ResultCode.QUOTA_USED_UP, 0]
    assert len(switch.of_type(TYPE_OF[CardReport])) == 2


async def test_questions_are_asked_and_kept_nowhere(memory: TerminalMemory, switch: FakeSwitch) -> None:
    """VERIFY and QUOTE post nothing: they leave nothing pending and nothing in the totals."""
    async with make(memory, switch) as terminal:
        verified = await terminal.verify(CARD, offers_after=16)
        assert (verified.benefits, verified.checks) == ([(17, 3, 5)], 5)
        await terminal.quote(CARD, BenefitUse, 25_00, number=17)
        assert memory.pending is None
        await terminal.totals()
    [asked] = switch.of_type(TYPE_OF[Verify])
    assert isinstance(asked.message, Verify)
    assert asked.message.offers_after == 16
    [quoted] = switch.of_type(TYPE_OF[Quote])
    assert isinstance(quoted.message, Quote)
    assert (quoted.message.operation, quoted.message.amount, quoted.message.number) == (0x23, 25_00, 17)
    [totals] = switch.of_type(TYPE_OF[Totals])
    assert isinstance(totals.message, Totals)
    assert totals.message.benefit_count == totals.message.refund_count == 0


async def test_what_the_wire_cannot_carry_is_never_stored(memory: TerminalMemory, switch: FakeSwitch) -> None:
    """An offer or an original out of range is refused before it has a STAN: it would be sent for ever."""
    async with make(memory, switch) as terminal:
        for asking in (
            terminal.benefit(CARD, -1, 10_00),
            terminal.benefit(CARD, 2**31, 10_00),
            terminal.refund(CARD, (0, 7), 10_00),
            terminal.refund(CARD, (17, 0), 10_00),
            terminal.verify(CARD, offers_after=-1),
        ):
            with pytest.raises(InvalidEntry):
                await asking
        with pytest.raises(InvalidEntry):
            terminal.store_offline_benefit(CARD, 2**31, 10_00)
    assert memory.stan == 0

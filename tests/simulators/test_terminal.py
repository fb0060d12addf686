"""The terminal against a scripted switch: what it persists, repeats, reverses and forwards."""

import contextlib
from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import (
    REPEAT_BIT,
    ResultCode,
    Reversal,
    TransactionReply,
)
from simulators.errors import (
    CannotConnect,
    InvalidEntry,
    RefusedBySwitch,
    SignOnDeclined,
    SwitchBusy,
    TimedOut,
)
from simulators.till.posting import EARN, EARN_ADVICE, REDEEM, REVERSAL, PostingRequest, Settled
from simulators.till.records import PendingRequest
from simulators.till.store import TerminalMemory
from simulators.till.terminal import Patience, PosTerminal
from tests.simulators.fake_switch import CARD, HANG_UP, IDENTITY, SILENCE, FakeSwitch, Step, make, on_disk


class NotingWitness:
    """Keeps what it is told, in order, and what the memory said at that moment."""

    def __init__(self, memory: TerminalMemory) -> None:
        self.memory = memory
        self.noted: list[tuple[str, int, bool]] = []

    def signed_on(self, terminal: int, stan: int) -> None:
        pass

    def sending(self, terminal: int, request: PostingRequest) -> None:
        self.noted.append(("sending", request.stan, self.memory.pending is not None))

    def told(self, terminal: int, request: PostingRequest, reply: TransactionReply) -> None:
        self.noted.append(("told", request.stan, self.memory.pending is not None))


async def test_an_earn_is_persisted_before_it_is_sent_and_cleared_after_the_answer(
    memory: TerminalMemory, switch: FakeSwitch, path: Path, tmp_path: Path
) -> None:
    """When the switch sees a request, its bytes are in the file already; after the answer they are not."""
    seen: list[PendingRequest | None] = []
    switch.on_request = lambda received: seen.append(on_disk(path, tmp_path / "copy").pending)
    async with PosTerminal(IDENTITY, memory, switch.connect) as terminal:
        reply = await terminal.earn(CARD, 12_50)
    request = switch.of_type(EARN)[0]
    assert seen == [PendingRequest(reply.stan, EARN, request.body)]
    assert on_disk(path, tmp_path / "copy").pending is None


async def test_the_witness_notes_before_the_terminal_sends_and_before_it_acts(
    memory: TerminalMemory, switch: FakeSwitch
) -> None:
    """`sending` comes before the request is even pending, `told` while it still is."""
    witness = NotingWitness(memory)
    async with make(memory, switch, witness=witness) as terminal:
        reply = await terminal.earn(CARD, 12_50)
    assert witness.noted == [("sending", reply.stan, False), ("told", reply.stan, True)]


@pytest.mark.parametrize("lost", [SILENCE, HANG_UP], ids=["silence", "closed"])
async def test_a_retry_repeats_the_same_bytes_with_the_repeat_bit(
    memory: TerminalMemory, switch: FakeSwitch, lost: Step, autojump_clock: trio.testing.MockClock
) -> None:
    """Same id, byte for byte; only the repeat bit tells the second from the first."""
    switch.script.append(lost)
    async with make(memory, switch) as terminal:
        await terminal.earn(CARD, 12_50)
    first, second = switch.of_type(EARN)
    assert (first.type, second.type) == (EARN, EARN | REPEAT_BIT)
    assert first.body == second.body
    assert terminal.counters.repeats == 1
    assert switch.signed_on == 2


async def test_three_tries_then_a_reversal_and_the_original_never_again(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """Given up after 3 tries within 15 s; then the reversal goes until it is acknowledged."""
    switch.script.extend([SILENCE] * 3)
    async with make(memory, switch) as terminal:
        started = trio.current_time()
        with pytest.raises(TimedOut) as failure:
            await terminal.redeem(CARD, 100)
        assert 3 * 5 <= trio.current_time() - started <= 15 + 2
        assert memory.pending is not None
        assert memory.pending.type == REVERSAL
        switch.script.extend([SILENCE] * 3)
        settled: list[Settled] = []
        while not settled:
            with contextlib.suppress(TimedOut):
                settled = await terminal.settle()
    assert len(switch.of_type(REDEEM)) == 3
    reversals = switch.of_type(REVERSAL)
    assert [received.type for received in reversals] == [REVERSAL] + [REVERSAL | REPEAT_BIT] * 3
    assert len({received.body for received in reversals}) == 1
    assert isinstance(reversals[0].message, Reversal)
    assert reversals[0].message.original_stan == failure.value.stan
    assert [one.request.stan for one in settled] == [failure.value.reversal_stan]
    assert memory.pending is None


async def test_a_pending_reversal_goes_before_the_next_sale(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """The next customer waits until the reversal is acknowledged."""
    switch.script.append(SILENCE)
    async with make(memory, switch) as terminal:
        with pytest.raises(TimedOut):
            await terminal.earn(CARD, 10_00, tries_max=1)
        await terminal.earn(CARD, 20_00)
    assert [received.type for received in switch.of_type(EARN, REVERSAL)] == [EARN, REVERSAL, EARN]


async def test_a_late_reply_to_an_abandoned_try_is_not_taken_for_another(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """An answer that comes after the terminal has hung up changes nothing."""
    switch.script.append(Step(points=1, after_s=30))
    async with make(memory, switch) as terminal:
        with pytest.raises(TimedOut):
            await terminal.earn(CARD, 10_00, tries_max=1)
        await trio.sleep(60)
        assert memory.pending is not None
        assert memory.pending.type == REVERSAL
        await terminal.settle()


async def test_retry_class_sends_the_same_request_again(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """TRY_AGAIN decides nothing: the same id goes again on the same link."""
    switch.script.extend([Step(code=ResultCode.TRY_AGAIN), Step(points=1)])
    async with make(memory, switch) as terminal:
        reply = await terminal.earn(CARD, 10_00)
    assert reply.points == 1
    assert [received.type for received in switch.of_type(EARN)] == [EARN, EARN | REPEAT_BIT]
    assert switch.signed_on == 1


async def test_a_switch_that_stays_busy_leaves_a_reversal(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """After the tries a retry code means the outcome is unknown: reverse."""
    switch.script.extend([Step(code=ResultCode.TRY_AGAIN)] * 3)
    async with make(memory, switch) as terminal:
        with pytest.raises(SwitchBusy):
            await terminal.earn(CARD, 10_00)
        assert memory.pending is not None
        assert memory.pending.original_type == EARN
        await terminal.settle()


@pytest.mark.parametrize(
    "code", [ResultCode.CARD_RETAIN, ResultCode.CARD_BLOCKED, ResultCode.NOT_SUPPORTED, 29, 99], ids=int
)
async def test_a_final_refusal_ends_the_transaction(
    memory: TerminalMemory, switch: FakeSwitch, code: int
) -> None:
    """Pick-up, decline and fault, known or younger than the terminal, are returned once and not repeated."""
    switch.script.append(Step(code=code))
    async with make(memory, switch) as terminal:
        reply = await terminal.earn(CARD, 10_00)
    assert reply.code == code
    assert memory.pending is None
    assert len(switch.of_type(EARN)) == 1


@pytest.mark.parametrize("what", ["earn", "reversal", "advice"])
async def test_system_error_settles_nothing_that_can_post(
    memory: TerminalMemory, switch: FakeSwitch, what: str, autojump_clock: trio.testing.MockClock
) -> None:
    """SYSTEM_ERROR says nothing for certain: what can post goes again, byte for byte."""
    switch.script.append(Step(code=ResultCode.SYSTEM_ERROR))
    async with make(memory, switch) as terminal:
        if what == "earn":
            await terminal.earn(CARD, 10_00)
        elif what == "reversal":
            await terminal.reversal(CARD, 1)
        else:
            terminal.store_offline_earn(CARD, 10_00)
            await terminal.settle()
    sent = switch.of_type(EARN, REVERSAL, EARN_ADVICE)
    assert len(sent) == 2
    assert sent[0].body == sent[1].body
    assert not terminal.has_unsettled


async def test_refusals_are_told_apart(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """Nobody there, a wrong key, a suspended partner: different errors, and nothing stays pending."""
    switch.is_down = True
    async with make(memory, switch) as terminal:
        with pytest.raises(CannotConnect):
            await terminal.connect()
        switch.is_down, switch.key = False, bytes(32)
        with pytest.raises(RefusedBySwitch):
            await terminal.earn(CARD, 10_00)
        switch.key, switch.sign_on_code = None, 0
        with pytest.raises(RefusedBySwitch):
            await terminal.connect()
        switch.key, switch.sign_on_code = IDENTITY.key, ResultCode.NOT_SUPPORTED
        with pytest.raises(SignOnDeclined) as declined:
            await terminal.earn(CARD, 10_00)
    assert declined.value.code == ResultCode.NOT_SUPPORTED
    assert not terminal.has_unsettled


@pytest.mark.parametrize(
    "code", [ResultCode.PROGRAMME_SUSPENDED, ResultCode.PARTNER_SUSPENDED, ResultCode.PROGRAMME_ENDED]
)
async def test_a_terminal_is_signed_on_while_nothing_new_is_done(
    memory: TerminalMemory, switch: FakeSwitch, code: ResultCode
) -> None:
    """Programme or partner is suspended: the line stays, for reversals and totals are served."""
    switch.sign_on_code = code
    async with make(memory, switch) as terminal:
        assert (await terminal.connect()).code == code
        assert (await terminal.earn(CARD, 10_00)).code == 0


async def test_a_query_without_an_answer_leaves_nothing_behind(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """A balance posts nothing: no reversal follows it."""
    switch.script.extend([SILENCE] * 3)
    async with make(memory, switch) as terminal:
        with pytest.raises(TimedOut) as failure:
            await terminal.balance(CARD)
        assert failure.value.reversal_stan is None
        assert (await terminal.status(CARD, 3)).original is None
    assert not terminal.has_unsettled


async def test_totals_cover_what_was_approved_and_cut_over(
    memory: TerminalMemory, switch: FakeSwitch
) -> None:
    """Counts and signed points as the replies stated them; a decline adds nothing; then they begin anew."""
    switch.script.extend([Step(points=5), Step(points=-100), Step(code=45), Step(points=-5)])
    async with make(memory, switch) as terminal:
        await terminal.earn(CARD, 50_00)
        await terminal.redeem(CARD, 100)
        await terminal.earn(CARD, 50_00)
        terminal.store_offline_earn(CARD, 10_00)
        reply = await terminal.totals()
        assert (reply.earn_count, reply.earn_points, reply.redeem_count, reply.redeem_points) == (
            2,
            0,
            1,
            -100,
        )
        again = await terminal.totals()
    assert (again.earn_count, again.redeem_count) == (0, 0)


async def test_an_idle_link_is_kept_alive_and_what_waits_is_settled(
    memory: TerminalMemory, switch: FakeSwitch, autojump_clock: trio.testing.MockClock
) -> None:
    """`keep_alive` echoes below the idle deadline and forwards advices by itself."""
    patience = Patience(echo_after_s=40)
    async with make(memory, switch, patience=patience) as terminal, trio.open_nursery() as nursery:
        await terminal.connect()
        nursery.start_soon(terminal.keep_alive)
        await trio.sleep(600)
        echoes = len(switch.of_type(0x0A))
        assert 600 / 120 < echoes < 600 / 10
        terminal.store_offline_earn(CARD, 10_00)
        await trio.sleep(60)
        assert not memory.advices
        nursery.cancel_scope.cancel()
    assert switch.signed_on == 1


async def test_requests_of_two_tasks_take_turns(memory: TerminalMemory, switch: FakeSwitch) -> None:
    """One request at a time, however many tasks call."""
    async with make(memory, switch) as terminal, trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(terminal.earn, CARD, 10_00)
    stans = [received.message.stan for received in switch.of_type(EARN)]
    assert len(set(stans)) == 5


@pytest.mark.parametrize(
    ("card", "amount"),
    [
        ("", 1),
        ("%E?", 1),
        ("9" * 256, 1),
        ("ż" * 128, 1),
        ("\ud800", 1),
        (CARD, 10**12 + 1),
        (CARD, -(10**12) - 1),
        (CARD, 2**64),
    ],
    ids=range(8),
)
async def test_what_the_wire_cannot_carry_is_refused_before_anything_happens(
    memory: TerminalMemory, switch: FakeSwitch, card: str, amount: int
) -> None:
    """An entry the switch would hang up on never reaches it."""
    async with make(memory, switch) as terminal:
        with pytest.raises(InvalidEntry):
            await terminal.earn(card, amount)
        with pytest.raises(InvalidEntry):
            terminal.store_offline_earn(card, amount)
    assert (memory.stan, switch.requests) == (0, [])


@pytest.mark.parametrize("original_stan", [0, -1, 2**31, 5, 2**31 - 1])
async def test_an_original_not_used_yet_is_refused_before_anything_happens(
    memory: TerminalMemory, switch: FakeSwitch, original_stan: int
) -> None:
    """STANs count up: a mistyped one beyond the terminal's own is never sent, nor stored for ever."""
    async with make(memory, switch) as terminal:
        await terminal.earn(CARD, 10_00)
        assert memory.stan < 5
        with pytest.raises(InvalidEntry):
            await terminal.reversal(CARD, original_stan)
        with pytest.raises(InvalidEntry):
            await terminal.status(CARD, original_stan)
        assert not terminal.has_unsettled
    assert len(switch.of_type(REVERSAL, 0x31)) == 0


async def test_of_a_swipe_of_both_tracks_the_name_is_neither_stored_nor_sent(
    memory: TerminalMemory, switch: FakeSwitch
) -> None:
    """Track 1 stays in the terminal: what is persisted and sent is track 2."""
    async with make(memory, switch) as terminal:
        await terminal.earn(f"%B9616001234567897^KOWALSKI/JAN^4912101?{CARD}", 10_00)
        terminal.store_offline_earn(f"%B9616001234567897^KOWALSKI/JAN^4912101?{CARD}", 10_00)
    assert [request.message.card for request in switch.of_type(EARN)] == [CARD]  # type: ignore[union-attr]
    assert b"KOWALSKI" not in memory.path.read_bytes()


async def test_a_reading_longer_than_a_stripe_is_the_switchs_to_refuse(
    memory: TerminalMemory, switch: FakeSwitch
) -> None:
    """A card text of up to 255 bytes goes out whole and is answered; the line stays up."""
    switch.script.append(Step(code=ResultCode.CARD_NUMBER_INVALID))
    async with make(memory, switch) as terminal:
        reply = await terminal.earn("9" * 255, 10_00)
        assert reply.code == ResultCode.CARD_NUMBER_INVALID
        assert not terminal.has_unsettled
        await terminal.earn(CARD, 10_00)
    assert switch.signed_on == 1

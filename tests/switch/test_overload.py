"""Too much to do: some new business is told to try again, what settles an earlier request is served."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from protocol import (
    Balance,
    Earn,
    Echo,
    Redeem,
    Request,
    ResultCode,
    Reversal,
    Status,
    TransactionReply,
)
from switch.flow.overload import SERVED_PER_REFUSAL, Overload
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.switch.memory import CARD, CARDS, Line, Memory, running_front

SERVED = 50


def earn(stan: int, card: str = CARD) -> Earn:
    return Earn(stan=stan, terminal_time=0, card=card, entry=SWIPED, amount=1_000)


async def serve_some(line: Line) -> None:
    """Every `SERVED_PER_REFUSAL` requests served pay for one refusal."""
    for stan in range(1, SERVED + 1):
        assert (await line.ask(earn(stan))).code == 0


async def two_unanswered_for_long(memory: Memory, clock: MockClock) -> Line:
    """A line with STANs 101 and 102 in flight for twice the 50 ms that the tests call long."""
    line = Line(await memory.connect())
    assert await line.sign_in()
    await serve_some(line)
    memory.ledger.automatic = False
    for stan in (101, 102):
        await line.send(earn(stan, CARDS[stan % 100]))
        await wait_all_tasks_blocked(0.01)
    clock.jump(0.1)
    return line


async def test_while_the_ledger_is_behind_some_are_told_to_try_again() -> None:
    """A share of what was served, no more; nothing of a refused request is posted; later it is served."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await serve_some(line)
        memory.ledger.is_behind = True
        memory.ledger.automatic = False
        offered = range(SERVED + 1, 2 * SERVED + 1)
        await line.send(*map(earn, offered))
        refused = []
        for _ in range(SERVED // SERVED_PER_REFUSAL):
            with trio.fail_after(HANG_S):
                reply = await line.reply()
            assert isinstance(reply, TransactionReply)
            assert (reply.code, reply.transaction_id, reply.points) == (ResultCode.TRY_AGAIN, 0, 0)
            assert ResultCode.TRY_AGAIN.text_pl in reply.receipt
            refused.append(reply.stan)
        await wait_all_tasks_blocked(0.01)
        waiting = [posting.stan for posting in memory.ledger.waiting]
        assert sorted(refused + waiting) == list(offered)
        assert memory.meters.requests_shed == len(refused)
        memory.ledger.is_behind, memory.ledger.automatic = False, True
        memory.ledger.commit()
        assert [(await line.reply()).stan for _ in waiting] == waiting
        assert (await line.ask(earn(refused[0]))).code == 0


async def test_who_is_crowded_for_long_refuses_too(mock_clock: MockClock) -> None:
    """Half of all that may be in flight, for long: the rest waits in sockets, where nobody sees its age."""
    async with running_front(in_flight_max=4, shed_after_ms=50) as memory:
        line = await two_unanswered_for_long(memory, mock_clock)
        await line.send(earn(103))
        with trio.fail_after(HANG_S):
            reply = await line.reply()
        assert (reply.stan, reply.code) == (103, ResultCode.TRY_AGAIN)
        memory.ledger.commit()
        assert [(await line.reply()).stan for _ in (101, 102)] == [101, 102]
        memory.ledger.automatic = True
        assert (await line.ask(earn(103))).code == ResultCode.APPROVED
        assert memory.meters.requests_shed == 1


async def test_less_than_half_is_no_crowd_however_long(mock_clock: MockClock) -> None:
    """A slow ledger with little to do refuses nothing; nor does one that has just become busy."""
    async with running_front(in_flight_max=5, shed_after_ms=50) as memory:
        line = await two_unanswered_for_long(memory, mock_clock)
        for stan in (103, 104):
            await line.send(earn(stan, CARDS[stan % 100]))
        await wait_all_tasks_blocked(0.01)
        assert [posting.stan for posting in memory.ledger.waiting] == [101, 102, 103, 104]
        assert memory.meters.requests_shed == 0


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (
            Redeem(stan=99, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0),
            ResultCode.TRY_AGAIN,
        ),
        (Balance(stan=99, terminal_time=0, card=CARD, entry=SWIPED), ResultCode.TRY_AGAIN),
        (
            Earn(stan=99, terminal_time=0, card="12", entry=SWIPED, amount=1_000),
            ResultCode.TRY_AGAIN,
        ),
        (
            Reversal(stan=99, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1),
            ResultCode.APPROVED,
        ),
        (
            Status(stan=99, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1),
            ResultCode.APPROVED,
        ),
        (Echo(stan=99, terminal_time=0), ResultCode.APPROVED),
    ],
)
async def test_what_settles_an_earlier_request_is_never_refused(request_: Request, code: ResultCode) -> None:
    """Reversals and status queries end a doubt: they are served even when there is too much to do."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await serve_some(line)
        memory.ledger.is_behind = True
        with trio.fail_after(HANG_S):
            assert (await line.ask(request_)).code == code


async def test_a_hot_card_is_refused_alone() -> None:
    """One card at its bound: its further new business is told to try again, nobody else's is."""
    async with running_front(in_flight_per_card_max=3) as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(*map(earn, range(1, 6)), earn(6, CARDS[1]))
        await wait_all_tasks_blocked(0.01)
        assert [posting.stan for posting in memory.ledger.waiting] == [1, 2, 3, 6]
        with trio.fail_after(HANG_S):
            refused = [await line.reply() for _ in range(2)]
        assert [(reply.stan, reply.code) for reply in refused] == [
            (4, ResultCode.TRY_AGAIN),
            (5, ResultCode.TRY_AGAIN),
        ]
        reversal = Reversal(stan=7, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1)
        status = Status(stan=8, terminal_time=0, card=CARD, entry=SWIPED, original_stan=2)
        await line.send(reversal, status)
        await wait_all_tasks_blocked(0.01)
        assert [posting.stan for posting in memory.ledger.waiting] == [1, 2, 3, 6, 7, 8]
        assert memory.meters.requests_shed == 2
        memory.ledger.commit()
        assert [(await line.reply()).stan for _ in range(6)] == [1, 2, 3, 6, 7, 8]
        memory.ledger.automatic = True
        assert (await line.ask(earn(4))).code == ResultCode.APPROVED


def test_what_waits_behind_its_own_card_crowds_nobody() -> None:
    """Nine requests in flight, eight of one card: that is a crowd of two, however long it stays."""
    overload = Overload(in_flight_max=6, per_card_max=100, shed_after_s=0.5, batch_max=500, now=0.0)
    for account in [8] * 8 + [16]:
        overload.enter(account)
    assert not overload.is_crowded(9, 10.0)
    overload.enter(24)
    assert not overload.is_crowded(10, 10.4)
    assert overload.is_crowded(10, 10.6)
    for account in [8] * 8 + [16, 24]:
        overload.leave(account)
    assert not overload.is_crowded(0, 20.0)


def test_a_card_is_hot_while_its_bound_is_in_flight() -> None:
    """With a bound of two a card is hot from its second request to the first answer; no card never is."""
    overload = Overload(in_flight_max=6, per_card_max=2, shed_after_s=0.5, batch_max=500, now=0.0)
    for account in (8, 0, 0, 16):
        overload.enter(account)
    assert overload.hot == set()
    overload.enter(8)
    assert overload.hot == {8}
    overload.leave(8)
    assert overload.hot == set()
    overload.leave(8)
    overload.enter(8)
    assert overload.hot == set()

"""What a reply is made of, and when it cannot be made."""

import msgspec
import pytest
import structlog.testing
from trio.testing import wait_all_tasks_blocked

from ledger.books.posting import ANY_ACCOUNT
from protocol import Balance, Earn, ResultCode, Reversal, Status, StatusReply, TransactionReply
from switch.logs import configure_logs
from tests.entries import SWIPED
from tests.switch.memory import CARD, UNKNOWN_CARD, Line, approve, running_front

EARN = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)


async def test_a_reply_by_rules_not_known_yet_is_put_off() -> None:
    """A worker that lags behind a change of the rules prints nothing by another version: try again."""
    async with running_front() as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        for message in (
            EARN,
            Status(stan=2, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1),
        ):
            await line.send(message)
            await wait_all_tasks_blocked(0.01)
            posting = memory.ledger.waiting.pop()
            stored = msgspec.structs.replace(approve(posting), rules_version=9, replayed=True)
            if isinstance(message, Status):
                stored = msgspec.structs.replace(approve(posting), original=stored)
            memory.front.flow.on_outcomes([(posting, stored)])
            reply = await line.reply()
            assert reply.code == ResultCode.TRY_AGAIN
            assert getattr(reply, "original", None) is None
            assert getattr(reply, "transaction_id", 0) == 0


async def test_a_status_prints_its_original_by_the_original_s_own_figures() -> None:
    """Its number, card digits and original come from the journal, not from the question."""
    async with running_front() as memory:
        memory.ledger.automatic = False
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.send(Reversal(stan=3, terminal_time=0, card=CARD, entry=SWIPED, original_stan=2))
        await wait_all_tasks_blocked(0.01)
        undo = memory.ledger.waiting.pop()
        stored = msgspec.structs.replace(approve(undo), last4=42)
        memory.front.flow.on_outcomes([(undo, stored)])
        first = await line.reply()
        await line.send(Status(stan=4, terminal_time=0, card=CARD, entry=SWIPED, original_stan=3))
        await wait_all_tasks_blocked(0.01)
        ask = memory.ledger.waiting.pop()
        memory.front.flow.on_outcomes([(ask, msgspec.structs.replace(approve(ask), original=stored))])
        told = await line.reply()
        assert isinstance(told, StatusReply)
        assert told.original == first
        assert told.original is not None
        assert "nr 2" in told.original.receipt
        assert "****0042" in told.original.receipt


@pytest.mark.parametrize(("stale", "account"), [(True, ANY_ACCOUNT), (False, 0)])
async def test_a_reversal_of_a_card_not_known_here_takes_its_original_s(stale: bool, account: int) -> None:
    """While the feed is stale the card may be new, and the original decides; else it is no card of ours."""
    async with running_front(clock=lambda: stale) as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        await line.ask(Reversal(stan=2, terminal_time=0, card=UNKNOWN_CARD, entry=SWIPED, original_stan=1))
        await line.ask(Reversal(stan=3, terminal_time=0, card="12", entry=SWIPED, original_stan=1))
        assert [posting.account for posting in memory.ledger.posted] == [account, 0]
        assert [posting.code for posting in memory.ledger.posted] == [0, 0]


async def test_the_log_shows_the_transaction_the_reply_carries() -> None:
    """A declined balance has no transaction number, so none is logged."""
    async with running_front() as memory:
        line = Line(await memory.connect())
        assert await line.sign_in()
        configure_logs("info")
        with structlog.testing.capture_logs() as lines:
            reply = await line.ask(Balance(stan=1, terminal_time=0, card="12", entry=SWIPED))
            assert isinstance(reply, TransactionReply)
        (logged,) = (line for line in lines if line["event"] == "transaction")
        assert logged["transaction"] == reply.transaction_id == 0
        assert logged["card"] == "****????"

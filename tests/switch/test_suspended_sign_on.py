"""SIGN_ON while programme or partner is suspended: the terminal is told, and what settles is served."""

from pathlib import Path

import trio

from ledger.postgres.database import Database
from ledger.registry.partners import set_partner_status
from ledger.registry.reads import Status
from protocol import Earn, ResultCode, Reversal, SignOn, SignOnReply, TransactionReply, is_signed_on
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD
from tests.switch.test_worker import running_worker


async def test_a_suspended_partner_s_terminal_signs_on_and_reverses(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Code 31 with every field of the reply; a purchase gets 31, the reversal of an earlier one is done."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        running_reply = await line.ask(SignOn(1, 0, "till", "pl", 0))
        await line.ask(Earn(2, 0, CARD, SWIPED, 5_000))
        await owner.run(lambda c: set_partner_status(c, TESTER, 1, Status.STOPPED))
        stan = 3
        with trio.fail_after(HANG_S):
            while (signed := await line.ask(SignOn(stan, 0, "till", "pl", 0))).code == 0:
                stan += 1
        assert isinstance(signed, SignOnReply)
        assert isinstance(running_reply, SignOnReply)
        assert signed.code == ResultCode.PARTNER_SUSPENDED
        assert is_signed_on(signed.code)
        assert (signed.last_stan, signed.tiers) == (2, running_reply.tiers)
        refused = await line.ask(Earn(stan + 1, 0, CARD, SWIPED, 5_000))
        undone = await line.ask(Reversal(stan + 2, 0, CARD, SWIPED, 2))
        assert isinstance(refused, TransactionReply)
        assert isinstance(undone, TransactionReply)
        assert (refused.code, undone.code, undone.points) == (ResultCode.PARTNER_SUSPENDED, 0, -5)

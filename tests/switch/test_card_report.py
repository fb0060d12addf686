"""CARD_REPORT over the wire: stopped at every worker, told of once, and never told about."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trio

from ledger.postgres.database import Database
from ledger.registry.card_cases import list_cases
from ledger.registry.cards import CardRow, import_cards
from ledger.registry.programmes import add_rules
from protocol import Ack, CardReport, Earn, ReportKind, ResultCode, Reversal, SignOn, SignOnReply
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import RULES
from tests.switch.memory import CARD, UNKNOWN_CARD, Line
from tests.switch.test_scenarios import digits
from tests.switch.test_worker import Running, running_worker

KEEPING = RULES.replace("retain = false", "retain = true")
STAMP = 1_700_000_000


async def keep_cards(running: Running, line: Line) -> None:
    """Let the programme's partners keep cards, and wait until the worker knows."""
    assert KEEPING != RULES
    since = datetime.now(UTC) - timedelta(hours=1)
    await running.owner.run(
        lambda c: add_rules(c, TESTER, programme=1, effective_from=since, rules_toml=KEEPING)
    )
    with trio.fail_after(HANG_S):
        while 0x32 not in (await sign_on(line)).operations:
            await trio.lowlevel.checkpoint()


async def sign_on(line: Line) -> SignOnReply:
    reply = await line.ask(SignOn(1, 0, "t", "pl", 0))
    assert isinstance(reply, SignOnReply)
    return reply


async def report(line: Line, stan: int, kind: ReportKind, card: str = CARD) -> int:
    reply = await line.ask(CardReport(stan, STAMP, card, SWIPED, kind))
    assert isinstance(reply, Ack)
    return reply.code


async def test_a_report_stops_the_card_at_another_worker(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """As soon as it is answered the card is stopped in the registry, and every worker hears of it."""
    async with (
        running_worker(fresh, owner, tmp_path) as here,
        running_worker(fresh, owner, tmp_path) as there,
    ):
        line, other = await here.line(), await there.line(2)
        assert (await other.ask(Earn(1, STAMP, CARD, SWIPED, 1_000))).code == 0
        await keep_cards(here, line)
        assert await report(line, 2, ReportKind.DOUBT) == 0
        assert (await other.ask(Earn(2, STAMP, CARD, SWIPED, 1_000))).code == 0
        assert await report(line, 3, ReportKind.ATTEMPT) == 0
        stan = 3
        with trio.fail_after(HANG_S):
            while (await other.ask(Earn(stan, STAMP, CARD, SWIPED, 1_000))).code != ResultCode.CARD_BLOCKED:
                stan += 1
        assert await report(line, 3, ReportKind.ATTEMPT) == 0
        assert await report(line, 3, ReportKind.RETAINED) == ResultCode.STAN_CONFLICT
        assert await report(line, 4, ReportKind.RETAINED, UNKNOWN_CARD) == 0
        assert await report(line, 5, ReportKind.RETAINED, "12") == 0
        kinds = [case["kind"] for case in await owner.run(list_cases)]
        assert kinds == [ReportKind.DOUBT, ReportKind.ATTEMPT, ReportKind.RETAINED, ReportKind.RETAINED]
        # No transaction: the books know nothing of it.
        assert (await line.ask(Reversal(6, STAMP, CARD, SWIPED, 3))).code == 1
        assert (await sign_on(line)).last_stan == 6


async def test_after_its_reply_the_card_is_stopped_where_it_was_reported(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Whoever was told that a report is taken down gets no sale of that card any more at the same worker."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        cards = [digits(number) for number in range(1, 11)]
        token = running.master.pepper(1).token
        rows = [CardRow(token(card), card[-4:]) for card in cards]
        await owner.run(lambda c: import_cards(c, TESTER, 1, rows))
        await keep_cards(running, line)  # read after the cards
        for stan, card in enumerate(cards, start=1):
            assert await report(line, 2 * stan, ReportKind.ATTEMPT, card) == 0
            sale = await line.ask(Earn(2 * stan + 1, STAMP, card, SWIPED, 1_000))
            assert sale.code == ResultCode.CARD_BLOCKED


async def test_a_programme_without_it_takes_nothing_down(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Where partners keep no cards a report is not supported, not offered, and recorded nowhere."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        assert 0x32 not in (await sign_on(line)).operations
        assert await report(line, 2, ReportKind.RETAINED) == ResultCode.NOT_SUPPORTED
        assert await owner.run(list_cases) == []


async def test_a_report_that_cannot_be_written_is_asked_for_again(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Code 0 is only said of what is durable: else the terminal keeps its report."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        await keep_cards(running, line)
        forbid = "revoke execute on function registry.report_card_v1 from cityswitch_service"
        await owner.run(lambda c: c.execute(forbid))
        assert await report(line, 2, ReportKind.RETAINED) == ResultCode.TRY_AGAIN

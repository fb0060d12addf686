"""A journal is decided again, and comes out the same; what was changed by hand does not."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trio

from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import set_card_status
from ledger.registry.partners import set_partner_status
from ledger.registry.programmes import add_rules, resume_programme, suspend_programme
from ledger.registry.reads import Status as RowStatus
from ops.office.redecide import Redecided, redecide
from protocol import BenefitUse, Earn, EarnAdvice, Redeem, Refund, Request, Reversal, TransactionReply
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import RULES
from tests.switch.memory import CARD, Line
from tests.switch.offers import an_offer, publish, publish_published
from tests.switch.scenario_player import Player
from tests.switch.test_scenarios import SCENARIOS, issue_cards, names
from tests.switch.test_worker import Running, running_worker

FOR_EVER_MS = 1 << 62
SINCE = datetime(2020, 1, 1, tzinfo=UTC)


async def again(owner: Database) -> Redecided:
    return await owner.run(lambda connection: redecide(connection, 0, FOR_EVER_MS))


async def test_everything_a_terminal_can_meet_is_decided_the_same(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """All published scenarios, decided again: no difference, in how many rows there are."""
    async with running_worker(fresh, owner, tmp_path) as running:
        await issue_cards(running)
        base = 1
        for index, scenario in enumerate(SCENARIOS):
            player = Player(running.line, names(index), base)
            await player.play(scenario["steps"])
            base = player.last_stan
    assert await again(owner) == Redecided(rows := await count(owner), [])
    assert rows > 100


async def count(owner: Database) -> int:
    rows: int = await owner.run(lambda c: c.fetchval("select count(*) from ledger.journal"))
    return rows


async def plant(owner: Database, change: str) -> None:
    await owner.run(lambda connection: connection.execute(f"update ledger.journal set {change}"))


class Day:
    """A day of one terminal and its card, with the office at work in between."""

    def __init__(self, line: Line, owner: Database) -> None:
        self.line = line
        self.owner = owner
        self.stan = 0
        self.codes: list[int] = []

    async def ask(self, make: Callable[[int], Request]) -> int:
        self.stan += 1
        reply = await self.line.ask(make(self.stan))
        assert isinstance(reply, TransactionReply)
        self.codes.append(reply.code)
        return reply.code

    async def every(self) -> None:
        """One of each operation."""
        now_s = int(datetime.now(UTC).timestamp())
        makes: list[Callable[[int], Request]] = [
            lambda stan: Earn(stan, now_s, CARD, SWIPED, 123_456),
            lambda stan: EarnAdvice(stan, now_s - 1, CARD, SWIPED, 5_000),
            lambda stan: Redeem(stan, now_s, CARD, SWIPED, 100, 5_000),
            lambda stan: Redeem(stan, now_s, CARD, SWIPED, 500, 100),
            lambda stan: BenefitUse(stan, now_s, CARD, SWIPED, 7, 1_000, 0),
            lambda stan: BenefitUse(stan, now_s, CARD, SWIPED, 7, 1_000, 0),
            lambda stan: BenefitUse(stan, now_s, CARD, SWIPED, 9, 1_000, 0),
            lambda stan: Refund(stan, now_s, CARD, SWIPED, 1, stan - 7, 23_456),
            lambda stan: Refund(stan, now_s, CARD, SWIPED, 1, stan - 8, 123_456),
            lambda stan: Reversal(stan, now_s, CARD, SWIPED, stan - 7),
            lambda stan: Reversal(stan, now_s, CARD, SWIPED, stan - 10),
            lambda stan: Reversal(stan, now_s, CARD, SWIPED, stan - 11),
            lambda stan: Refund(stan, now_s, CARD, SWIPED, 1, stan - 12, 1_000),
            lambda stan: Redeem(stan, now_s, CARD, SWIPED, 500, 0),
            lambda stan: Earn(stan, now_s, CARD, SWIPED, 123_456),
            lambda stan: Redeem(stan, now_s, CARD, SWIPED, 100, 0),
            lambda stan: Refund(stan, now_s, CARD, SWIPED, 1, stan - 1, 1_000),
            lambda stan: Refund(stan, now_s, CARD, SWIPED, 1, stan - 3, 0),
        ]
        for make in makes:
            await self.ask(make)

    async def until(self, code: int) -> None:
        """Wait until a purchase gets a code."""
        with trio.fail_after(HANG_S):
            while await self.ask(lambda stan: Earn(stan, 0, CARD, SWIPED, 1_000)) != code:
                pass

    async def office(self, write: Callable[[Connection], Awaitable[Any]], code: int) -> None:
        await self.owner.run(write)
        await self.until(code)
        await self.every()


async def a_day(running: Running, owner: Database) -> Day:
    await owner.run(publish_published)
    day = Day(await running.line(), owner)
    await day.every()
    token = running.master.pepper(1).token(CARD)
    now = datetime.now(UTC)
    smaller = RULES.replace("step_grosze = 1000", "step_grosze = 500")
    assert smaller != RULES
    status = CardStatus
    await day.office(lambda c: set_card_status(c, TESTER, token, status.BLOCKED), 45)
    await day.office(lambda c: set_card_status(c, TESTER, token, status.ACTIVE), 0)
    await day.office(lambda c: set_partner_status(c, TESTER, 1, RowStatus.STOPPED), 31)
    await day.office(lambda c: set_partner_status(c, TESTER, 1, RowStatus.ACTIVE), 0)
    soon = now + timedelta(hours=1)
    await day.office(lambda c: suspend_programme(c, TESTER, 1, now - timedelta(hours=1), soon), 30)
    await day.office(lambda c: resume_programme(c, TESTER, 1, datetime.now(UTC)), 0)
    await day.office(lambda c: add_rules(c, TESTER, programme=1, effective_from=SINCE, rules_toml=smaller), 0)
    better = an_offer(7, {"kind": "percent", "percent": 50})
    await day.office(lambda c: publish(c, better, since=datetime.now(UTC) + timedelta(seconds=1)), 0)
    with trio.fail_after(HANG_S):
        while await day.ask(lambda stan: BenefitUse(stan, 0, CARD, SWIPED, 7, 1_000, 0)):
            pass
    await day.every()
    return day


PLANTED = {
    1: ("points = points + 1", "points"),
    3: ("code = 45", "code"),
    5: ("discount_grosze = 99", "discount"),
    6: ("code = 0", "code"),
    8: ("code = 54", "code"),
    12: ("code = 0", "code"),
    13: ("registry_number = 1", "registry"),
}
"""By STAN: a change made by hand, and what is said of it."""


async def test_a_day_is_decided_the_same_and_what_is_planted_is_found(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Blocks, suspension, rules, offers between all operations: no difference; changed by hand: found."""
    async with running_worker(fresh, owner, tmp_path) as running:
        day = await a_day(running, owner)
    assert {0, 2, 26, 30, 31, 45, 50, 54, 56, 60, 61, 62} <= set(day.codes), sorted(set(day.codes))
    assert await again(owner) == Redecided(await count(owner), [])
    for stan, (change, _) in PLANTED.items():
        await plant(owner, f"{change} where stan = {stan}")
    found = {each.stan: each.problem for each in (await again(owner)).differences}
    for stan, (_, problem) in PLANTED.items():
        assert problem in found[stan]

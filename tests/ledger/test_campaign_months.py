"""Points of a campaign for sales of a month that has ended: they are of the month they are posted in, and
name the sales' month; what is closed stays as it was.
"""

from datetime import date
from itertools import count

import pytest

from ledger.books.campaigns import Terms, award_slice, spans_to_look_at
from ledger.books.rollup import roll_up
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from ledger.registry.campaigns import Campaign, add_campaign
from ledger.settlement.statement import Statement, read_statement
from tests.ledger.books import PARTNER, PROGRAMME, Books, write_registry
from tests.ledger.test_settlement import PAIR, Trade, at, closed, lines, settle

TERMS = {PROGRAMME: Terms(1, may_go_below=True)}
AUTUMN = Campaign(name="Double autumn", starts_on=date(2026, 9, 1), ends_on=date(2026, 10, 31), percent=100)
DATED_BACK = """
alter table registry.campaign disable trigger campaign_is_sound;
insert into registry.campaign (programme, name, starts_on, ends_on, percent, reason, made_at, agreed_by)
  values (1, 'Double autumn', '2026-09-01', '2026-10-31', 100, 'order 7', '2026-08-30', 'maria');
alter table registry.campaign enable trigger campaign_is_sound"""


@pytest.fixture
async def trade(owner: Database, database: Database) -> Trade:
    """A shop whose sales of September and October a campaign doubles."""
    made = Trade(await Books.open(owner, database, cards=1))
    await owner.run(lambda c: write_registry(c, DATED_BACK))
    return made


async def keeper_looks(trade: Trade, owner: Database, when: str) -> None:
    """Roll up and post what campaigns give, as the keeper does at a moment."""
    ticks = count(at(when))

    async def work(connection: Connection) -> None:
        for span in await spans_to_look_at(connection, 0):
            left = span
            while left.through < left.until:
                left, _ = await award_slice(connection, left, TERMS, next(ticks))

    await owner.run(lambda c: roll_up(c, at(when), wait_s=60))
    await trade.books.database.run(work)


async def statement(owner: Database, month: str) -> Statement:
    return await owner.run(lambda c: read_statement(c, PROGRAMME, PARTNER, month))


async def test_a_bonus_of_a_closed_month_is_of_the_next_and_names_it(trade: Trade, owner: Database) -> None:
    """Closed before the keeper looked: September stays, October has the points with September's name."""
    await trade.earn("2026-09-30 23:58", 40)
    await closed(owner, "2026-09")
    before = await statement(owner, "2026-09")
    await trade.earn("2026-10-01 00:10", 7)
    await keeper_looks(trade, owner, "2026-10-01 00:20")
    (october,) = (await settle(owner, "2026-10")).statements
    assert lines(october) == [
        ("points_bought", 7, 70, ""),
        ("campaign", 7, 0, ""),
        ("campaign", 40, 0, "2026-09"),
    ]
    assert await statement(owner, "2026-09") == before
    assert lines(before) == [("points_bought", 40, 400, "")]


async def test_however_late_nothing_comes_to_what_is_closed(trade: Trade, owner: Database) -> None:
    """A keeper whose clock is still in September numbers above what was closed."""
    await trade.earn("2026-09-30 23:58", 40)
    await closed(owner, "2026-09")
    await keeper_looks(trade, owner, "2026-09-30 23:59")
    (row,) = await owner.run(lambda c: c.fetch("select transaction_id, points from ledger.bonus"))
    through = await owner.run(lambda c: c.fetchval("select through_id from registry.settlement_period"))
    assert (row["points"], row["transaction_id"] > through) == (40, True)
    (october,) = (await settle(owner, "2026-10")).statements
    assert lines(october) == [("campaign", 40, 0, "2026-09")]


async def test_what_is_taken_back_of_a_closed_month_names_it(trade: Trade, owner: Database) -> None:
    """Awarded in September, reversed in October: each bonus is of its month, the second with its origin."""
    sale = await trade.earn("2026-09-10 12:00", 40)
    await keeper_looks(trade, owner, "2026-09-10 12:10")
    await closed(owner, "2026-09")
    assert ("campaign", 40, 0, "") in lines(await statement(owner, "2026-09"))
    await trade.reverse("2026-10-05 12:00", sale)
    await keeper_looks(trade, owner, "2026-10-05 12:10")
    (october,) = (await settle(owner, "2026-10")).statements
    assert lines(october) == [("points_bought", -40, -400, "2026-09"), ("campaign", -40, 0, "2026-09")]
    assert october.net_grosze == -400


async def test_no_campaign_is_entered_for_days_that_have_passed(trade: Trade, owner: Database) -> None:
    """Neither for a month that is settled, nor for today."""
    with pytest.raises(RegistryRefused, match="day to come"):
        await owner.run(lambda c: add_campaign(c, PAIR, PROGRAMME, AUTUMN))

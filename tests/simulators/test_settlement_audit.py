"""A fleet's month settled: statements equal, to the grosz, what terminals' own logs and totals say."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ledger.books.statements import terminal_totals
from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.settlement.closing import Settled, run
from ops.settlement.prices import prices_of
from simulators.audit.log import read_logs
from simulators.audit.settlement import Owed, Tariff, owed_by_logs
from simulators.city.trade import MIXES
from simulators.fleet.fleet import audit_log_path, population_of
from simulators.fleet.report import FleetPlan
from tests.postgres import FreshDatabase
from tests.simulators.test_day import trade

STAN_MAX = 999_999
ZONE = "Europe/Warsaw"


async def settle(connection: Connection, month: str) -> Settled:
    return await run(connection, Actor("tests"), 1, month, await prices_of(connection, 1))


@pytest.mark.usefixtures("within_a_day")
async def test_statements_equal_the_terminals_own_logs_and_totals(
    fresh: FreshDatabase, owner: Database, database: Database, tmp_path: Path
) -> None:
    """Sales, redemptions, refunds, cut-offs, reversals of twenty terminals: three ways, one sum."""
    plan = FleetPlan(
        seed="a month",
        programme=1,
        mix=MIXES["czestochowa"],
        address="",
        state_dir=str(tmp_path / "terminals"),
        cards=500,
        partners=20,
        terminals=20,
        transactions_max=30,
        duration_s=3_600,
        cut_off_share=0.2,
    )
    report = await trade(fresh, owner, tmp_path, plan)
    assert report.is_settled
    month = datetime.now(UTC).astimezone(ZoneInfo(ZONE)).strftime("%Y-%m")
    statements = (await owner.run(lambda c: settle(c, month))).statements
    by_logs = owed_by_logs(read_logs([audit_log_path(plan)]), month, ZONE, Tariff())
    by_books = {
        one.partner: Owed(
            sum(line.quantity for line in one.lines if line.kind == "points_bought"),
            sum(line.quantity for line in one.lines if line.kind == "rebates"),
            one.rebates_grosze,
            one.net_grosze,
            one.vat_grosze,
            one.due_grosze,
        )
        for one in statements
    }
    assert by_logs == by_books
    assert len(by_books) == 20
    assert sum(owed.points for owed in by_books.values()) > 0
    assert sum(owed.rebates_grosze for owed in by_books.values()) > 0
    population = population_of(plan)
    of_tills = dict.fromkeys(by_books, 0)
    for index in range(population.terminals):
        terminal = population.terminal_id(index)
        totals = await database.run(lambda c, t=terminal: terminal_totals(c, t, 1, STAN_MAX))
        of_tills[population.terminal_partner(index)] += (
            totals.earn_points - totals.redeem_points + totals.reversal_points + totals.refund_points
        )
    assert of_tills == {partner: owed.points - owed.points_spent for partner, owed in by_books.items()}

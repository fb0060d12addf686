"""Two months of a simulated city are settled in Postgres, and each statement is what the auditor counted."""

from datetime import date, timedelta

import pytest

from ledger.postgres.database import Database
from ops.settlement.simulated_month import Report, parse, plan_of, settle_cities


@pytest.mark.parametrize("city", ["czestochowa"])
async def test_every_statement_is_the_auditor_s_own_sum(owner: Database, city: str) -> None:
    """And each summary his sums: points, rebates, leases at both prices and under several contracts,
    corrections of both months, discounts, what takes January back in February; what points cost, and VAT's
    rate, change within both.
    """
    report = Report()
    await settle_cities(owner, [plan_of(1, city, 500, 30, 20_000)], report)
    assert report.differences == []
    assert report.statements == 60
    assert report.transactions > 2_500
    assert report.taken_back_from_earlier > 0
    assert report.later_prices > 0
    assert report.several_contracts > 0
    assert report.several_rates > 10


def test_a_year_that_is_not_over_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The real settlement closes no month to come, and the seed says which year it is."""
    last_day = parse(["--seed", "3"], date.max)[0].last_day
    assert last_day is not None
    assert len(parse(["--seed", "3"], last_day)) == 3
    with pytest.raises(SystemExit):
        parse(["--seed", "3"], last_day - timedelta(days=1))
    assert f"3 draws {last_day.year}, whose February is not over" in capsys.readouterr().err

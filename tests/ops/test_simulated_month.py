"""Two months of a simulated city are settled in Postgres, and each statement is what the auditor counted."""

import pytest

from ledger.postgres.database import Database
from ops.settlement.simulated_month import Report, plan_of, settle_cities


@pytest.mark.parametrize("city", ["czestochowa"])
async def test_every_statement_is_the_auditor_s_own_sum(owner: Database, city: str) -> None:
    """Points, rebates, leases at both prices and under several contracts, corrections, discounts, what takes
    January back in February.
    """
    report = Report()
    await settle_cities(owner, [plan_of(1, city, 500, 30, 20_000)], report)
    assert report.differences == []
    assert report.statements == 60
    assert report.transactions > 2_500
    assert report.taken_back_from_earlier > 0
    assert report.later_prices > 0
    assert report.several_contracts > 0

"""Which leases are due where one contract of a partner ends and the next begins within a month."""

from datetime import date

import pytest

from ledger.settlement.compute import statements_of
from ledger.settlement.movement import Contract, Month, Span
from ledger.settlement.prices import Lease, Prices
from ledger.settlement.statement import Line

PRICES = Prices({1: 10}, 23, Lease(((1, 100), (13, 3000)), 100))
SPAN = Span(1, "czestochowa", "2026-09", 1, 2, "Europe/Warsaw")


@pytest.mark.parametrize(
    ("first_began", "prices"),
    [
        (date(2025, 9, 5), [100, 3000]),  # its month 13 began on 5 September; and month 1 of the next
        (date(2025, 10, 5), [100, 100]),  # its month 12
        (date(2025, 9, 15), [100]),  # none of its months began from 1 to 10 September
    ],
)
def test_each_contract_pays_the_months_it_began(first_began: date, prices: list[int]) -> None:
    """One contract ended on 10 September, the next began on the 12th; two terminals."""
    contracts = [
        Contract(7, first_began, date(2026, 9, 10), with_services=False),
        Contract(7, date(2026, 9, 12), None, with_services=False),
    ]
    (statement,) = statements_of(Month(SPAN, [], contracts, {7: 2}, {}, [], {}, (0, 0)), PRICES)
    assert statement.lines == tuple(Line("lease", 2, price, 2 * price, 23) for price in prices)
    assert statement.net_grosze == 2 * sum(prices)

"""Which leases are due: of each contract the terminals that stood under it, where contracts follow each other
and where several run beside each other.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from ledger.settlement.compute import statements_of
from ledger.settlement.leases import Contract, Spell, leased
from ledger.settlement.movement import Month, Span
from ledger.settlement.prices import Lease
from ledger.settlement.statement import Line
from tests.prices import lasting_prices

ZONE = ZoneInfo("Europe/Warsaw")
PRICES = lasting_prices({1: 10}, Lease(((1, 100), (13, 3000)), 100))
SPAN = Span(1, "czestochowa", "2026-09", 1, 2, "Europe/Warsaw")
PARTNER, OUTLET, OTHER = 7, 71, 72
LONG_AGO = date(2025, 3, 1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, tzinfo=ZONE)


def spell(terminal: int, outlet: int | None = None, since: int = 1, until: int = 30) -> Spell:
    """Active from the beginning of a day of September until the end of another."""
    return Spell(terminal, PARTNER, outlet, at(since), at(until, 23))


def contract(
    number: int, *, outlet: int | None = None, first: date = LONG_AGO, last: date | None = None
) -> Contract:
    return Contract(PARTNER, number, outlet, first, last, with_services=False)


def billed(contracts: list[Contract], spells: list[Spell]) -> list[tuple[int, int, int]]:
    """Contract, terminals and price of each lease that is due."""
    (statement,) = statements_of(Month(SPAN, [], contracts, spells, {}, [], [], (0, 0)), PRICES)
    return [(line.contract, line.quantity, line.unit_grosze) for line in statement.lines]


@pytest.mark.parametrize(
    ("first_began", "prices"),
    [
        (date(2025, 9, 5), [100, 3000]),  # its month 13 began on 5 September; and month 1 of the next
        (date(2025, 10, 5), [100, 100]),  # its month 12
        (date(2025, 9, 15), [100]),  # none of its months began from 1 to 10 September
    ],
)
def test_each_contract_pays_the_months_it_began(first_began: date, prices: list[int]) -> None:
    """One contract ended on 10 September, the next began on the 12th; two terminals all the time."""
    contracts = [
        contract(1, first=first_began, last=date(2026, 9, 10)),
        contract(2, first=date(2026, 9, 12)),
    ]
    found = billed(contracts, [spell(70), spell(75)])
    assert sorted(price for _, terminals, price in found if terminals == 2) == prices


def test_a_contract_leases_the_terminals_that_stood_under_it() -> None:
    """One gone before the next contract is the first's alone, one new after it the second's alone."""
    contracts = [
        contract(1, first=date(2026, 1, 5), last=date(2026, 9, 10)),
        contract(2, first=date(2026, 9, 11)),
    ]
    spells = [spell(70), spell(75, until=8), spell(76, since=20), spell(77, since=25)]
    assert billed(contracts, spells) == [(1, 2, 100), (2, 3, 100)]


def test_an_outlet_with_a_contract_of_its_own_is_leased_under_it() -> None:
    """Its terminals at its own price, all others under the partner's; each at its own month."""
    contracts = [contract(1), contract(2, outlet=OUTLET, first=date(2026, 5, 1))]
    spells = [spell(70), spell(75, OUTLET), spell(76, OUTLET), spell(77, OTHER)]
    assert billed(contracts, spells) == [(1, 2, 3000), (2, 2, 100)]


def test_outlets_without_a_contract_of_the_partner_are_leased_each_under_its_own() -> None:
    """A terminal under neither is leased by nobody."""
    contracts = [contract(1, outlet=OUTLET), contract(2, outlet=OTHER, first=date(2026, 5, 1))]
    spells = [spell(70), spell(75, OUTLET), spell(76, OTHER)]
    assert billed(contracts, spells) == [(1, 1, 3000), (2, 1, 100)]


@pytest.mark.parametrize(
    ("spells", "counts"),
    [
        ([spell(70, OUTLET, until=9)], {1: 1}),  # gone before the outlet's own contract began, on the 10th
        ([spell(70, OUTLET, since=10)], {2: 1}),
        ([spell(70, OUTLET)], {1: 1, 2: 1}),  # under the one, then under the other
        ([spell(70, OTHER, until=4), spell(70, OUTLET, since=20)], {1: 1, 2: 1}),  # it was carried over
        ([spell(70, OUTLET, 10, 12), spell(70, OUTLET, 20, 25)], {2: 1}),  # blocked in between: once
        ([], {}),
    ],
)
def test_a_terminal_counts_where_it_stood(spells: list[Spell], counts: dict[int, int]) -> None:
    """By the day on the programme's clock on which a contract began, and by the outlet it stood in then."""
    contracts = [contract(1), contract(2, outlet=OUTLET, first=date(2026, 9, 10))]
    found = leased(contracts, spells, ZONE)
    assert found == {(PARTNER, number): count for number, count in counts.items()}


def test_days_are_the_programme_s() -> None:
    """At 23:30 in Warsaw it is still the last day of a contract, although it is 21:30 elsewhere; then not."""
    contracts = [contract(1, last=date(2026, 9, 10)), contract(2, first=date(2026, 9, 11))]
    evening = Spell(70, PARTNER, None, at(10, 23), at(10, 23).replace(minute=59))
    night = Spell(75, PARTNER, None, at(11), at(11, 1))
    assert leased(contracts, [evening], ZONE) == {(PARTNER, 1): 1}
    assert leased(contracts, [night], ZONE) == {(PARTNER, 2): 1}


def test_the_line_names_its_contract() -> None:
    """A statement says under which contract a lease is due."""
    month = Month(SPAN, [], [contract(4)], [spell(70)], {}, [], [], (0, 0))
    (statement,) = statements_of(month, PRICES)
    assert statement.lines == (Line("lease", 1, 3000, 3000, 23, contract=4),)

"""The sums of a statement."""

import pytest

from ledger.registry.settlements import named_month
from ledger.settlement.statement import Line, billed, half_up, statement_number, total


@pytest.mark.parametrize(
    ("net", "vat"), [(0, 0), (1, 0), (2, 0), (3, 1), (50, 12), (150, 35), (-50, -12), (-3, -1), (1000, 230)]
)
def test_vat_is_half_up_to_the_grosz(net: int, vat: int) -> None:
    """23 % of a net sum, half-up; what is taken back is the mirror of what was charged."""
    assert half_up(net, 23) == vat


def test_vat_is_of_the_document_not_of_its_lines() -> None:
    """Ten lines of 2 gr net bear VAT of 20 gr, and a rebate bears none."""
    lines = [Line("points_bought", 1, 2, 2, 23)] * 10 + [Line("rebates", 2, 0, 2000, None)]
    assert total(lines) == (20, 5, 25, 2000, -1975)


def test_vat_is_of_each_document_that_bills_a_statement() -> None:
    """50 gr sold and 50 gr taken off September: 12 gr (11.5) of VAT each, and the statement comes to nothing;
    2 gr of each of two months bear none, though together 4 gr would bear 1.
    """
    sold, taken = Line("points_bought", 5, 10, 50, 23), Line("points_bought", -5, 10, -50, 23, "2026-09")
    assert total([sold, taken]) == (0, 0, 0, 0, 0)
    assert [each.origin for each in billed([taken, sold])] == ["", "2026-09"]
    months = [Line("points_bought", -1, 2, -2, 23, origin) for origin in ("2026-09", "2026-10")]
    assert total(months) == (-4, 0, -4, 0, -4)


def test_what_is_taken_off_lowers_the_sale_of_its_own_rate() -> None:
    """100 gr sold at 23 % and 20 at 8 %; of the latter 50 are taken off: they stand in a document apart, and
    lower nothing of another rate. What is less than its sale lowers that.
    """
    sold, other = Line("points_bought", 10, 10, 100, 23), Line("points_bought", 2, 10, 20, 8)
    taken = Line("correction", 1, -50, -50, 8)
    assert [(each.is_sale, each.net_of) for each in billed([sold, other, taken])] == [
        (True, {23: 100, 8: 20}),
        (False, {8: -50}),
    ]
    assert total([sold, other, taken]).vat_grosze == 23 + 2 - 4  # 1.6 and 4
    fewer = Line("correction", 1, -5, -5, 8)
    assert [each.net_of for each in billed([sold, other, fewer])] == [{23: 100, 8: 15}]


@pytest.mark.parametrize(
    ("origin", "month"),
    [
        ("2026-09", "2026-09"), ("CZESTOCHOWA/2026/09/1001", "2026-09"), ("", ""), ("a letter", ""),
        ("2026-13", ""), ("CZ/2026/13/1", ""), ("CZ/2026/09", ""),
    ],
)  # fmt: skip
def test_an_origin_names_a_month_or_a_statement_of_one(origin: str, month: str) -> None:
    """What a person wrote otherwise names none."""
    assert named_month(origin) == month


def test_a_statement_is_numbered_by_programme_month_and_partner() -> None:
    """The number says whose statement of which month it is."""
    assert statement_number("CZ", "2026-11", 8003) == "CZ/2026/11/8003"

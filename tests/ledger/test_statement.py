"""The sums of a statement."""

import pytest

from ledger.settlement.statement import Line, half_up, statement_number, total


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


def test_a_statement_is_numbered_by_programme_month_and_partner() -> None:
    """The number says whose statement of which month it is."""
    assert statement_number("CZ", "2026-11", 8003) == "CZ/2026/11/8003"

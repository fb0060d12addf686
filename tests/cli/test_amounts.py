"""Amounts keyed at the command line and receipts on the terminal's paper."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.amounts import AmountError, parse_amount
from ops.till.receipt_paper import COLUMNS, paper
from switch.rules.text import columns


@pytest.mark.parametrize(
    ("text", "grosze"),
    [
        ("45.90", 4590),
        ("45,90", 4590),
        ("45,9", 4590),
        ("45", 4500),
        ("0", 0),
        ("0.01", 1),
        ("1234,56 zł", 123_456),
        ("-5,00", -500),
        ("12.00 PLN", 1200),
    ],
)
def test_amounts_are_exact_with_point_or_comma(text: str, grosze: int) -> None:
    """An amount with a point or a comma is read to the grosz; the switch refuses zero and negative."""
    assert parse_amount(text) == grosze


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1.234",
        "1,2,3",
        "45.",
        ".5",
        "1e3",
        "٤٥",
        "--1",
        "9" * 13,
        "NaN",
        "4 5.90",
        "45 .90",
        " 45",
        "45\n",
        "- 5",
        "1 234,56",
        "45.90  zł",
        "45.90\u00a0",
        "12 34",
    ],
)
def test_what_is_no_amount_is_refused_with_a_cure(text: str) -> None:
    """Anything else is refused, and the refusal shows how to write one."""
    with pytest.raises(AmountError, match=r"45\.90 or 45,90"):
        parse_amount(text)


@given(st.integers(min_value=0, max_value=10**13), st.sampled_from(".,"))
def test_every_grosz_survives_the_keyboard(grosze: int, separator: str) -> None:
    """Writing an amount out and reading it gives the same grosze."""
    assert parse_amount(f"{grosze // 100}{separator}{grosze % 100:02d}") == grosze


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200))
def test_the_receipt_keeps_to_the_paper(text: str) -> None:
    """However long the lines of the switch, every line of the box is as wide as the paper."""
    box = paper(text, partner="Piekarnia Kłos", terminal=10_000_001, stan=17)
    assert {columns(line) for line in box.split("\n")} == {COLUMNS + 4}

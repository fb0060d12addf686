"""A receipt filled in: how each figure is written, and that the C writes what Python does."""

import importlib.util
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.rules import filling
from switch.rules.filling import CENTS, Part, Way, fill_in_python

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.one_of(
    st.integers(-1_000, 11_000),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from([-(1 << 63), (1 << 63) - 1, 1 << 63, -(1 << 63) - 1, 10**21 + 7, -(10**21) - 7]),
)
PLACES = st.one_of(st.sampled_from([place << 2 | way for place in (0, 1) for way in Way]), st.just(2 << 2))


@pytest.fixture(autouse=True)
def built() -> None:
    """Where the C is not built these are skipped, never in CI."""
    if importlib.util.find_spec("switch.rules.native") is None:
        assert "CI" not in os.environ, "CI builds the C"
        pytest.skip("switch/rules/native.c is not built here (no compiler or no Python.h)")


@pytest.mark.parametrize("fill", [filling.fill, fill_in_python])
@pytest.mark.parametrize(
    ("figure", "way", "text"),
    [
        (12, Way.PLAIN, "12"),
        (-3, Way.PLAIN, "-3"),
        ("Zniżka łączna", Way.PLAIN, "Zniżka łączna"),
        (0, Way.MONEY, "0,00 zł"),
        (7, Way.MONEY, "0,07 zł"),
        (90, Way.MONEY, "0,90 zł"),
        (4_590, Way.MONEY, "45,90 zł"),
        (-5, Way.MONEY, "-0,05 zł"),
        (-123_456, Way.MONEY, "-1234,56 zł"),
        (10**21 + 7, Way.MONEY, "10000000000000000000,07 zł"),
        (1_234, Way.CARD, "****1234"),
        (42, Way.CARD, "****0042"),
        (0, Way.CARD, "****0000"),
        (-1, Way.CARD, "****????"),
    ],
)
def test_a_figure_is_written_its_way(fill: Any, figure: str | int, way: Way, text: str) -> None:
    """Grosze behind a comma, a card by its last four digits, all else as it prints; in C and in Python."""
    assert fill(("<", way, ">"), (figure,), CENTS["pl"]) == f"<{text}>"


@given(
    st.lists(st.one_of(TEXTS, PLACES), max_size=12).map(tuple),
    st.tuples(NUMBERS, NUMBERS, TEXTS),
    st.sampled_from([*CENTS.values()]),
)
def test_both_ways_write_the_same(
    parts: tuple[Part, ...], figures: tuple[str | int, ...], cents: list[str]
) -> None:
    """Whatever the lines and figures are, in every language."""
    assert filling.fill(parts, figures, cents) == fill_in_python(parts, figures, cents)


def test_the_c_is_what_runs_where_it_is_built() -> None:
    """Nobody runs the slower one by mistake."""
    assert filling.fill is not fill_in_python


class Index:
    """No int, but what may stand for one: whatever it runs may change what is being read."""

    def __init__(self, value: int, printed: str, cents: list[str]) -> None:
        self.value, self.printed, self.cents = value, printed, cents

    def __index__(self) -> int:
        self.cents.clear()
        return self.value

    def __str__(self) -> str:
        return self.printed


class Printed(int):
    """An int that prints as it likes."""

    def __str__(self) -> str:
        return "~~"


@pytest.mark.parametrize("way", [*Way])
@pytest.mark.parametrize(("value", "printed"), [(1 << 70, ""), (1 << 70, "~~"), (7, "7")])
def test_what_only_stands_for_a_number_is_no_figure(way: Way, value: int, printed: str) -> None:
    """Its code would run amid the filling; of an int's own kind the digits count, and not what it prints."""
    cents = list(CENTS["pl"])
    figure: Any = Index(value, printed, cents)
    with pytest.raises(TypeError):
        filling.fill((way,), (figure,), cents)
    with pytest.raises(TypeError):
        filling.fill((figure,), (1,), cents)
    assert cents == CENTS["pl"]
    assert filling.fill((way,), (Printed(value),), cents) == filling.fill((way,), (value,), cents)


@pytest.mark.parametrize(
    "arguments",
    [
        (["<"], (), CENTS["pl"]),
        (("<",), [], CENTS["pl"]),
        (("<",), (), CENTS["pl"][:99]),
        (("<",), (), tuple(CENTS["pl"])),
        ((1,), (90,), [None] * 100),
        ((4,), (1,), CENTS["pl"]),
        ((-1,), (1,), CENTS["pl"]),
        ((0,), (None,), CENTS["pl"]),
        ((1,), ("x",), CENTS["pl"]),
        ((None,), (1,), CENTS["pl"]),
        (("x" * 5_000,), (), CENTS["pl"]),
        (("<",), ()),
    ],
)
def test_the_c_takes_parts_and_figures_alone(arguments: tuple[Any, ...]) -> None:
    """What is no receipt of some hundred bytes is refused: nothing else is read or written."""
    with pytest.raises((ValueError, TypeError, IndexError)):
        filling.fill(*arguments)

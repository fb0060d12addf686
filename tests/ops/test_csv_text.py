"""CSV as it is written: read again it is what it was, and no text in it is a formula."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.csv_text import exact_csv, sheet

CELLS = st.text(st.sampled_from("a=+-@;,\"'\t\r\n 1"), min_size=1, max_size=6)


def read_again(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=4))
def test_a_cell_is_read_as_it_was_written(rows: list[list[str]]) -> None:
    """Whatever stands in it, line ends of every kind too; each row ends with a line feed alone."""
    text = exact_csv(["a", "b"], rows)
    assert read_again(text) == [["a", "b"], *rows]
    assert text.startswith("a,b\n")


@given(CELLS)
def test_a_sheet_has_the_same_rows(cell: str) -> None:
    """Of a text for a spreadsheet nothing is lost: it may have an apostrophe before it."""
    assert read_again(sheet(["a", "b"], [[cell, 1]]))[1:] in ([[cell, "1"]], [[f"'{cell}", "1"]])


@pytest.mark.parametrize(
    "text", ["=1+1", "@x", "\t=1+1", "\r=1+1", "\n=1+1", "+1+1", "-2*3", "+", "-", "-cmd|' /C calc'!A0"]
)
def test_no_text_in_a_sheet_is_a_formula(text: str) -> None:
    """Spreadsheets pass over a tab or a line end before a formula: such a text is quoted, too."""
    assert read_again(sheet(["name", "n"], [[text, 1]]))[1] == [f"'{text}", "1"]
    assert read_again(exact_csv(["name", "n"], [[text, 1]]))[1] == [text, "1"]


@pytest.mark.parametrize("text", ["-1", "+12,50", "-1.234,00", "a=1", "", "600-100-200"])
def test_numbers_and_words_stay_what_they_are(text: str) -> None:
    """A negative sum can be reckoned with."""
    assert read_again(sheet(["name", "n"], [[text, -5]]))[1] == [text, "-5"]

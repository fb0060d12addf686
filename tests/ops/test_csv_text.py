"""CSV as it is written: read again it is what it was, and no text in it is a formula."""

import csv
import io
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.csv_text import exact_csv, office_sheet, sheet

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
    """Of a text for a spreadsheet nothing is lost: there may be apostrophes in it."""
    ((found, number),) = read_again(sheet(["a", "b"], [[cell, 1]]))[1:]
    assert (found.replace("'", ""), number) == (cell.replace("'", ""), "1")


@given(CELLS)
def test_nowhere_in_a_sheet_a_formula_begins(cell: str) -> None:
    """Parted at semicolons, tabs and line ends, with quotes or without: no part begins as a formula."""
    text = sheet(["a", "b"], [[cell, 1]])
    for part in re.split("[;\t\r\n]", text)[1:]:
        shown = part.lstrip(' "')
        assert not shown.startswith(("=", "@")), text
        assert not shown.startswith(("+", "-")) or re.match(r"[+-][\d.,]+\"?,1$", shown), text


@pytest.mark.parametrize("before", ["", "\t", "\r", "\n", "a;", "a; ", 'a;"', "a\t", "a\r\n", ";"])
@pytest.mark.parametrize("formula", ["=1+1", "@x", "+1+1", "-2*3", "+", "-", "-cmd|' /C calc'!A0"])
def test_no_text_in_a_sheet_is_a_formula(before: str, formula: str) -> None:
    """Spreadsheets pass over a tab or a line end before one, and some part cells at a semicolon."""
    text = before + formula
    assert read_again(sheet(["name", "n"], [[text, 1]]))[1] == [f"{before}'{formula}", "1"]
    assert read_again(exact_csv(["name", "n"], [[text, 1]]))[1] == [text, "1"]


@pytest.mark.parametrize("text", ["-1", "+12,50", "-1.234,00", "a=1", "", "600-100-200", "a;b", "x; 5"])
def test_numbers_and_words_stay_what_they_are(text: str) -> None:
    """A negative sum can be reckoned with."""
    assert read_again(sheet(["name", "n"], [[text, -5]]))[1] == [text, "-5"]


@pytest.mark.parametrize(("language", "line"), [("pl", "a;b;-1234,50;5"), ("en", "a;b,-1234.50,5")])
def test_an_office_s_spreadsheet_opens_it_by_itself(language: str, line: str) -> None:
    """With the mark of UTF-8, cells and decimals parted as the language does; a text is no formula there."""
    body = office_sheet(
        ["ż", "n", "m"], [["a;b", Decimal("-1234.50"), 5], ["=1", Decimal("0.00"), 0]], language
    )
    assert body.startswith("\ufeffż".encode())
    first, second = body.decode("utf-8-sig").splitlines()[1:]
    assert first == line.replace("a;b", '"a;b"') if language == "pl" else first == line
    assert second.startswith("'=1")

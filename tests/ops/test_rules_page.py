"""docs/rules.md: every source of a rules file has its row, and every test named there exists."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
FILES = sorted((ROOT / "switch" / "rules" / "programmes").glob("*.toml"))
BY_PEOPLE = ("desk", "out: ", "not yet")
"""How the place of a row begins that no test can show."""


def rows() -> list[list[str]]:
    """Return the cells of every row: rule, source, where, test."""
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in {"rule", "---"}]


def sources(table: Any) -> Iterator[str]:
    """Yield the sources of a rules file, table by table."""
    for name, value in table.items():
        if name == "source":
            yield from value
        elif isinstance(value, dict):
            yield from sources(value)


def defined_tests() -> set[str]:
    """Return the names of all tests there are."""
    found = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in found.findall(path.read_text(encoding="utf-8"))
    }


def named_tests(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def missing_sources(text: str) -> set[str]:
    """Return the sources of a rules file that no row of the page has."""
    listed = {source.strip() for row in rows() for source in row[1].split(";")}
    return set(sources(tomllib.loads(text))) - listed


def test_the_page_is_one_table_of_four_columns() -> None:
    """Every row says the rule, its section, where it is enforced and what shows it."""
    assert len(rows()) > 80
    assert [row for row in rows() if len(row) != 4 or not all(row)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_source_of_a_rules_file_has_a_row(file: Path) -> None:
    """A rule that nobody has put on the page is found, and so is a section that is misspelt."""
    text = file.read_text(encoding="utf-8")
    assert missing_sources(text) == set()
    assert missing_sources(text + '\n[extra]\nsource = ["Zgierz § 99"]\n') == {"Zgierz § 99"}


def test_every_test_named_exists() -> None:
    """A test that was renamed or removed leaves its rule without proof: the page says so by failing."""
    defined = defined_tests()
    named = {test for row in rows() for test in named_tests(row[3])}
    assert len(named) > 60
    assert named - defined == set()


def test_a_row_without_a_test_says_who_does_it() -> None:
    """Only what a person does, or nobody yet, stands without a test."""
    for rule, _, where, test in rows():
        assert (test == "-") == (not named_tests(test)), rule
        if test == "-":
            assert where.startswith(BY_PEOPLE), rule

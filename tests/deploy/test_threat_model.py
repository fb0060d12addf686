"""The threat model names a test for each defence, and each test named is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "threat-model.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def names_in(path: Path) -> set[str]:
    """The tests of a file."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    functions = (node for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def rows() -> list[list[str]]:
    """The rows of the tables of threats, without their heads."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    threats, is_inside = [], False
    for row in cells:
        if row[0] in ("threat", "border"):
            is_inside = row[0] == "threat"
        elif is_inside and set(row[0]) != {"-"}:
            threats.append(row)
    return threats


def test_every_defence_has_a_test() -> None:
    """No row without a threat, a defence and the name of at least one test; a file of tests is not one."""
    found = rows()
    assert len(found) > 30
    for row in found:
        assert len(row) == 3, row
        assert all(row[:2]), row
        tests = [NAMED.fullmatch(name) for name in row[2].split(", ")]
        assert all(test and test[2] for test in tests), row


def test_every_test_named_is_there() -> None:
    """A test that is renamed or removed takes its defence off the page, or this fails."""
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 40
    missing = [
        f"{file}::{test}" if test else file
        for file, test in named
        if not (ROOT / file).exists() or (test and test not in names_in(ROOT / file))
    ]
    assert missing == []

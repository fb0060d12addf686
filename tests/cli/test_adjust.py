"""`cityswitch adjust` and `balances import`: a proposal, a second person, a posting, and what is shown."""

import json
from pathlib import Path

import pytest

from ops.exit_codes import Exit
from tests.cli.office import Run, card

WHY = ("--reason", "the old system, 31 December")


def balance(run: Run, number: int) -> int:
    found: int = json.loads(run("ledger", "balance", "-", "--json", typed=card(number))[1])["balance"]
    return found


def cards(run: Run, *numbers: int) -> None:
    for number in numbers:
        assert run("cards", "add", typed=card(number))[0] == Exit.OK


def test_a_correction_takes_two_people_and_is_shown(run: Run) -> None:
    """Proposed, listed with its sum, approved by another who says the sum, posted; the number masked."""
    cards(run, 1)
    status, out, err = run(
        "adjust", "propose", "--points", "40", *WHY, "--actor", "anna", "--json", typed=card(1)
    )
    assert (status, json.loads(out)["points"], card(1) in out + err) == (Exit.OK, 40, False)
    (listed,) = json.loads(run("adjust", "list", "--json")[1])
    assert (listed["state"], listed["points"], listed["proposed_by"]) == ("proposed", 40, "anna")
    approving = ("adjust", "approve", "1", "--yes", "--reason", "seen", "--actor")
    assert run(*approving, "ANNA", "--points", "40")[0] == Exit.USAGE
    assert run(*approving, "maria", "--points", "41")[0] == Exit.USAGE
    assert balance(run, 1) == 0
    status, out, _ = run(*approving, "maria", "--points", "40", "--json")
    assert (status, json.loads(out)["posted"]) == (Exit.OK, 1)
    assert balance(run, 1) == 40
    assert run(*approving, "maria", "--points", "40")[0] == Exit.USAGE
    (row,) = json.loads(run("adjust", "show", "1", "--json")[1])
    assert (row["card"], row["result"], row["balance"]) == (f"****{card(1)[-4:]}", "posted", 40)
    assert run("ledger", "verify")[0] == Exit.OK
    assert "reason" in run("adjust", "propose", "--points", "1", typed=card(1))[2]
    assert run("adjust", "propose", "--points", "1", *WHY, typed=card(2))[0] == Exit.NOT_FOUND
    assert run("adjust", "propose", "--points", "100001", *WHY, typed=card(1))[0] == Exit.USAGE
    assert run("adjust", "show", "7")[0] == Exit.NOT_FOUND
    assert run("adjust", "refuse", "7", "--yes", *WHY)[0] == Exit.NOT_FOUND


def test_balances_are_checked_whole_proposed_as_one_and_come_once(run: Run, tmp_path: Path) -> None:
    """One bad line and nothing is written; the sum is printed; the same file again proposes nothing."""
    cards(run, 1, 2)
    path = tmp_path / "old.csv"
    text = f"number,points,reference\n{card(1)},120,A-17\n{card(2)},30,A-18\n"
    path.write_text(text + f"{card(3)},5,A-19\n{card(1)},0,A-20\n", encoding="utf-8")
    status, out, _ = run("balances", "import", str(path), *WHY, "--actor", "anna")
    assert (status, "line 4" in out, "line 5" in out) == (Exit.DIFFERENCES, True, True)
    assert json.loads(run("adjust", "list", "--json")[1]) == []
    path.write_text(text, encoding="utf-8")
    status, out, _ = run("balances", "import", str(path), *WHY, "--dry-run")
    assert (status, "2 balances would be imported" in out, "150 points" in out) == (Exit.OK, True, True)
    assert json.loads(run("adjust", "list", "--json")[1]) == []
    status, out, _ = run("balances", "import", str(path), *WHY, "--actor", "anna")
    assert (status, "150 points" in out) == (Exit.OK, True)
    (listed,) = json.loads(run("adjust", "list", "--json")[1])
    assert (listed["kind"], listed["rows"], listed["points"]) == ("opening", 2, 150)
    assert "old.csv sha256" in listed["source"]
    again = json.loads(run("balances", "import", str(path), *WHY, "--actor", "anna", "--json")[1])
    assert (again["imported"], again["unchanged"]) == (0, 2)
    assert (
        run(
            "adjust", "approve", "1", "--points", "150", "--yes", "--reason", "sums agree", "--actor", "maria"
        )[0]
        == Exit.OK
    )
    assert (balance(run, 1), balance(run, 2)) == (120, 30)
    assert run("balances", "import", str(path), *WHY)[0] == Exit.OK
    assert (balance(run, 1), balance(run, 2)) == (120, 30)
    assert run("ledger", "verify")[0] == Exit.OK


@pytest.mark.parametrize(
    ("line", "column"),
    [("1,5,x", "number"), ("CARD,-5,x", "points"), ("CARD,1e3,x", "points"), ("CARD,5,", "reference"),
     ("CARD,99999999999,x", "points"), ("CARD,5," + "x" * 65, "reference")],
)  # fmt: skip
def test_a_line_that_says_no_balance_is_told(run: Run, tmp_path: Path, line: str, column: str) -> None:
    """With its number and column, and without what stands there."""
    cards(run, 1)
    path = tmp_path / "old.csv"
    path.write_text(f"number,points,reference\n{line.replace('CARD', card(1))}\n", encoding="utf-8")
    status, out, err = run("balances", "import", str(path), *WHY)
    assert (status, f"line 2: {column}" in out, card(1) in out + err) == (Exit.DIFFERENCES, True, False)

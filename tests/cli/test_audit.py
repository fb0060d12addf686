"""`cityswitch audit`: who changed what in the registry, when and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.exit_codes import Exit
from ops.office.acting import this_user
from tests.cli.office import SURE, Run, card


def trail(run: Run, *words: str, typed: str = "") -> list[dict[str, Any]]:
    """Return the rows `cityswitch audit` lists."""
    status, out, _ = run("audit", "--json", *words, typed=typed)
    assert status == Exit.OK
    rows: list[dict[str, Any]] = json.loads(out)
    return rows


def test_every_change_of_a_city_leaves_its_row(run: Run) -> None:
    """Each command that changes the registry is found in the trail: by object, actor and page."""
    run("partners", "add", "7", "Kino Na Rogu")
    run("partners", "block", "7", "--actor", "anna", "--reason", "contract ended", "--yes")
    run("terminals", "add", "17", "--partner", "7")
    run("terminals", "key", "issue", "17")
    run("cards", "add", typed=card(1))
    run("programmes", "suspend", *SURE)
    rows = trail(run)
    assert [row["object"] for row in rows] == [
        "programme", "card", "terminal_key", "terminal", "partner", "partner", "partner_contract",
        "programme_version", "programme", "installation",
    ]  # fmt: skip
    assert {row["actor"] for row in rows} == {this_user(), "anna"}
    blocked, added = trail(run, "--partner", "7")
    assert blocked["change"] == "status: active -> blocked"
    assert (blocked["actor"], blocked["reason"]) == ("anna", "contract ended")
    assert (blocked["before"]["status"], blocked["after"]["status"]) == (0, 1)
    assert (added["change"], added["before"]) == ("added", None)
    assert trail(run, "--by", "anna") == [blocked]
    assert trail(run, "--object", "partners", "--before", str(blocked["id"])) == [added]
    assert trail(run, "--limit", "1")[0]["object"] == "programme"
    assert trail(run, "--since", "2200-01-01") == []
    assert "anna" in run("audit")[1]


def test_a_card_s_trail_names_no_number_and_finds_its_import(run: Run, tmp_path: Path) -> None:
    """A card is found by its number and shown by its last digits; its import is in its trail."""
    file = tmp_path / "cards.csv"
    file.write_text("number\n" + "".join(f"{card(n)}\n" for n in range(1, 151)), encoding="utf-8")
    sheet = json.loads(run("cards", "import", str(file), "--json")[1])
    run("cards", "add", typed=card(200))
    run("cards", "block", *SURE, typed=card(5))
    blocked, imported = trail(run, "--card", "-", typed=card(5))
    assert (blocked["key"], blocked["change"]) == (f"****{card(5)[-4:]}", "status: active -> blocked")
    assert (imported["rows"], imported["key"]) == (150, "150 cards")
    assert imported["source"] == f"cards.csv sha256 {sheet['sha256']}"
    assert len(trail(run, "--card", "-", typed=card(200))) == 1
    listed = run("audit", "--json")[1] + run("audit")[1]
    assert "token" not in listed
    assert not any(card(number) in listed for number in range(1, 151))
    assert run("audit", "--card", "-", typed=card(999))[0] == Exit.NOT_FOUND


@pytest.mark.parametrize(
    "words",
    [("--object", "shops"), ("--partner", "7", "--terminal", "3"), ("--since", "soon"), ("--limit", "0")],
)
def test_a_question_that_makes_no_sense_is_refused(run: Run, words: tuple[str, ...]) -> None:
    """A kind that is none, two objects at once, a moment that is none: status 2."""
    assert run("audit", *words)[0] == Exit.USAGE

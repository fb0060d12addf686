"""Many rows at once want a second person, where the settings say so; the trail keeps who agreed."""

import json
from pathlib import Path

import pytest

from ops.exit_codes import Exit
from tests.cli.office import Run, card


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three cards, where more than two want a second person."""
    monkeypatch.setenv("CITYSWITCH_SECOND_PERSON_OVER_ROWS", "2")
    path = tmp_path / "cards.csv"
    path.write_text("number\n" + "".join(f"{card(number)}\n" for number in range(1, 4)), encoding="utf-8")
    return path


def test_a_bulk_act_wants_a_second_person_and_another_one(run: Run, file: Path, tmp_path: Path) -> None:
    """Nobody named, or the same person twice: nothing is stored; who agreed stands in the trail."""
    status, _, err = run("cards", "import", str(file), "--actor", "anna")
    assert (status, "--second" in err) == (Exit.USAGE, True)
    for same in ("Anna", " Anna ", "\uff21nna", "ANNA  "):
        status, _, err = run("cards", "import", str(file), "--actor", "anna", "--second", same)
        assert (status, "another one" in err) == (Exit.USAGE, True)
    assert (
        run("cards", "import", str(file), "--actor", "anna  nowak", "--second", "Anna Nowak")[0] == Exit.USAGE
    )
    assert run("cards", "import", str(file), "--actor", " ", "--second", "maria")[0] == Exit.USAGE
    assert run("cards", "add", "--second", " ", typed=card(9))[0] == Exit.USAGE
    out = str(tmp_path / "maker.csv")
    assert run("cards", "generate", "--count", "3", "--out", out)[0] == Exit.USAGE
    assert json.loads(run("cards", "list", "--json")[1]) == []
    assert run("cards", "import", str(file), "--actor", "anna", "--second", "maria")[0] == Exit.OK
    rows = json.loads(run("audit", "--object", "cards", "--json")[1])
    assert {(row["actor"], row["second"]) for row in rows} == {("anna", "maria")}


def test_few_rows_and_no_setting_want_nobody(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the bound, and without one, an office works as before."""
    assert run("cards", "add", typed=card(9))[0] == Exit.OK
    monkeypatch.setenv("CITYSWITCH_SECOND_PERSON_OVER_ROWS", "3")
    assert run("cards", "import", str(file))[0] == Exit.OK


def test_cards_are_generated_into_a_private_file(run: Run, tmp_path: Path) -> None:
    """The command tells how many and where, and no number; the cards are ordered and go their way."""
    place = tmp_path / "maker.csv"
    status, out, err = run("cards", "generate", "--count", "2", "--out", str(place), "--json")
    assert (status, json.loads(out)["cards"]) == (Exit.OK, 2)
    numbers = [line.split(",")[0] for line in place.read_text(encoding="utf-8").splitlines()[1:]]
    assert not any(number in out + err for number in numbers)
    assert place.stat().st_mode & 0o777 == 0o600
    for act, status_after in (("ready", "ready"), ("activate", "active")):
        assert run("cards", act, typed=numbers[0])[0] == Exit.OK
        shown = json.loads(run("cards", "show", "--json", typed=numbers[0])[1])
        assert shown["status"] == status_after
    assert run("cards", "generate", "--out", str(place))[0] == Exit.USAGE

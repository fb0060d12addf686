"""`cityswitch programmes`: rules published with notice, and what each version does to the others (F6)."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ops.exit_codes import Exit
from tests.cli.office import RULES, Run


def changed(tmp_path: Path, step_grosze: int) -> str:
    """Write the rules with another step; return the file's path."""
    file = tmp_path / f"step-{step_grosze}.toml"
    text = RULES.read_text(encoding="utf-8")
    file.write_text(text.replace("step_grosze = 1000", f"step_grosze = {step_grosze}"), encoding="utf-8")
    return str(file)


def in_days(days: float) -> str:
    """Return a moment so many days from now."""
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def apply(run: Run, file: str, *words: str) -> dict[str, Any]:
    """Apply a file and return what was told."""
    status, out, err = run("programmes", "apply", file, "--json", *words)
    assert status == Exit.OK, err
    told: dict[str, Any] = json.loads(out)
    return told


@pytest.mark.parametrize("prefix", ["961600", "9616", "961"])
def test_cards_of_two_cities_begin_differently(run: Run, tmp_path: Path, prefix: str) -> None:
    """A prefix that is another programme's, or begins or continues it, is refused with key and reason."""
    text = RULES.with_name("zgierz.toml").read_text(encoding="utf-8")
    file = tmp_path / "zgierz.toml"
    own = re.search(r'^prefix = "(\d+)"', RULES.read_text(encoding="utf-8"), re.MULTILINE)
    assert own
    file.write_text(re.sub(r'(?m)^prefix = ".*"', f'prefix = "{prefix}"', text), encoding="utf-8")
    status, _, err = run("programmes", "apply", str(file))
    assert status == Exit.USAGE
    assert f"key 'card.prefix': cards of czestochowa begin with {own[1]}" in err
    assert run("programmes", "apply", str(RULES.with_name("zgierz.toml")))[0] == Exit.OK


def test_the_same_rules_again_change_nothing(run: Run) -> None:
    """A file whose rules hold at that moment anyway makes no version."""
    again = apply(run, str(RULES))
    assert (again["published"], again["version"]) == (False, 1)
    assert "hold already" in run("programmes", "apply", str(RULES))[1]
    assert "# version 1" in run("programmes", "show")[1]
    (programme,) = json.loads(run("programmes", "list", "--json")[1])
    assert (programme["id"], programme["code"], programme["status"]) == (1, "czestochowa", "active")


def test_a_change_wants_seven_days_or_a_reason(run: Run, tmp_path: Path) -> None:
    """Zgierz, annex §34: published seven days ahead; sooner, or for the past, only with --urgent and why."""
    file = changed(tmp_path, 500)
    for words in ((), ("--from", in_days(5.9))):
        status, _, err = run("programmes", "apply", file, *words)
        assert status == Exit.USAGE
        assert "7 days ahead" in err
    assert run("programmes", "apply", file, "--urgent", " ")[0] == Exit.USAGE
    assert run("programmes", "apply", file, "--urgent", "a slip", "--from", in_days(-1))[0] == Exit.USAGE
    assert "# version 1" in run("programmes", "show")[1]
    told = apply(run, file, "--urgent", "the step was wrong")
    assert (told["published"], told["version"], told["replaces"]) == (True, 2, 1)
    assert "step_grosze = 500" in run("programmes", "show", "czestochowa")[1]
    assert "step_grosze = 1000" in run("programmes", "show", "--version", "1")[1]
    assert run("programmes", "show", "--version", "9")[0] == Exit.NOT_FOUND
    row = json.loads(run("audit", "--object", "rules", "--limit", "1", "--json")[1])[0]
    assert (row["reason"], row["key"]) == ("the step was wrong", "1/2")


def test_the_seven_days_are_days_of_the_calendar(run: Run, tmp_path: Path) -> None:
    """Zgierz, annex §34: at the latest seven days before the day from which it holds, at whatever hour."""
    seventh = datetime.now(ZoneInfo("Europe/Warsaw")).date() + timedelta(days=7)
    assert apply(run, changed(tmp_path, 500), "--from", seventh.isoformat())["version"] == 2


def test_a_mending_keeps_what_was_announced(run: Run, tmp_path: Path) -> None:
    """What is announced stays so, and is told; a version for the very same moment is put in its place."""
    far = in_days(30)
    assert apply(run, changed(tmp_path, 500), "--from", far)["replaces"] == 1
    shown = run("programmes", "show")
    assert "# version 1" in shown[1]
    assert "Announced: version 2" in shown[2]
    mended = apply(run, changed(tmp_path, 2000), "--urgent", "the step was wrong")
    assert mended["replaces"] == 1
    assert [one["version"] for one in mended["announced"]] == [2]
    words = ("programmes", "apply", changed(tmp_path, 700), "--from", far)
    assert "in the place of version 2" in run(*words)[1]
    later = apply(run, changed(tmp_path, 800), "--from", in_days(60))
    assert (later["replaces"], [one["version"] for one in later["announced"]]) == (4, [2, 4])
    status, out, _ = run("programmes", "apply", changed(tmp_path, 900), "--from", in_days(40))
    assert status == Exit.OK
    assert "It replaces version 4" in out
    assert "After it version 5" in out


@pytest.mark.parametrize(
    "moment",
    ["soon", "2027-01-01T12:00", "2027-13-01", "0001-01-01", "0001-01-01T00:00Z", "9999-12-31T23:59-12:00"],
)
def test_a_moment_wants_a_time_zone_and_a_year(run: Run, moment: str) -> None:
    """What is neither a day nor a moment with a zone, or lies outside of any calendar: status 2."""
    assert run("programmes", "apply", str(RULES), "--from", moment)[0] == Exit.USAGE


def test_rules_hold_from_a_midnight_of_the_city(run: Run, tmp_path: Path) -> None:
    """--from a day is its midnight in the programme's zone; show --at says what holds on a day."""
    day = (datetime.now(UTC) + timedelta(days=20)).date()
    told = apply(run, changed(tmp_path, 500), "--from", day.isoformat())
    since = datetime.fromisoformat(told["effective_from"]).astimezone(ZoneInfo("Europe/Warsaw"))
    assert (since.date(), since.hour, since.minute) == (day, 0, 0)
    before = (day - timedelta(days=1)).isoformat()
    assert "# version 1" in run("programmes", "show", "czestochowa", "--at", before)[1]
    assert "# version 2" in run("programmes", "show", "czestochowa", "--at", day.isoformat())[1]
    assert run("programmes", "show", "czestochowa", "--at", "1999-01-01")[0] == Exit.NOT_FOUND


def test_check_names_the_key_and_the_reason(run: Run, tmp_path: Path) -> None:
    """A file in order: status 0; one that contradicts itself: status 3, and nothing else happens."""
    for city in ("czestochowa", "zywiec", "zgierz"):
        status, out, _ = run("programmes", "check", str(RULES.with_name(f"{city}.toml")))
        assert (status, city in out) == (Exit.OK, True)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(RULES.read_text(encoding="utf-8").replace("points = 250,", "points = 600,"), "utf-8")
    status, _, err = run("programmes", "check", str(wrong))
    assert status == Exit.CONFIGURATION
    assert "wrong.toml: key 'redeem.tiers'" in err
    assert "more points for less money" in err


def test_diff_names_each_key_and_what_is_worse_for_holders(run: Run, tmp_path: Path) -> None:
    """Old and new of each key that differs, and whether holders lose by it; status 1 where there are any."""
    assert run("programmes", "diff", "czestochowa", str(RULES))[0] == Exit.OK
    file = tmp_path / "new.toml"
    text = RULES.read_text(encoding="utf-8").replace("step_grosze = 1000", "step_grosze = 2000")
    file.write_text(text.replace("value_grosze = 5000", "value_grosze = 6000"), encoding="utf-8")
    status, out, _ = run("programmes", "diff", "czestochowa", str(file), "--json")
    assert status == Exit.DIFFERENCES
    assert json.loads(out) == [
        {"key": "earn.step_grosze", "old": "1000", "new": "2000", "to_holders": "worse"},
        {"key": "redeem.tiers[500].value_grosze", "old": "5000", "new": "6000", "to_holders": ""},
    ]
    assert run("programmes", "diff", "nowhere", str(file))[0] == Exit.NOT_FOUND


def test_a_bit_keeps_its_meaning(run: Run, tmp_path: Path) -> None:
    """Sets of kinds and flags are stored: a file that gives a bit to another flag is not published."""
    file = tmp_path / "moved.toml"
    text = RULES.read_text(encoding="utf-8").replace('code = "senior"', 'code = "veteran"')
    file.write_text(text, encoding="utf-8")
    status, _, err = run("programmes", "apply", str(file), "--urgent", "veterans")
    assert status == Exit.USAGE
    assert "key 'holders.flags[veteran].bit'" in err
    lines = RULES.read_text(encoding="utf-8").splitlines()
    fewer = "\n".join(line for line in lines if 'code = "senior"' not in line)
    file.write_text(fewer, encoding="utf-8")
    assert apply(run, str(file), "--urgent", "no seniors")["version"] == 2
    file.write_text(text, encoding="utf-8")
    assert run("programmes", "apply", str(file), "--urgent", "veterans")[0] == Exit.USAGE


@pytest.mark.parametrize("city", ["zywiec", "zgierz"])
def test_every_delivered_programme_can_be_applied(run: Run, city: str) -> None:
    """The three programmes live side by side in one registry, each with its own number."""
    told = apply(run, str(RULES.with_name(f"{city}.toml")))
    assert (told["published"], told["version"]) == (True, 1)
    assert city in run("programmes", "list")[1]
    assert f'code = "{city}"' in run("programmes", "show", city)[1]

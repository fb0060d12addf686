"""`cityswitch holders` against a real Postgres: persons by file and by hand, entitlement, notice,
anonymity.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ops.exit_codes import Exit
from tests.cli.office import RULES, SURE, Run
from tests.cli.office import card as card_of
from tests.days import today

ZGIERZ = RULES.with_name("zgierz.toml")
PESEL = "44051401359"
HEADER = "number,name,pesel,born_on,phone,email,channel,flags,kinds,tax_year,applied_on"
PROGRAMME = ("--programme", "zgierz")


def card(number: int) -> str:
    """Return a card number of Zgierz."""
    return card_of(number, "96162")


@pytest.fixture
def zgierz(run: Run) -> Run:
    """A registry with Zgierz beside Częstochowa, and five of its cards."""
    assert run("programmes", "apply", str(ZGIERZ))[0] == Exit.OK
    for number in range(1, 6):
        assert run("cards", "add", *PROGRAMME, typed=card(number))[0] == Exit.OK
    return run


def shown(run: Run, number: int, *options: str) -> dict[str, Any]:
    """What `holders show` tells of a card."""
    status, out, err = run("holders", "show", "--json", *options, typed=card(number))
    assert status == Exit.OK, err
    found: dict[str, Any] = json.loads(out)
    return found


def write(path: Path, *lines: str) -> Path:
    """Write a file of holders."""
    path.write_text("\n".join((HEADER, *lines)), encoding="utf-8")
    return path


def test_holders_are_imported_all_or_none(zgierz: Run, tmp_path: Path) -> None:
    """Each line that cannot be is told by number, column and reason; nothing is stored, nobody is
    repeated.
    """
    born = (today() + timedelta(1)).isoformat()
    file = write(
        tmp_path / "holders.csv",
        f"{card(1)},Anna Żółć,{PESEL},,600100200,,phone,family,,2025,",
        f"{card(1)},Anna Żółć,{PESEL},,600100200,,phone,family,,2025,",
        f"{card(2)},Jan,,{born},,,,,,,",
        f"{card(3)},Jan,44051401358,,,,,,,,",
        f"{card(4)},Jan,,1980-01-01,,,,giant,,,",
        f"{card(5)},Jan,,,,,,,viking,,",
        f"{card(9)},Jan,,1980-01-01,600100201,,,,,,",
        f"{card(4)},Jan,,1980-13-01,,,,,,,",
        f"{card(5)},Jan,,1980-01-01,,nobody,,,,,",
        f"{card(2)},,,,,,,,,{today().year},",
        f"{card(6)},Jan,,1980-01-01,,,,,,,",
        f"{card(4)},,,,,,,,,,2024-05-01",
        f"{card(7)},,,1980-01-01,600100200,,,,,,",
    )
    status, out, err = zgierz("holders", "import", str(file), *PROGRAMME)
    assert status == Exit.DIFFERENCES
    assert "0 holders imported, 0 there already, 12 lines refused" in out
    for line in (
        "line 3: is line 2 once more",
        "line 4: born_on: is in the future",
        "line 5: pesel: is no PESEL",
        "line 6: flags: has a code that the rules do not have",
        "line 7: kinds: has a code that the rules do not have",
        "line 8: number: is no card of this programme",
        "line 9: born_on: is no date like",
        "line 10: email: is no e-mail address",
        "line 11: tax_year: is not over: a proof is for",
        "line 12: phone: and email are empty: one of them is needed",
        "line 13: applied_on: entitles to nothing without proof: only 2024-01-01 to 2024-04-30 does",
        "line 14: name: is empty: a person has one",
    ):
        assert line in out
    assert not any(secret in out + err for secret in ("Anna", PESEL, "600100200", card(1), "nobody"))
    assert zgierz("holders", "show", typed=card(1))[0] == Exit.NOT_FOUND
    assert "1 holders imported" in zgierz("holders", "import", str(file), *PROGRAMME, "--good-lines")[1]
    assert shown(zgierz, 1)["flags"] == "family"
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("number,surname\n", encoding="utf-8")
    status, _, err = zgierz("holders", "import", str(wrong), *PROGRAMME)
    assert (status, "column 2 is unknown" in err) == (Exit.USAGE, True)


def test_kinds_follow_the_birthday_and_the_person_is_shown_only_when_asked(zgierz: Run) -> None:
    """Zgierz § 16: somebody of 61 is a senior; who it is stays out of sight without --person."""
    born = today().replace(year=today().year - 61, day=1)
    typed = f"{card(1)}\nname: Zażółć Gęślą\nborn_on: {born}\nphone: 600100200\nchannel: sms\n"
    assert zgierz("holders", "add", "--flags", "senior family", *PROGRAMME, typed=typed)[0] == Exit.OK
    found = shown(zgierz, 1)
    assert (found["kinds"], found["flags"], found["entitled_until"]) == ("senior", "family senior", None)
    assert "name" not in found
    assert "born" not in json.dumps(found)
    known = shown(zgierz, 1, "--person")
    assert (known["name"], known["born_on"]) == ("Zażółć Gęślą", born.isoformat())
    younger = born.replace(year=today().year - 30)
    typed = f"{card(1)}\nborn_on: {younger}\nphone: 600100201\n"
    assert zgierz("holders", "update", typed=typed)[0] == Exit.OK
    assert shown(zgierz, 1)["kinds"] == "adult"
    status, _, err = zgierz("holders", "update", typed=f"{card(1)}\nphone:\nchannel:\n")
    assert (status, "one of them is needed" in err) == (Exit.USAGE, True)
    assert shown(zgierz, 1, "--person")["phone"] == "600100201"
    status, _, err = zgierz("holders", "update", typed=f"{card(1)}\nsurname: Wiśniewski\n")
    assert (status, "Wiśniewski" in err) == (Exit.USAGE, False)
    assert zgierz("holders", "flags", "family", "--guardian", typed=card(1))[0] == Exit.OK
    found = shown(zgierz, 1)
    assert (found["flags"], found["guardian"]) == ("family", True)


def test_proof_of_tax_entitles_until_the_end_of_may(zgierz: Run) -> None:
    """Zgierz § 20: proof for Y entitles until 31 May of Y + 2; an old proof renews nothing and says so."""
    assert zgierz("holders", "add", "--tax-year", "2024", *PROGRAMME, typed=card(1))[0] == Exit.OK
    assert shown(zgierz, 1)["entitled_until"] == "2026-05-31"
    assert zgierz("holders", "tax-proof", "--year", "2025", typed=card(1))[0] == Exit.OK
    assert shown(zgierz, 1)["entitled_until"] == "2027-05-31"
    status, _, err = zgierz("holders", "tax-proof", "--year", "2024", typed=card(1))
    assert (status, "that proof renews nothing" in err) == (Exit.USAGE, True)
    assert shown(zgierz, 1)["entitled_until"] == "2027-05-31"


def test_the_transition_needs_no_proof(zgierz: Run) -> None:
    """Zgierz § 21: applied for from January to April 2024, entitled until 31 May 2024; a day later it is
    refused, for it would entitle to nothing.
    """
    for number, day in ((1, "2024-01-01"), (2, "2024-04-30")):
        assert zgierz("holders", "add", "--applied-on", day, *PROGRAMME, typed=card(number))[0] == Exit.OK
        assert shown(zgierz, number)["entitled_until"] == "2024-05-31"
    for day in ("2023-12-31", "2024-05-01"):
        status, _, err = zgierz("holders", "add", "--applied-on", day, *PROGRAMME, typed=card(3))
        assert (status, "entitles to nothing without proof" in err) == (Exit.USAGE, True)
    assert zgierz("holders", "show", typed=card(3))[0] == Exit.NOT_FOUND


def test_tax_is_proved_of_a_year_that_is_over(zgierz: Run) -> None:
    """Zgierz § 20: for the previous year; this one's and a later one's are refused, and a wrong year that
    was taken down is corrected, with a reason.
    """
    for year in (today().year, today().year + 1):
        status, _, err = zgierz("holders", "add", "--tax-year", str(year), *PROGRAMME, typed=card(1))
        assert (status, "is not over" in err) == (Exit.USAGE, True)
    assert zgierz("holders", "add", *PROGRAMME, typed=card(1))[0] == Exit.OK
    for year in (today().year, today().year + 1):
        status, _, err = zgierz("holders", "tax-proof", "--year", str(year), typed=card(1))
        assert (status, "is not over" in err) == (Exit.USAGE, True)
    last = today().year - 1
    correct = ("holders", "tax-proof", "--correct", "--year", str(last - 1))
    reason = ("--reason", "a typing error")
    status, _, err = zgierz(*correct, *reason, typed=card(1))
    assert (status, "nothing to correct" in err) == (Exit.USAGE, True)
    assert zgierz("holders", "tax-proof", "--year", str(last), typed=card(1))[0] == Exit.OK
    status, _, err = zgierz(*correct, typed=card(1))
    assert (status, "--reason" in err) == (Exit.USAGE, True)
    assert zgierz(*correct, *reason, typed=card(1))[0] == Exit.OK
    assert shown(zgierz, 1)["entitled_until"] == f"{last + 1}-05-31"


def test_a_notice_lasts_a_calendar_month(zgierz: Run) -> None:
    """Zgierz § 33: given on 31 January it ends with February; it wants a reason, and can be taken back."""
    assert zgierz("holders", "add", *PROGRAMME, typed=card(1))[0] == Exit.OK
    year = today().year + 1
    assert zgierz("holders", "notice", typed=card(1))[0] == Exit.USAGE
    given = ("--given-on", f"{year}-01-31")
    assert zgierz("holders", "notice", *given, *SURE, typed=card(1))[0] == Exit.OK
    last = date(year, 3, 1) - timedelta(1)
    assert shown(zgierz, 1)["notice_ends_on"] == shown(zgierz, 1)["contract_ends_on"] == last.isoformat()
    assert zgierz("holders", "notice", "--withdraw", *SURE, typed=card(1))[0] == Exit.OK
    assert shown(zgierz, 1)["notice_ends_on"] is None


def test_anonymising_leaves_the_account_and_nobody(zgierz: Run) -> None:
    """Zgierz § 26: the card is closed, the person gone; a proxy may not ask for it."""
    typed = f"{card(1)}\nname: Zażółć Gęślą\npesel: {PESEL}\nphone: 600100200\n"
    assert zgierz("holders", "add", *PROGRAMME, typed=typed)[0] == Exit.OK
    status, _, err = zgierz("holders", "anonymise", "--hand", "proxy-online", *SURE, typed=card(1))
    assert (status, "only by" in err) == (Exit.USAGE, True)
    assert zgierz("holders", "anonymise", "--hand", "holder-online", *SURE, typed=card(1))[0] == Exit.OK
    assert shown(zgierz, 1, "--person")["name"] is None
    assert json.loads(zgierz("cards", "show", "--json", typed=card(1))[1])["status"] == "closed"
    typed = f"{card(2)}\nname: Y\npesel: {PESEL}\nemail: y@poczta.example\n"
    assert zgierz("holders", "add", *PROGRAMME, typed=typed)[0] == Exit.OK


def test_a_programme_s_role_is_made_and_listed(zgierz: Run) -> None:
    """Three organisers, three roles: the command names the role whose members see that programme alone."""
    status, out, _ = zgierz("roles", "add", "zgierz")
    assert (status, "cityswitch_programme_3" in out) == (Exit.OK, True)
    (row,) = [r for r in json.loads(zgierz("roles", "list", "--json")[1]) if r["programme"] == 3]
    assert row["role"] == "cityswitch_programme_3"
    assert zgierz("roles", "add", "nowhere")[0] == Exit.NOT_FOUND


def test_an_objection_ends_the_contract_the_day_before(zgierz: Run, tmp_path: Path) -> None:
    """Zgierz § 35: who objects to announced rules is out before they hold; without an announcement nobody
    objects.
    """
    assert zgierz("holders", "add", *PROGRAMME, typed=card(1))[0] == Exit.OK
    assert zgierz("holders", "object", *SURE, typed=card(1))[0] == Exit.NOT_FOUND
    changed = tmp_path / "zgierz.toml"
    changed.write_text(ZGIERZ.read_text(encoding="utf-8") + "\n# another text\n", encoding="utf-8")
    day = today() + timedelta(20)
    assert zgierz("programmes", "apply", str(changed), "--from", day.isoformat())[0] == Exit.OK
    last = (day - timedelta(1)).isoformat()
    assert zgierz("holders", "object", *SURE, typed=card(1))[0] == Exit.OK
    assert shown(zgierz, 1)["contract_ends_on"] == last
    status, _, err = zgierz("holders", "object", *SURE, typed=card(1))
    assert (status, f"ends the contract on {last} already" in err) == (Exit.USAGE, True)
    status, _, err = zgierz("holders", "object", "--hand", "proxy-online", *SURE, typed=card(1))
    assert (status, "nobody objects by proxy-online" in err) == (Exit.USAGE, True)


def test_a_notice_and_an_objection_are_taken_back_each_for_itself(zgierz: Run, tmp_path: Path) -> None:
    """Zgierz § 33, § 35: whichever is taken back, the contract ends by the other, which nobody took back."""
    assert zgierz("holders", "add", *PROGRAMME, typed=card(1))[0] == Exit.OK
    changed = tmp_path / "zgierz.toml"
    changed.write_text(ZGIERZ.read_text(encoding="utf-8") + "\n# another text\n", encoding="utf-8")
    day = today() + timedelta(20)
    assert zgierz("programmes", "apply", str(changed), "--from", day.isoformat())[0] == Exit.OK
    assert zgierz("holders", "notice", *SURE, typed=card(1))[0] == Exit.OK
    month = shown(zgierz, 1)["notice_ends_on"]
    last = (day - timedelta(1)).isoformat()
    for withdrawn, left in (("object", month), ("notice", last)):
        assert zgierz("holders", "object", *SURE, typed=card(1))[0] == Exit.OK
        assert json.loads(zgierz("cards", "show", "--json", typed=card(1))[1])["expires_on"] == last
        status, out, _ = zgierz("holders", withdrawn, "--withdraw", "--json", *SURE, typed=card(1))
        assert (status, json.loads(out)["contract_ends_on"]) == (Exit.OK, left)
        assert json.loads(zgierz("cards", "show", "--json", typed=card(1))[1])["expires_on"] == left


@pytest.mark.parametrize(("days_ago", "status"), [(75, "expired"), (0, "active")])
def test_a_card_under_notice_is_shown_as_terminals_judge_it(zgierz: Run, days_ago: int, status: str) -> None:
    """Zgierz § 33: its last day is that of the notice, and once that is over it is expired, as 47 says."""
    assert zgierz("holders", "add", *PROGRAMME, typed=card(1))[0] == Exit.OK
    given = today() - timedelta(days_ago)
    assert zgierz("holders", "notice", "--given-on", given.isoformat(), *SURE, typed=card(1))[0] == Exit.OK
    ends = shown(zgierz, 1)["contract_ends_on"]
    found = json.loads(zgierz("cards", "show", "--json", typed=card(1))[1])
    assert (found["status"], found["expires_on"], found["contract_ends_on"]) == (status, ends, ends)
    listed = {row["card"]: row for row in json.loads(zgierz("cards", "list", "--json")[1])}
    assert (listed[found["card"]]["status"], listed[found["card"]]["expires_on"]) == (status, ends)

"""`cityswitch office`: the commands about logins, against a real Postgres."""

import json
from typing import Any

import pytest

from ops.exit_codes import Exit
from tests.cli.office import SURE, Run, card

PASSWORD = "Zielony rower 7"
OTHER = "Czerwony rower 8"
WHY = ("--actor", "anna", "--reason", "identity card seen")


@pytest.fixture
def known(run: Run) -> Run:
    """A registry with one card, whose holder is known."""
    assert run("cards", "add", typed=card(1))[0] == Exit.OK
    person = f"{card(1)}\nname: Anna Żółć\nborn_on: 1980-01-01\nphone: 600100200\n"
    assert run("holders", "add", typed=person)[0] == Exit.OK
    return run


def test_a_code_wants_a_reason_and_stands_in_the_trail(known: Run) -> None:
    """Without a reason there is none; with one the trail names who gave it out, and the holder is told."""
    status, _, err = known("office", "code", typed=card(1))
    assert (status, "wants a reason" in err) == (Exit.USAGE, True)
    assert json.loads(known("audit", "--object", "login-codes", "--json")[1]) == []
    assert known("office", "code", *WHY, "--json", typed=card(1))[0] == Exit.OK
    (row,) = json.loads(known("audit", "--object", "login-codes", "--json")[1])
    assert (row["actor"], row["reason"]) == ("anna", "identity card seen")


def made(run: Run, *words: str, login: str = "anna") -> int:
    """Make a login by a command; return its number."""
    status, out, err = run("office", *words, "--json", typed=f"{login}\n{PASSWORD}\n")
    assert status == Exit.OK, err
    return int(json.loads(out)["login"])


def listed(run: Run) -> dict[int, dict[str, Any]]:
    """What `office logins list` tells, by number."""
    return {row["id"]: row for row in json.loads(run("office", "logins", "list", "--json")[1])}


def test_logins_of_officers_and_partners_are_made_and_listed(run: Run) -> None:
    """An officer's with its roles, a partner's with its partner; a partner that is none: refused."""
    assert run("partners", "add", "7", "Kino")[0] == Exit.OK
    officer = made(run, "officer", "--shown", "Anna K.", "--roles", "clerk,admin")
    partner = made(run, "partner", "--partner", "7", "--shown", "Kino", login="kino")
    rows = listed(run)
    assert (rows[officer]["kind"], rows[officer]["roles"]) == ("officer", "clerk admin")
    assert (rows[partner]["kind"], rows[partner]["partner"]) == ("partner", 7)
    status, _, _ = run("office", "partner", "--partner", "8", "--shown", "x", typed=f"other\n{PASSWORD}\n")
    assert status == Exit.NOT_FOUND
    assert len(listed(run)) == 2


def test_a_login_is_set_anew_and_ended_for_a_reason(run: Run) -> None:
    """Without a reason, or with a password that is too short, nothing; then both stand in the trail."""
    login = str(made(run, "officer", "--shown", "Anna K."))
    for words, typed in (
        (("reset", login, "--yes"), OTHER),
        (("reset", login, *SURE), "short"),
        (("reset", login, *SURE), ""),
        (("end", login, "--yes"), ""),
    ):
        assert run("office", "logins", *words, typed=typed)[0] == Exit.USAGE, words
    assert run("office", "logins", "reset", login, *SURE, typed=OTHER)[0] == Exit.OK
    assert listed(run)[int(login)]["ended_at"] is None
    assert run("office", "logins", "end", login, *SURE)[0] == Exit.OK
    assert listed(run)[int(login)]["ended_at"] is not None
    assert run("office", "logins", "reset", login, *SURE, typed=OTHER)[0] == Exit.USAGE
    assert run("office", "logins", "end", "999", *SURE)[0] == Exit.NOT_FOUND
    reasons = {row["reason"] for row in json.loads(run("audit", "--object", "logins", "--json")[1])}
    assert SURE[2] in reasons

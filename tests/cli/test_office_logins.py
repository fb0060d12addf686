"""`cityswitch office`: the commands about logins, against a real Postgres."""

import json

import pytest

from ops.exit_codes import Exit
from tests.cli.office import Run, card

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

"""`cityswitch explain` from the command line."""

import pytest

from ops.exit_codes import Exit
from tests.cli.office import Run


def test_an_unknown_stan_is_not_found(run: Run) -> None:
    """One line with what is missing, and the status of what is not there."""
    status, out, err = run("explain", "17/5")
    assert (status, out) == (Exit.NOT_FOUND, "")
    assert "terminal 17 has no STAN 5 in the journal" in err


@pytest.mark.parametrize("request_", ["17", "17/", "/5", "17/0", "a/b", "17/5/6", "17/99999999999"])
def test_what_names_no_request_is_a_mistake_of_the_command_line(run: Run, request_: str) -> None:
    """Terminal and STAN, both numbers."""
    status, _, err = run("explain", request_)
    assert status == Exit.USAGE
    assert "Write TERMINAL/STAN" in err


@pytest.mark.parametrize("terminal", [2_000_000_001, 2_000_019_999, 2_000_020_001])
def test_an_id_of_the_office_s_own_hand_names_a_request(run: Run, terminal: int) -> None:
    """No till has it, yet the journal may."""
    status, out, err = run("explain", f"{terminal}/5")
    assert (status, out) == (Exit.NOT_FOUND, "")
    assert f"terminal {terminal} has no STAN 5 in the journal" in err


@pytest.mark.parametrize(
    "terminal", [100_000_000, 2_000_000_000, 2_000_030_000, 2_000_030_001, 9_999_999_999]
)
def test_a_number_that_neither_till_nor_hand_has_is_a_mistake(run: Run, terminal: int) -> None:
    """Refused before the database is asked, which has no such number."""
    assert run("explain", f"{terminal}/5")[0] == Exit.USAGE

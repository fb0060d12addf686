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

"""What offices, holders, the board, VERIFY and whoever keeps the books ask of them, asked of a sharded
ledger: their own tests, on Citus.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.citus import need_citus

ROOT = Path(__file__).parents[2]
FILE_S_MAX = 3_600.0
ASKED = (
    "tests/ledger/test_adjustments.py",
    "tests/ledger/test_campaigns.py",
    "tests/ledger/test_expiry.py",
    "tests/ledger/test_gauges.py",
    "tests/ledger/test_office_reads.py",
    "tests/ledger/test_quotas.py",
    "tests/ledger/test_search.py",
    "tests/ledger/test_settlement.py",
    "tests/ledger/test_statements.py",
    "tests/cli/test_adjust.py",
    "tests/cli/test_explain.py",
    "tests/cli/test_journal.py",
    "tests/cli/test_settlement.py",
    "tests/ops/test_explain.py",
    "tests/web/test_board_books.py",
    "tests/web/test_desk.py",
    "tests/web/test_holder.py",
    "tests/web/test_partner.py",
)
OF_ONE_POSTGRES = (
    "test_hands_and_tills_that_meet_wait_in_one_order",
    "test_no_read_grows_with_the_journal",
    "test_wide_quotas_that_are_nearly_gone",
)
"""These look at the locks or plans of one server, or count uses in one bucket."""


@pytest.mark.parametrize("file", ASKED)
def test_on_citus_it_is_answered_as_on_one_postgres(file: str) -> None:
    """No statement is refused, and none tells anything else."""
    need_citus()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--on-citus", file]
    command += ["-k", f"not ({' or '.join(OF_ONE_POSTGRES)})"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=FILE_S_MAX)
    assert ran.returncode == 0, ran.stdout[-6_000:]


def test_on_citus_several_processes_are_refused() -> None:
    """One line says why and what to do, before any test begins."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "-p",
        "no:cacheprovider",
        "--on-citus",
        ASKED[0],
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=FILE_S_MAX)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--on-citus is for one process: pytest -n 0" in ran.stderr

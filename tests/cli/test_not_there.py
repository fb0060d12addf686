"""What a command names and what is not there is not found: status 9, never an empty list."""

from pathlib import Path

import pytest

from ops.exit_codes import Exit
from tests.cli.office import Run

NAMED = (
    "terminals show 99", "terminals status 99", "terminals key list 99", "terminals list --partner 99",
    "terminals status --partner 99", "terminals status --programme atlantis",
    "terminals key issue 99 --out key", "terminals key issue --partner 99 --out-dir keys",
    "terminals key rotate --partner 99 --out-dir keys", "terminals move 99",
    "partners show 99", "outlets list --partner 99", "offers list --partner 99", "offers show 99",
    "offers list --programme atlantis", "programmes show atlantis",
    "ledger balance --partner 99", "ledger history --account 88", "explain 99/1",
    "journal find 99/1", "journal find --terminal 99", "journal find --partner 99",
    "journal find --programme atlantis", "journal find --transaction 99",
    "audit --programme 99", "audit --partner 99", "audit --terminal 99",
    "cards confirm 99 --reason x --yes",
)  # fmt: skip


def test_a_name_of_nothing_is_not_found(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that takes a name, with one that is nobody's."""
    monkeypatch.chdir(tmp_path)
    ends = {line: run(*line.split()) for line in NAMED}
    assert {line: end for line, end in ends.items() if end[0] != Exit.NOT_FOUND or end[1]} == {}

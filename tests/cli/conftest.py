"""A fresh registry with one programme, and commands run on it."""

import io
from pathlib import Path

import pytest

from ops.cli import main
from ops.exit_codes import Exit
from tests.cli.office import RULES, Run


@pytest.fixture
def run(
    tmp_path: Path, ledger_dsn: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run a command on a fresh database with a programme and a master key; return status, stdout, stderr."""

    def run_command(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        place = ["--state-dir", str(tmp_path / "state"), "--master-key-file", str(tmp_path / "master.key")]
        status = main([*words, "--dsn", ledger_dsn, *place])
        out, err = capsys.readouterr()
        return status, out, err

    assert run_command("init")[0] == Exit.OK
    assert run_command("programmes", "apply", str(RULES))[0] == Exit.OK
    return run_command

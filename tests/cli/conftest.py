"""A fresh registry with one programme, and commands run on it."""

import io
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import pytest

from ops import cli, output
from ops.cli import main
from ops.deploy.json_shapes import SAID, SHAPES
from ops.exit_codes import Exit
from tests.cli.office import RULES, Run
from tests.json_schema import faults


@pytest.fixture(autouse=True)
def documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every document that a command prints here is one of docs/reference/console.schema.json."""
    words: list[str] = []
    run, as_text = cli._run, output._json

    def noted(tokens: list[str]) -> int:
        words[:] = cli.command_of(tokens)[:-1]
        return run(tokens)

    def held(value: object, stream: TextIO) -> str:
        text = as_text(value, stream)
        if words[:1] == ["serve"] and stream is not sys.stdout:
            return text  # its log: docs/reference/log-events.md
        document: Any = json.loads(text)
        if stream is not sys.stdout and {"event", "level"} <= document.keys():
            return text  # its log, too, where what was typed hides which command it is
        # `offers show` prints JSON whatever is asked; what takes --json has a shape (test_json_shapes.py).
        shape = SHAPES.get(" ".join(words), {}) if stream is sys.stdout else SAID
        assert list(faults(document, shape)) == [], " ".join(words)
        return text

    monkeypatch.setattr(
        output, "_run", output._Run()
    )  # what a run before this one was asked for is not asked here
    monkeypatch.setattr(cli, "_run", noted)
    monkeypatch.setattr(output, "_json", held)


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    ledger_dsn: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a command on a fresh database with a programme and a master key; return status, stdout, stderr."""

    def run_command(*words: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        place = ["--state-dir", str(tmp_path / "state"), "--master-key-file", str(tmp_path / "master.key")]
        status = main([*words, "--dsn", ledger_dsn, *place])
        out, err = capsys.readouterr()
        if status:  # shown with a test that fails; no log, which a command before may have led to its output
            request.node.add_report_section("call", "command", f"{' '.join(words)}: {status}, {err}")
        return status, out, err

    assert run_command("init")[0] == Exit.OK
    assert run_command("programmes", "apply", str(RULES))[0] == Exit.OK
    return run_command

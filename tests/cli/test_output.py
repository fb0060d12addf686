"""What is printed: in every character set and width, for scripts, and into streams that take nothing."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops import output
from ops.cli import main
from ops.errors import CommandError, one_line
from ops.exit_codes import Exit
from ops.output import JSON_INTEGER_MAX, NEAREST, Row
from ops.till.receipt_paper import paper

ROWS: list[Row] = [{"account": 8, "name": "Kłos [bold]", "note": "n" * 60}]


def printed(encoding: str, job: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a job prints on a terminal with this character set."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    output.begin(as_json=False)
    job()
    assert output.finish(Exit.OK) == Exit.OK
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("encoding", "edge", "partner"),
    [
        ("utf-8", "┌─", "Piekarnia Kłos"),
        ("iso8859-2", "+-", "Piekarnia Kłos"),
        ("cp1250", "+-", "Piekarnia Kłos"),
        ("ascii", "+-", "Piekarnia Klos"),
    ],
)
def test_paper_is_drawn_in_every_character_set(
    encoding: str, edge: str, partner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt prints on Latin-2, cp1250 and ASCII terminals: the nearest look, every line as wide."""
    receipt = paper("Kwota: 45,90 zł…", partner="Piekarnia Kłos", terminal=17, stan=3)
    shown = printed(encoding, lambda: output.print_line(receipt), monkeypatch)
    assert shown.startswith(edge)
    assert partner in shown
    assert {len(line) for line in shown.splitlines()} == {36}


@given(st.text(), st.sampled_from(["ascii", "iso8859-2", "cp1250", "utf-8"]))
def test_any_text_can_be_printed_one_character_for_one(text: str, encoding: str) -> None:
    """Whatever a text holds, the replacement handler finds one character for each that is lacking."""
    shown = text.encode(encoding, NEAREST).decode(encoding)
    assert len(shown) == len(text)
    assert [a for a, b in zip(text, shown, strict=True) if a.isascii() and a != b] == []


@given(st.integers(-(2**70), 2**70), st.text())
def test_json_loses_nothing_in_tools_with_doubles(number: int, text: str) -> None:
    """Read by a tool that holds every number as a double, a JSON result still says what was meant."""
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        shown = printed("ascii", lambda: output.print_json({"n": [number], "t": text}), patched)
    read = json.loads(shown, parse_int=lambda digits: int(float(digits)))
    assert read["t"] == text
    assert int(read["n"][0]) == number
    assert isinstance(read["n"][0], int) == (abs(number) <= JSON_INTEGER_MAX)


class Screen(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("columns", [200, 80, 40, 15])
def test_no_column_is_cut(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a narrow terminal columns are left out by name, or each row becomes a record: nothing is cut off."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Screen(raw, encoding="utf-8"))
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "dumb")
    output.begin(as_json=False)
    output.print_rows(ROWS, ("account", "name", "note"), as_json=False, empty="", narrow=("account", "name"))
    shown = raw.getvalue().decode()
    err = capsys.readouterr().err
    assert "…" not in shown
    assert "Kłos [bold]" in shown
    assert ("note" in err) != ("n" * 60 in shown)
    assert ("n" * 60 in shown) == (columns in (200, 80, 15))


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["cards", "shwo", "--json"], Exit.USAGE),
        (["terminal", "earn", "--card", "1", "--amount", "x", "--json"], Exit.USAGE),
        (["cards", "list", "--config", "absent.toml", "--json"], Exit.CONFIGURATION),
        (["terminal", "echo", "--switch", "127.0.0.1:1", "--json"], Exit.CANNOT_CONNECT),
    ],
)
def test_errors_are_json_where_results_are(
    words: list[str], status: Exit, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With --json a failure is one JSON document on stderr, of the same shape whatever failed."""
    if words[0] == "terminal":
        words = [*words, "--state-dir", str(tmp_path)]
    assert main(words) == status
    out, err = capsys.readouterr()
    assert out == ""
    error = json.loads(err)["error"]
    assert error.keys() == {"status", "name", "cause", "cure"}
    assert (error["status"], error["name"]) == (status, status.name.lower())
    assert error["cause"]


def test_notices_are_json_too_where_results_are(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json every line on stderr is a document: a script need not tell notices from failures."""
    output.begin(as_json=True)
    output.say("Zażółć")
    output.tell_failure(CommandError(Exit.STATE, "a\nb.", "c."))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        {"notice": "Zażółć"},
        {"error": {"status": 6, "name": "state", "cause": "a b.", "cure": "c."}},
    ]


@given(st.text())
def test_a_failure_is_one_line(text: str) -> None:
    """No text from outside breaks a message into lines or drives the terminal."""
    assert one_line(text).isprintable() or one_line(text) == ""


class Full(io.TextIOWrapper):
    """A stream on a full disk, or whose reader has left."""

    def __init__(self, error: OSError) -> None:
        super().__init__(io.BytesIO())
        self._error = error

    def write(self, text: str) -> int:
        if text:
            raise self._error
        return 0


@pytest.mark.parametrize(
    ("error", "is_done", "status", "found", "said"),
    [
        (OSError(28, "No space left on device"), False, Exit.OK, Exit.STATE, "No space left"),
        (OSError(28, "No space left on device"), True, Exit.OK, Exit.OK, "See it again"),
        (OSError(28, "No space left on device"), True, Exit.DECLINED, Exit.DECLINED, "See it again"),
        (BrokenPipeError(32, "Broken pipe"), False, Exit.OK, Exit.OK, ""),
        (BrokenPipeError(32, "Broken pipe"), True, Exit.DECLINED, Exit.DECLINED, "See it again"),
    ],
)
def test_lost_output_never_fails_an_effect(
    error: OSError,
    is_done: bool,
    status: Exit,
    found: Exit,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What has taken effect keeps its status and is offered again; only a mere look fails on a full disk."""
    monkeypatch.setattr(sys, "stdout", Full(error))
    output.begin(as_json=False)
    output.work_is_done("See it again.") if is_done else None
    output.print_line("a receipt")
    assert output.finish(status) == found
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == bool(said)


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-2", "cp1250", "utf-8"])
def test_every_page_prints_in_every_character_set(encoding: str) -> None:
    """Help, as the plainest page of all, prints in a process of its own with any character set."""
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "terminal", "earn", "--help"],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert done.returncode == Exit.OK, done.stderr
    assert b"Examples:" in done.stdout


@pytest.mark.parametrize("words", ["config check --json", "--help", "cards --help", "--version"])
@pytest.mark.parametrize("closed", ["exec >&-", "exec 2>&-", "exec >/dev/full", "exec >&- 2>&-"])
def test_a_stream_that_takes_nothing_is_no_defect(closed: str, words: str) -> None:
    """With stdout or stderr closed or on a full disk a command still ends with a status of its own."""
    done = subprocess.run(
        ["sh", "-c", f'{closed}; exec "$0" -m ops.cli {words}', sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode not in (Exit.INTERNAL, 120, 1), done.stderr
    assert "Traceback" not in done.stderr

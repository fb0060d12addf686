"""The reference of the log: every event of the code and no other; and that all of a switch's log is JSON."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ops.cli import main
from ops.deploy.log_events import events_page
from ops.deploy.log_sources import UnreadableEvent, _events_of, find_events
from ops.deploy.log_texts import EVENTS
from ops.exit_codes import Exit
from tests.patience import HANG_S

LIBRARY = """
import sys, threading, warnings
from switch.logs import configure_logs, log_whole_process, writer
import logging
configure_logs("info")
log_whole_process()
warnings.warn("an old way")
logging.getLogger("trio").error("of a library", extra={"figure": 1})
class Broken:
    def __del__(self): raise ValueError("in a finaliser")
Broken()
threading.Thread(target=lambda: 1 / 0).start()
"""


def test_every_event_has_its_words_and_no_other() -> None:
    """A new event wants its meaning and what to do; one that is gone takes them along."""
    assert sorted(find_events()) == sorted(EVENTS)
    assert all(told.meaning.endswith(".") and told.todo.endswith((".", "`")) for told in EVENTS.values())


def test_levels_and_fields_are_read_off_the_code() -> None:
    """Some that come by different ways: a logger, a fault's budget, an outage, a line past the logger."""
    found = find_events()
    assert found["serving"].levels == {"info"}
    assert found["serving"].fields == {"host", "port", "http"}
    assert found["sign_on_refused"].fields == {"source", "reason", "terminal", "times", "generation"}
    assert found["database_trouble_over"].fields == {"seconds", "failures"}
    assert found["posting_refused"].fields == {"terminal", "stan", "reason"}
    assert found["transaction"].levels == {"debug", "info", "warning"}
    assert found["transaction"].fields >= {"terminal", "stan", "card", "result"}
    assert found["log_lines_dropped"].fields == {"count"}
    assert found["serve_failed"].levels == {"critical"}
    page = events_page()
    assert "| `worker_silent` | error | `pid`, `silent_s`, `worker` |" in page


def test_an_event_that_cannot_be_read_off_is_an_error() -> None:
    """A name that is computed would be missed: it is refused."""
    (call,) = [
        node for node in ast.walk(ast.parse("log.error(name, problem=1)")) if isinstance(node, ast.Call)
    ]
    with pytest.raises(UnreadableEvent, match="the event is no text"):
        list(_events_of("switch/x.py", call, []))


def lines(text: str) -> list[dict[str, object]]:
    """Every line as the JSON object it must be."""
    return [json.loads(line) for line in text.splitlines()]


def test_what_python_says_is_json_too() -> None:
    """Warnings, libraries' lines, errors in finalisers and in threads: a line each, with level and moment."""
    done = subprocess.run([sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True)
    found = {str(line["event"]).split("\n", 1)[0]: line for line in lines(done.stderr)}
    assert {"of a library", "unraisable", "thread_failed"} <= set(found)
    assert any("an old way" in event for event in found)
    assert all(line["level"] and line["timestamp"] for line in found.values())
    assert "ZeroDivisionError" in str(found["thread_failed"]["exception"])
    assert found["of a library"]["figure"] == 1


def test_a_start_that_fails_says_so_in_the_log(tmp_path: Path) -> None:
    """`serve` with standard error not at a terminal: nothing but JSON, whatever is wrong."""
    settings = tmp_path / "cityswitch.toml"
    settings.write_text("workers = 0\n", encoding="utf-8")
    command = [sys.executable, "-m", "ops.cli", "serve", "--config", str(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG_S)
    (line,) = lines(done.stderr)
    assert done.returncode == Exit.CONFIGURATION == line["status"]
    assert (line["event"], line["level"]) == ("serve_failed", "critical")
    assert "workers" in str(line["cause"])
    assert set(line) == find_events()["serve_failed"].fields | {"event", "level", "timestamp"}


def test_another_command_says_it_as_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What no log is stays a sentence for people."""
    assert main(["config", "check", "--config", str(tmp_path / "none.toml")]) == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith("cityswitch: ")

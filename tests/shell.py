"""A shell in which a page's commands are typed, one after the other, as a reader would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from ops.place.running import read_note
from tests.patience import HANG_S

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block of a page: its language, the file it is to be stored as, its text."""

    kind: str
    name: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return a page's fenced blocks in order."""
    return [Block(*found) for found in FENCE.findall(page)]


def wait_for_switch(state: Path) -> str:
    """Return the port of the switch of a state directory, when it serves."""
    deadline = time.monotonic() + HANG_S
    while (note := read_note(state)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return str(note.port)


class Shell:
    """One shell in which the lines are typed, so that what they export stays."""

    def __init__(self, directory: Path, environment: dict[str, str] | None = None) -> None:
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("CITYSWITCH", "PG"))
        }
        self._shell = subprocess.Popen(
            ["bash", "--norc"],
            env={**kept, **(environment or {}), "PATH": path, "LC_ALL": "C.UTF-8"},
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def type(self, command: str, *, may_fail: bool = False) -> str:
        """Type one command; return what it printed. It must end in status 0, unless it may fail."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f'{command}\necho "ended $?"\n')
        self._shell.stdin.flush()
        printed = ""
        for line in self._shell.stdout:
            before, ended, status = line.rpartition("ended ")
            if ended:
                assert may_fail or status == "0\n", f"{command}\n{printed}"
                return printed + before
            printed += line
        raise AssertionError(f"the shell ended at {command}\n{printed}")

    def close(self) -> None:
        """End the shell and all that was started in it."""
        os.killpg(self._shell.pid, signal.SIGTERM)
        self._shell.communicate(timeout=HANG_S)

"""Who works in a state directory: one demo or one switch at a time, and it is known which.

Owns `<state_dir>/in-use.lock`. The lock is the kernel's (flock), so it ends with its process, however that
ends; what the file says is for people, and only true while the lock is held. Invariant: whoever is refused
learns the holder's process, command and since when.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from ops.errors import CommandError
from ops.exit_codes import Exit


class Holder(NamedTuple):
    """Who holds a state directory: a process, and which command of ours it runs."""

    pid: int
    command: str


def held_by(state: Path) -> Holder | None:
    """Return who holds a state directory; None if nobody does. Raises OSError where that cannot be seen."""
    try:
        with (state / "in-use.lock").open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                said = re.match(r"process ([0-9]+) \(cityswitch ([a-z]+)\)", file.read())
                return Holder(int(said[1]), said[2]) if said else Holder(0, "")
    except FileNotFoundError:
        pass
    return None


def _locked(file: TextIO) -> bool:
    """Take the lock; whoever only looks who has it (`held_by`) has it for a moment."""
    for pause_s in (0.02, 0.05, 0.0):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause_s)
        else:
            return True
    return False


@contextmanager
def state_held(state: Path, command: str) -> Iterator[None]:
    """Hold the state directory for as long as the block lasts, for `cityswitch <command>`.

    Raises `CommandError` if another process holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "in-use.lock").open("a+", encoding="utf-8") as file:
        if not _locked(file):
            file.seek(0)
            raise CommandError(
                Exit.STATE,
                f"{state} is in use by {file.read().strip() or 'another cityswitch'}.",
                "Stop that, or name another place with --state-dir.",
            )
        file.truncate(0)
        file.write(
            f"process {os.getpid()} (cityswitch {command}) since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
        )
        file.flush()
        yield

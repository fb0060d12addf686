"""Who works in a state directory: one demo or one switch at a time, and it is known which.

Owns `<state_dir>/in-use.lock`. The lock is the kernel's (flock), so it ends with its process, however that
ends; what the file says is for people, and only true while the lock is held. Invariant: whoever is refused
learns the holder's process, command and since when.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ops.errors import CommandError
from ops.exit_codes import Exit


@contextmanager
def state_held(state: Path, command: str) -> Iterator[None]:
    """Hold the state directory for as long as the block lasts, for `cityswitch <command>`.

    Raises `CommandError` if another process holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / "in-use.lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CommandError(
                Exit.STATE,
                f"{state} is in use by {file.read().strip() or 'another cityswitch'}.",
                "Stop that, or name another place with --state-dir.",
            ) from None
        file.truncate(0)
        file.write(
            f"process {os.getpid()} (cityswitch {command}) since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
        )
        file.flush()
        yield

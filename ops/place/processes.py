"""Other processes of this machine, as the kernel shows them: whether one lives, whose child it is, whether it
stands still.

Owns the reading of `/proc`. Must not signal anybody. Where there is no `/proc`, a process lives or not, and
nothing else is known of it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, NamedTuple

_ENDED: Final = "ZX"
_STOPPED: Final = "Tt"


class ProcessState(NamedTuple):
    """A process: its state as one letter (proc(5)), and its parent."""

    letter: str
    parent: int

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, and is only not waited for."""
        return self.letter in _ENDED

    @property
    def is_stopped(self) -> bool:
        """Whether somebody stopped it (SIGSTOP, a debugger): it does nothing until it is let go on."""
        return self.letter in _STOPPED


def state_of(pid: int) -> ProcessState | None:
    """Return how a process is; None: there is none of that number."""
    try:
        letter, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
        return ProcessState(letter, int(parent))
    except (OSError, ValueError):
        return None


def is_child(pid: int | None, of: int) -> bool:
    """Whether a process lives and is a child of another."""
    state = None if pid is None else state_of(pid)
    return state is not None and not state.has_ended and state.parent == of


def is_there(pid: int) -> bool:
    """Whether a process lives; one that has ended and is not waited for does not."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except ProcessLookupError:
        return False
    state = state_of(pid)
    return not (state.has_ended if state else Path("/proc/self").exists())

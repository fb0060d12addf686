"""A note in the state directory that says where a switch listens, so that other commands find it.

Owns `<state_dir>/running.json`. Must not be trusted to be true: the process may have been killed, so its pid
is looked at. Invariant: written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec


class RunningNote(msgspec.Struct, frozen=True):
    """Where the switch of this state directory listens: for terminals, and each worker for HTTP."""

    pid: int
    host: str
    port: int
    http: list[str]
    tls: bool


def note_path(state: Path) -> Path:
    """Return where the note of a state directory lies."""
    return state / "running.json"


@contextmanager
def noted(state: Path, running: RunningNote) -> Iterator[None]:
    """Keep the note for as long as the block lasts."""
    path = note_path(state)
    beside = path.with_suffix(".new")
    beside.write_bytes(msgspec.json.encode(running) + b"\n")
    beside.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_note(state: Path) -> RunningNote | None:
    """Return where the switch of this state directory listens; None if none runs."""
    try:
        running = msgspec.json.decode(note_path(state).read_bytes(), type=RunningNote)
        os.kill(running.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return running


def was_killed(state: Path) -> bool:
    """Return whether the last switch of this state directory ended without a chance to take its note away."""
    return note_path(state).exists() and read_note(state) is None

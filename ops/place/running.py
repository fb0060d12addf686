"""A note in the state directory that says where a switch listens, so that other commands find it.

Owns `<state_dir>/running.json`. Must not be trusted to be true: the process may have been killed, so its pid
is looked at. Invariant: written whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from switch.config import Config

if TYPE_CHECKING:  # who only reads a note does without a switch
    from switch.process.supervisor import Running, Switch


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload came to: the `number`-th of this switch; with a problem nothing was changed."""

    number: int
    changed: list[str]
    need_restart: list[str]
    problem: str = ""


class RunningNote(msgspec.Struct, frozen=True):
    """Where the switch of this state directory listens: for terminals, and each worker for HTTP; what its
    last reload came to; the workers' processes, None: there was none just then.
    """

    pid: int
    host: str
    port: int
    http: list[str]
    tls: bool
    reloaded: Reloaded | None = None
    pids: list[int | None] = []


def note_of(config: Config, listening: Running | Switch) -> RunningNote:
    """Return the note of a switch that this process runs."""
    return RunningNote(
        os.getpid(),
        listening.host,
        listening.port,
        listening.http,
        config.tls_wanted,
        pids=list(listening.pids),
    )


def note_path(state: Path) -> Path:
    """Return where the note of a state directory lies."""
    return state / "running.json"


@contextmanager
def noted(state: Path, running: RunningNote) -> Iterator[Callable[[RunningNote], None]]:
    """Keep the note for as long as the block lasts; a note that another process wrote since is left alone.

    Yields what writes it anew. Raises OSError.
    """
    path = note_path(state)
    written = b""

    def write(note: RunningNote) -> None:
        nonlocal written
        beside = path.with_suffix(".new")
        text = msgspec.json.encode(note) + b"\n"
        beside.write_bytes(text)
        beside.replace(path)
        written = text

    write(running)
    try:
        yield write
    finally:
        if path.exists() and path.read_bytes() == written:
            path.unlink()


def read_note(state: Path) -> RunningNote | None:
    """Return where the switch of this state directory listens; None if none runs."""
    try:
        running = msgspec.json.decode(note_path(state).read_bytes(), type=RunningNote)
        os.kill(running.pid, 0)
    except PermissionError:  # of another user's: it runs
        return running
    except (OSError, msgspec.DecodeError):
        return None
    return running


def was_killed(state: Path) -> bool:
    """Return whether the last switch of this state directory ended without a chance to take its note away."""
    return note_path(state).exists() and read_note(state) is None

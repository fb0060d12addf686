"""Writes what a command gives out as files. Owns how a place that cannot be written is told."""

from __future__ import annotations

from pathlib import Path

from ops.errors import CommandError
from ops.exit_codes import Exit


def folder_there(path: Path) -> None:
    """Make a folder, unless it is there. Raises CommandError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(Exit.STATE, f"{path}: {error.strerror}.") from None


def write_file(path: Path, data: bytes) -> None:
    """Write a file, over what is there. Raises CommandError."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CommandError(Exit.STATE, f"{path}: {error.strerror}.") from None

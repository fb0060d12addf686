"""Owns what is written beside a file before it takes its place: `.NAME.` and sixteen hexadecimal digits.

What lies there holds keys, so it has mode 0600, and what a killed writer left is overwritten, as far as a
disk lets a file be, and removed by whoever writes there next; no file of another name is touched. A writer
holds a lock (flock) on what it writes: that of a living one is left alone. Knows nothing of what stands in a
file.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.errors import SecretsError

_DIGITS: Final = 16


@contextmanager
def written_beside(path: Path, content: bytes, owner: tuple[int, int] | None = None) -> Iterator[Path]:
    """Yield a new file beside a path, with its content on the disk, for the caller to give it its place by a
    rename (a link would be overwritten, too); what is still beside in the end is gone. `owner`: user and
    group. Raises OSError, SecretsError.
    """
    remove_left(path)
    file, beside = _new(path)
    try:
        with os.fdopen(file, "r+b", closefd=False) as out:
            out.write(content)
        if owner is not None and owner != (os.geteuid(), os.getegid()):
            os.fchown(file, *owner)
        os.fsync(file)
        yield beside
    finally:
        try:
            if _is_same(file, beside):
                _remove(file, beside)
        finally:
            os.close(file)


def left_beside(path: Path) -> list[Path]:
    """Return what lies beside a file: left by who was killed, or being written now. Raises OSError."""
    is_left = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{{_DIGITS}}}").fullmatch
    try:
        names = os.listdir(path.parent)
    except FileNotFoundError:
        return []
    return sorted(path.with_name(name) for name in names if is_left(name))


def remove_left(path: Path) -> None:
    """Overwrite and remove what killed writers left beside a file. Raises SecretsError for what stays."""
    for left in left_beside(path):
        try:
            _remove_dead(left)
        except FileNotFoundError:  # another one was faster, or it has its place now
            continue
        except OSError as error:
            raise SecretsError(f"{left} has keys in it and cannot be removed: {error.strerror}") from error


def sync_folder(path: Path) -> None:
    """Have on the disk what a folder says of a file in it: that it is there, or has gone."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def overwrite(file: int) -> None:
    """Have nothing but zeros on the disk where a file lies, as far as the disk lets a file be overwritten."""
    os.pwrite(file, bytes(os.fstat(file).st_size), 0)
    os.fsync(file)


def _new(path: Path) -> tuple[int, Path]:
    """Return a new file that is locked; one that was taken for left between the two is none."""
    while True:
        beside = path.with_name(f".{path.name}.{os.urandom(_DIGITS // 2).hex()}")
        file = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_same(file, beside):
            return file, beside
        os.close(file)


def _remove_dead(left: Path) -> None:
    file = os.open(left, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_same(file, left):  # else it took its place meanwhile
            _remove(file, left)
    except BlockingIOError:
        return
    finally:
        os.close(file)


def _remove(file: int, beside: Path) -> None:
    overwrite(file)
    os.unlink(beside)
    sync_folder(beside)


def _is_same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.lstat())
    except FileNotFoundError:
        return False

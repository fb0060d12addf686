"""Where the tests keep their files: in memory if there is room, else where the machine says."""

import os
import tempfile
from pathlib import Path

import pytest

from tests import in_memory
from tests.in_memory import ROOM_BYTES, keep_temporary_files_in_memory


@pytest.fixture(autouse=True)
def as_if_nothing_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this run has chosen for itself is back after the test."""
    monkeypatch.setenv("TMPDIR", "")
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(in_memory, "_available_bytes", lambda: ROOM_BYTES)


def room(monkeypatch: pytest.MonkeyPatch, free_bytes: int, flags: int = 0) -> None:
    """Let every file system have so much room, and be mounted so."""
    real = os.statvfs("/")
    told = os.statvfs_result([1, 1, *real[2:4], free_bytes, *real[5:8], flags, real[9]])
    monkeypatch.setattr(os, "statvfs", lambda _: told)


def test_what_has_room_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary files of this process and of its children go there."""
    room(monkeypatch, ROOM_BYTES)
    keep_temporary_files_in_memory(tmp_path)
    assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(tmp_path)


@pytest.mark.parametrize(
    ("free_bytes", "flags", "available_bytes"),
    [
        (ROOM_BYTES - 1, 0, ROOM_BYTES),
        (ROOM_BYTES, os.ST_NOEXEC, ROOM_BYTES),
        (ROOM_BYTES, 0, ROOM_BYTES - 1),
    ],
)
def test_what_is_too_small_is_left_alone(
    free_bytes: int, flags: int, available_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container's 64 MB, memory that is taken already, and a place where no program may lie."""
    room(monkeypatch, free_bytes, flags)
    monkeypatch.setattr(in_memory, "_available_bytes", lambda: available_bytes)
    keep_temporary_files_in_memory(tmp_path)
    assert not os.environ["TMPDIR"]


def test_what_is_not_there_is_left_alone(tmp_path: Path) -> None:
    """A machine without shared memory tests on its disk."""
    keep_temporary_files_in_memory(tmp_path / "absent")
    assert not os.environ["TMPDIR"]


def test_a_directory_that_was_named_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets TMPDIR knows why."""
    room(monkeypatch, ROOM_BYTES)
    monkeypatch.setenv("TMPDIR", "/somewhere")
    keep_temporary_files_in_memory(tmp_path)
    assert os.environ["TMPDIR"] == "/somewhere"

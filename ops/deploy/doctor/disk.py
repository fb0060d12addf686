"""Disks: the room on them, and how long one takes to make a write last.

Owns the measuring and the limits, also for `config check`. Must leave nothing behind.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ops.deploy.doctor.finding import Finding, Level

FREE_BYTES_MIN: Final = 1 << 30
"""Below this the disk is as good as full."""
FREE_SHARE_WARN: Final = 0.10
SYNC_S_WARN: Final = 0.010
SYNC_S_DANGER: Final = 0.050
SYNC_ROUNDS: Final = 20
SYNC_BYTES: Final = 8_192


def judge_room(check: str, what: str, free: int, total: int) -> Finding:
    """Judge the room on the disk of `what`, in bytes."""
    seen = f"{what}: {free / (1 << 30):,.1f} of {total / (1 << 30):,.1f} GiB free"
    endangers = "a full disk ends every posting" if "Postgres" in what else "the log and the notes stop"
    cure = "Free some space, or move it to a larger disk."
    if free < FREE_BYTES_MIN:
        return Finding(check, "danger", seen, endangers, cure)
    if free < total * FREE_SHARE_WARN:
        return Finding(check, "warning", seen, endangers, cure)
    return Finding(check, "ok", seen)


def nearest_existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())


def room_of(path: Path) -> tuple[int, int]:
    """Return free and total bytes of the disk a path lies or would lie on. Raises OSError."""
    usage = shutil.disk_usage(nearest_existing(path))
    return usage.free, usage.total


def judge_sync(check: str, what: str, times_s: Sequence[float]) -> Finding:
    """Judge how long each of some writes took to last."""
    median, longest = statistics.median(times_s), max(times_s)
    seen = f"{what}: median {median * 1_000:.2f} ms, longest {longest * 1_000:.2f} ms of {len(times_s)}"
    if median >= SYNC_S_WARN:
        level: Level = "danger" if median >= SYNC_S_DANGER else "warning"
        endangers = "every answer waits for one such write: the rate falls, and terminals give up"
        return Finding(
            check, level, seen, endangers, "Use a local SSD, or a controller whose cache has a battery."
        )
    return Finding(check, "ok", seen)


def measure_sync_s(directory: Path, rounds: int = SYNC_ROUNDS) -> list[float]:
    """Return how many seconds each of `rounds` writes of a page took to be on the disk. Raises OSError."""
    times = []
    with tempfile.TemporaryFile(dir=nearest_existing(directory)) as file:
        for _ in range(rounds):
            file.write(bytes(SYNC_BYTES))
            file.flush()
            began = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - began)
    return times

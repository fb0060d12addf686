"""What Linux says of this process.

Owns the reading of /proc. Must not know how it is exposed. Where there is no /proc, nothing is said.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from switch.metrics import catalogue as of
from switch.metrics.declaration import Metric

STAT: Final = Path("/proc/self/stat")
SYSTEM_STAT: Final = Path("/proc/stat")
DESCRIPTORS: Final = Path("/proc/self/fd")
# Fields of /proc/self/stat, counted from the one behind the command's name (proc(5) counts from 1 before it).
USER, SYSTEM, STARTED, VIRTUAL, RESIDENT = 11, 12, 19, 20, 21


class Process:
    """Readings of this process, by the metric they are for."""

    def __init__(self) -> None:
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page = resource.getpagesize()
        self._booted_s = _booted_s()

    @property
    def readings(self) -> Mapping[Metric, Callable[[], float | None]]:
        """Who to ask for what."""
        if self._booted_s is None:
            return {}
        return {
            of.PROCESS_CPU: lambda: (_stat(USER) + _stat(SYSTEM)) / self._ticks,
            of.PROCESS_RESIDENT: lambda: _stat(RESIDENT) * self._page,
            of.PROCESS_VIRTUAL: lambda: _stat(VIRTUAL),
            of.PROCESS_START: self._started_s,
            of.PROCESS_OPEN_FDS: _open_descriptors,
            of.PROCESS_MAX_FDS: lambda: resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        }

    def _started_s(self) -> float:
        assert self._booted_s is not None
        return self._booted_s + _stat(STARTED) / self._ticks


def _stat(field: int) -> int:
    return int(STAT.read_bytes().rpartition(b")")[2].split()[field])


def _booted_s() -> float | None:
    try:
        lines = SYSTEM_STAT.read_text().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), None)


def _open_descriptors() -> float:
    """Since Linux 6.2 the directory says how many it holds; before, 20,000 have to be walked."""
    return DESCRIPTORS.stat().st_size or len(os.listdir(DESCRIPTORS))

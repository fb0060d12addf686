"""What a process has used: CPU time by the nanosecond, memory, and which processes belong to a server.

Owns the reading of the kernel's clocks and of /proc (Linux). Must not know what the processes do.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4_096
_CPU_CLOCK: Final = 2
"""CPUCLOCK_SCHED of the kernel's clock ids (see clock_getcpuclockid(3)): all threads, in nanoseconds."""


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process so far, user and system; 0 if there is none."""
    try:
        return time.clock_gettime(~pid << 3 | _CPU_CLOCK)
    except OSError:
        return 0.0


def family_cpu_s(pid: int) -> float:
    """Return the CPU time of a process and all its direct children, those that have ended included."""
    while True:
        ended = _ended_s(pid)
        used = cpu_s(pid) + ended + sum(map(cpu_s, children(pid)))
        if _ended_s(pid) == ended:  # else one ended in between, and stands in neither sum or in both
            return used


def _ended_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) / TICKS_PER_S if fields else 0.0


def children(pid: int) -> list[int]:
    """Return the processes whose parent is `pid`."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(int(name))
            if fields and int(fields[1]) == pid:
                found.append(int(name))
    return found


def is_running(pid: int, word: str) -> bool:
    """Return whether `word` is among the arguments a process was started with."""
    try:
        return word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def memory_bytes(pids: Iterable[int]) -> int:
    """Return the resident memory of processes, private and shared."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
        except OSError:
            continue
    return total


def memory_peak_bytes(pids: Iterable[int]) -> int:
    """Return the most resident memory each process has had so far, added up."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        peak = re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE)
        total += int(peak[1]) * 1_024 if peak else 0
    return total


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third on: state, parent, …; empty if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()

"""What others take of this machine while something is measured: other programs, the host, the kernel.

Owns the reading of /proc/stat and of all processes' clocks (Linux). Must not know what is measured.
Invariants: everything that descends from this process is ours, the rest is others'; shares are of all
processors together, so 0.5 of two processors is one of them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

PROC: Final = Path("/proc")
OTHERS_MAX: Final = 0.10
STEAL_MAX: Final = 0.10
NAMED_MIN: Final = 0.02
NAMED_MAX: Final = 3
PAGE_OUT: Final = "kdamond"
"""The kernel's thread that pages out what is not used (DAMON): some hosts of virtual machines let it run."""
_KERNEL_THREAD: Final = 0x0020_0000
_FLAGS, _USER, _CHILDREN_SYSTEM, _STARTED = 6, 11, 14, 19
"""Fields of /proc/<pid>/stat behind the name, from 0: state, parent, …, utime, stime, cutime, cstime, …"""


class Process(NamedTuple):
    """A process as /proc tells of it; times in ticks, `ended` those of its children that have ended."""

    name: str
    started: int
    parent: int
    is_kernel: bool
    own: int
    ended: int


class Snapshot(NamedTuple):
    """All processors' clocks since boot, in ticks, and all processes."""

    programs: int
    steal: int
    total: int
    processes: Mapping[int, Process]


class Taken(NamedTuple):
    """Shares of all processors over a stretch of time."""

    others: float
    steal: float
    kernel: float
    """Threads of the kernel, `page_out` among them; not its interrupts."""
    page_out: float
    names: tuple[str, ...] = ()
    """Programs of others that took most, with their shares."""

    @property
    def is_busy(self) -> bool:
        """Whether others take so much that a figure says little."""
        return self.others > OTHERS_MAX or self.steal > STEAL_MAX

    def describe(self) -> str:
        """Return it in one line."""
        named = f" ({', '.join(self.names)})" if self.names else ""
        return (
            f"others took {self.others:.1%} of the processors{named}, the host {self.steal:.1%} (steal),"
            f" the kernel's threads {self.kernel:.1%}, page-out ({PAGE_OUT}) {self.page_out:.1%} among it"
        )


class Watch:
    """Tells what others have taken since it was made, or last asked."""

    def __init__(self, proc: Path = PROC, us: int | None = None) -> None:
        self._proc = proc
        self._us = os.getpid() if us is None else us
        self._before = read_snapshot(proc)

    def taken(self) -> Taken:
        """Return the shares since the last call, and begin anew."""
        before, self._before = self._before, read_snapshot(self._proc)
        return _taken(before, self._before, self._us)


def read_snapshot(proc: Path = PROC) -> Snapshot:
    """Read all clocks of the machine."""
    user, nice, system, *rest = map(int, (proc / "stat").read_text().split(None, 9)[1:9])
    processes = {}
    for entry in os.listdir(proc):
        if entry.isdigit() and (process := _read_process(proc / entry / "stat")) is not None:
            processes[int(entry)] = process
    programs = user + nice + system
    return Snapshot(programs, rest[-1], programs + sum(rest), processes)


def _read_process(path: Path) -> Process | None:
    try:
        head, _, tail = path.read_text().rpartition(")")
    except OSError:  # it has ended
        return None
    fields = tail.split()
    user, system, children_user, children_system = map(int, fields[_USER : _CHILDREN_SYSTEM + 1])
    return Process(
        name=head.partition("(")[2],
        started=int(fields[_STARTED]),
        parent=int(fields[1]),
        is_kernel=bool(int(fields[_FLAGS]) & _KERNEL_THREAD),
        own=user + system,
        ended=children_user + children_system,
    )


def _taken(before: Snapshot, after: Snapshot, us: int) -> Taken:
    total = max(1, after.total - before.total)
    kernel = {pid: process for pid, process in after.processes.items() if process.is_kernel}
    kernel_ticks = {process.name: 0 for process in kernel.values()}
    for pid, process in kernel.items():
        kernel_ticks[process.name] += _used(before, pid, process)
    # A process whose parent is one of ours leaves its time to that one when it ends.
    ours = _family_ticks(after, us) - _family_ticks(before, us)
    in_kernel = sum(kernel_ticks.values())
    others = after.programs - before.programs - ours - in_kernel
    page_out = sum(ticks for name, ticks in kernel_ticks.items() if name.startswith(PAGE_OUT))
    return Taken(
        others=max(0, others) / total,
        steal=(after.steal - before.steal) / total,
        kernel=in_kernel / total,
        page_out=page_out / total,
        names=_names(before, after, us, total),
    )


def _names(before: Snapshot, after: Snapshot, us: int, total: int) -> tuple[str, ...]:
    family = _family(after, us)
    shares = [
        (_used(before, pid, process) / total, process.name)
        for pid, process in after.processes.items()
        if pid not in family and not process.is_kernel
    ]
    most = sorted(shares, reverse=True)[:NAMED_MAX]
    return tuple(f"{name} {share:.1%}" for share, name in most if share >= NAMED_MIN)


def _used(before: Snapshot, pid: int, process: Process) -> int:
    known = before.processes.get(pid)
    return process.own - (known.own if known is not None and known.started == process.started else 0)


def _family(snapshot: Snapshot, us: int) -> set[int]:
    """Return us and all who descend from us."""
    family = {us}
    while True:
        more = {pid for pid, process in snapshot.processes.items() if process.parent in family} - family
        if not more:
            return family
        family |= more


def _family_ticks(snapshot: Snapshot, us: int) -> int:
    found = [snapshot.processes[pid] for pid in _family(snapshot, us) if pid in snapshot.processes]
    return sum(process.own + process.ended for process in found)

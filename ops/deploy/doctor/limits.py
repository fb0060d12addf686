"""What the system allows this user: open files, connections that wait, processes.

Owns the reading of the limits and what the settings want of them, also for `config check`. Must not raise
any limit.
"""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

from ops.deploy.doctor.finding import Finding, Level
from switch.config import Config
from switch.wire.listener import BACKLOG

SPARE_DESCRIPTORS: Final = 100
THREADS_A_WORKER: Final = 32
"""More than a worker has: its event loop, its log, the supervisor's reader, name look-ups."""
SOMAXCONN: Final = Path("/proc/sys/net/core/somaxconn")
OWN_CGROUP: Final = Path("/proc/self/cgroup")
CGROUPS: Final = Path("/sys/fs/cgroup")


def connections_room(config: Config, descriptors: int) -> int:
    """Return for how many of `connections_max` there are file descriptors; past them nobody is accepted."""
    if descriptors == resource.RLIM_INFINITY:
        return config.connections_max
    return min(max(descriptors - config.handshakes_max - SPARE_DESCRIPTORS, 0), config.connections_max)


def descriptors_allowed() -> int:
    """Return the hard limit of open files, which a worker takes."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def judge_descriptors(config: Config, descriptors: int) -> Finding:
    """Judge the limit of open files against `connections_max`."""
    room, wanted = connections_room(config, descriptors), config.connections_max
    if room >= wanted:
        return Finding("open files", "ok", f"room for {wanted:,} connections in each worker")
    seen = f"room for {room:,} of {wanted:,} connections in each worker"
    cure = "Raise LimitNOFILE in the unit or `ulimit -Hn`, or lower connections_max."
    level: Level = "danger" if room == 0 else "warning"
    return Finding("open files", level, seen, "terminals past that are not let in", cure)


def judge_backlog(somaxconn: int | None) -> Finding:
    """Judge how many connections the kernel lets wait to be accepted; None: it cannot be asked."""
    if somaxconn is None or somaxconn >= BACKLOG:
        shown = "an unknown number of" if somaxconn is None else f"{min(somaxconn, BACKLOG):,}"
        return Finding("backlog", "ok", f"{shown} connections may wait to be accepted")
    seen = f"{somaxconn:,} connections may wait to be accepted, {BACKLOG:,} are asked for"
    endangers = "when all terminals come back at once, some are refused and wait for their next try"
    return Finding("backlog", "warning", seen, endangers, f"`sysctl -w net.core.somaxconn={BACKLOG}`")


def judge_processes(config: Config, allowed: int | None) -> Finding:
    """Judge how many processes and threads more there may be; None: as many as one likes."""
    wanted = (config.workers + 1) * THREADS_A_WORKER
    if allowed is None or allowed >= wanted:
        shown = "no limit of" if allowed is None else f"{allowed:,}"
        return Finding("processes", "ok", f"{shown} processes and threads, {wanted} are enough")
    seen = f"{allowed:,} processes and threads are allowed, {wanted} may be wanted"
    return Finding(
        "processes", "danger", seen, "a worker that died cannot be started again",
        "Raise TasksMax in the unit, the container's pids limit, or `ulimit -Hu`.",
    )  # fmt: skip


def read_somaxconn() -> int | None:
    """Return the kernel's bound of the backlog, None where there is none to read."""
    try:
        return int(SOMAXCONN.read_text())
    except (OSError, ValueError):
        return None


def processes_allowed() -> int | None:
    """Return the lower of the user's limit and what is left in our control group; None without either."""
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    found = [left for left in (_left_in_cgroup(),) if left is not None]
    return min(found + ([] if hard == resource.RLIM_INFINITY else [hard]), default=None)


def _left_in_cgroup() -> int | None:
    try:
        unified = [line[3:] for line in OWN_CGROUP.read_text().splitlines() if line.startswith("0::")]
        folder = CGROUPS / unified[0].lstrip("/")
        return int((folder / "pids.max").read_text()) - int((folder / "pids.current").read_text())
    except (OSError, ValueError, IndexError):  # "max", or no such control group
        return None

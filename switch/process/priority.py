"""Where a process stands among others that want the processor.

Owns the values that say so on Linux: a process' own nice value counts among the processes of its session
alone where the kernel groups them by session (sched(7), autogroup), and between sessions the group's does;
between units of systemd neither does: there the unit's CPUWeight counts. None of them says how soon: whoever
runs is left alone for its slice, some milliseconds, and is only interrupted earlier by one that asked for a
shorter slice (sched_setattr(2); Linux 6.12 and later). Nor do they say where: who wakes is put beside one of
its own kind while a processor works for somebody of low weight, unless that one is idle by its policy
(SCHED_IDLE, sched(7)): then the processor counts as free (Linux 5.4 and later).
"""

import ctypes
import os
import platform
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

TRIES: Final = 5
TRY_AGAIN_S: Final = 0.1
SHORTEST_NS: Final = 100_000
"""The bounds of a slice, by the kernel."""
LONGEST_NS: Final = 100_000_000

_SET, _GET = 0, 1
_CALLS: Final = {("Linux", "x86_64"): (314, 315), ("Linux", "aarch64"): (274, 275)}
"""sched_setattr and sched_getattr, by machine: not every libc has names for them."""
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""struct sched_attr: size, policy, flags, nice, priority, runtime (the slice, in ns), deadline, period."""
_TIME_SHARING: Final = (0, 3)
"""SCHED_OTHER and SCHED_BATCH: under SCHED_IDLE a process keeps the slice that it had."""


def put_behind(nice: int, pid: int = 0) -> int:
    """Put a process (0: this one, and its threads begun from now on) so many steps behind, 0 to 19 in all;
    return its nice value. Its session comes with it if it leads it: a session of others is not ours to slow.
    Whoever stands behind gives way at once to whom its own waiting costs more, and in a session of its own
    holds no processor that others would be put on. Within a session of others it keeps its share.
    """
    if not nice:
        return os.getpriority(os.PRIO_PROCESS, pid)
    nice = add_nice(nice, pid)
    set_slice(LONGEST_NS, pid)  # before the policy, which keeps it: under SCHED_IDLE none can be asked for
    if _leads(pid):
        _give_place(pid)
    return nice


def add_nice(nice: int, pid: int = 0) -> int:
    """Add to the nice value of a process (0: this one), 19 at most, and give it to the session that it leads;
    return it.
    """
    nice = min(19, os.getpriority(os.PRIO_PROCESS, pid) + nice)
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    if _leads(pid):
        _put_group(Path(f"/proc/{pid or os.getpid()}/autogroup"), nice)
    return nice


def _leads(pid: int) -> bool:
    return os.getsid(pid) == (pid or os.getpid())


def _give_place(pid: int) -> None:
    if platform.system() == "Linux":
        with suppress(PermissionError):  # a sandbox may forbid it; the nice value stands all the same
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def set_slice(slice_ns: int, pid: int = 0) -> None:
    """Ask for turns of so many nanoseconds, `SHORTEST_NS` to `LONGEST_NS`, for a process (0: this one, and
    its threads begun from now on): the shorter, the sooner it interrupts others. Its share stays the same.

    Nothing happens where the kernel knows no such thing, or gives the process no turns but by other rules.
    """
    attributes = _attributes(pid)
    if attributes is None:
        return
    size, policy, _, nice, priority, *_ = attributes
    if policy in _TIME_SHARING:
        wanted = _ATTRIBUTES.pack(size, policy, 0, nice, priority, slice_ns, 0, 0)
        _call(_SET, pid, wanted, 0)


def slice_ns(pid: int = 0) -> int:
    """The slice of a process (0: this one), in nanoseconds; 0 where the kernel does not tell."""
    attributes = _attributes(pid)
    return 0 if attributes is None else int(attributes[5])


def _attributes(pid: int) -> tuple[int, ...] | None:
    found = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if not _call(_GET, pid, found, _ATTRIBUTES.size, 0):
        return None
    return _ATTRIBUTES.unpack(found.raw)


def _call(which: int, *arguments: object) -> bool:
    calls = _CALLS.get((platform.system(), platform.machine()))
    return calls is not None and ctypes.CDLL(None).syscall(calls[which], *arguments) == 0


def _put_group(group: Path, nice: int) -> None:
    for _ in range(TRIES):
        try:
            group.write_text(str(nice))
        except BlockingIOError:  # of all users but root one is heard in a tenth of a second
            time.sleep(TRY_AGAIN_S)
        except OSError:  # there are no groups, or none of ours
            return
        else:
            return

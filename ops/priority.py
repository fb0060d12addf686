"""Where a process stands behind others that want the processor.

Owns both values that say so on Linux: a process' own nice value counts among the processes of its session
alone where the kernel groups them by session (sched(7), autogroup), and between sessions the group's does.
Between units of systemd neither does: there the unit's CPUWeight counts.
"""

import contextlib
import os
from pathlib import Path


def put_behind(nice: int, pid: int = 0) -> int:
    """Put a process (0: this one, and its threads begun from now on) so many steps behind, 0 to 19 in all;
    return its nice value. Its session comes with it if it leads it: a session of others is not ours to slow.
    """
    nice = min(19, os.getpriority(os.PRIO_PROCESS, pid) + nice)
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    pid = pid or os.getpid()
    if os.getsid(pid) == pid:
        with contextlib.suppress(OSError):  # there are no groups
            Path(f"/proc/{pid}/autogroup").write_text(str(nice))
    return nice

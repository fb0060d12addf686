"""Where a process stands behind others that want the processor.

Owns both values that say so on Linux: a process' own nice value counts among the processes of its session
alone where the kernel groups them by session (sched(7), autogroup), and between sessions the group's does.
Between units of systemd neither does: there the unit's CPUWeight counts.
"""

import os
import time
from pathlib import Path
from typing import Final

TRIES: Final = 5
TRY_AGAIN_S: Final = 0.1


def put_behind(nice: int, pid: int = 0) -> int:
    """Put a process (0: this one, and its threads begun from now on) so many steps behind, 0 to 19 in all;
    return its nice value. Its session comes with it if it leads it: a session of others is not ours to slow.
    """
    if not nice:
        return os.getpriority(os.PRIO_PROCESS, pid)
    nice = min(19, os.getpriority(os.PRIO_PROCESS, pid) + nice)
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    pid = pid or os.getpid()
    if os.getsid(pid) == pid:
        _put_group(Path(f"/proc/{pid}/autogroup"), nice)
    return nice


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

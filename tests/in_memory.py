"""Where the tests keep what they write: in memory, where the machine has a file system of it with room.

A database of a test is 700 files and lives half a second: on a disk, making and removing them is most of what
the suite costs. Nothing of it has to outlive a power cut. `TMPDIR` set by whoever runs the tests is kept to.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

SHARED_MEMORY: Final = Path("/dev/shm")
ROOM_BYTES: Final = 3 << 30


def keep_temporary_files_in_memory(directory: Path = SHARED_MEMORY) -> None:
    """Let temporary files of this process, and of those it starts, lie in memory if there is room."""
    if os.environ.get("TMPDIR") or not os.access(directory, os.W_OK):
        return
    room = os.statvfs(directory)
    if room.f_flag & os.ST_NOEXEC or min(room.f_bavail * room.f_frsize, _available_bytes()) < ROOM_BYTES:
        return
    os.environ["TMPDIR"] = str(directory)
    tempfile.tempdir = None


def _available_bytes() -> int:
    """Return how much memory could be taken without swapping (proc(5), MemAvailable)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0

"""What of a torture depends on the machine: a small disk of its own, and a clock that can be shifted.

Owns the mounting of the disk (a file as a loop device: root only), its filling, and the library that shifts
the wall clock of the switch's processes (made with the machine's C compiler). Where one cannot be had, it is
not there, and why is said. Must not know the switch. Invariant: what was mounted is unmounted.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_SOURCE: Final = Path(__file__).with_name("clock_shift.c")
_GIB: Final = 1 << 30
_STEP_BYTES: Final = 1 << 28
_BLOCK_BYTES: Final = 512


class Disk:
    """Where Postgres lies; `why_not` says why it cannot be filled, "" where it can."""

    def __init__(self, path: Path, why_not: str) -> None:
        self.path, self.why_not = path, why_not
        self._filler = path / "filler"

    def fill(self) -> None:
        """Leave no byte of it free."""
        with self._filler.open("wb") as file:
            size, step = 0, _STEP_BYTES
            while step >= _BLOCK_BYTES:
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2

    def free(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, gib: float) -> Iterator[Disk]:
    """Have a disk of so many GiB for as long as the block lasts; 0: a plain folder."""
    path = folder / "disk"
    path.mkdir()
    if not gib:
        yield Disk(path, "no disk of its own was asked for")
        return
    image = folder / "disk.image"
    with image.open("wb") as file:
        file.truncate(int(gib * _GIB))
    why_not = _run("mkfs.ext4", "-q", "-F", "-m", "0", str(image)) or _run(
        "mount", "-o", "loop,noatime", str(image), str(path)
    )
    if why_not:
        image.unlink()
        yield Disk(path, why_not)
        return
    try:
        yield Disk(path, "")
    finally:
        _run("umount", str(path)) and _run("umount", "--lazy", str(path))
        image.unlink()


class Clock:
    """The wall clock of what is started with `environment`; `why_not` as a disk's."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock-shift"
        library = folder / "clock_shift.so"
        self.environment: dict[str, str] = {}
        self.shift(0.0)
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            self.why_not = "there is no C compiler to make the clock's library with"
            return
        self.why_not = _run(compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl")
        if not self.why_not:
            self.environment = {"LD_PRELOAD": str(library), "TORTURE_CLOCK": str(self._file)}

    def shift(self, seconds: float) -> None:
        """Show a time so much later than it is; 0: the right one."""
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("=q", int(seconds * 1e9)), 0)
        os.close(fd)


def _run(*command: str) -> str:
    """Run a program; return "" or why it did not do what it should."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    return "" if done.returncode == 0 else f"{command[0]}: {done.stderr.strip() or done.returncode}"

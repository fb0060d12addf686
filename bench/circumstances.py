"""What a figure means little without: machine, versions, commit, date.

Owns the asking of the operating system and of git. Must not know what was measured. Invariant: whatever
cannot be found out is said to be unknown; nothing fails for it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from protocol.sealing import IS_NATIVE

ROOT: Final = Path(__file__).resolve().parent.parent
UNKNOWN: Final = "unknown"


def circumstances() -> list[str]:
    """Return the facts, one a line."""
    python = f"Python {platform.python_version()} ({_build()})"
    sealing = f"frames sealed in {'C' if IS_NATIVE else 'Python'}"
    return [
        f"machine: {_cpu_model()}, {_cpus()} CPUs, {platform.system()} {_kernel()}",
        f"{python}, {sealing}, cityswitch {version('cityswitch')}, commit {_commit()}",
        f"date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load of the machine before: {_load()}",
    ]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _build() -> str:
    """Return how the interpreter says it was optimised: with both, it takes 0.8 of the CPU it takes without.

    Debian's, which has both, does not say.
    """
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    found = [
        name for name, word in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto")) if word in options
    ]
    return (
        f"built with {' and '.join(found)}" if found else f"{_origin()}, PGO and LTO not named by its build"
    )


def _origin() -> str:
    """Return whose the interpreter is."""
    return "the system's" if sys.base_prefix == "/usr" else "not the system's"


def _kernel() -> str:
    """Return the kernel's version without what a distributor appended."""
    return platform.release().partition("-")[0]


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0


def _load() -> str:
    """Return the load average of the last minute: another program that runs beside spoils a figure."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else UNKNOWN


def _commit() -> str:
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN
    return f"{commit} with changes" if changed else commit


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()

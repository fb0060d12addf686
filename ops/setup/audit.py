"""Asks PyPI's advisories for known holes in every package of the locks: `make audit`, part of `make check`.

    python ops/setup/audit.py

Owns `.venv/audit`, where pip-audit lies by a lock of its own (requirements/audit.txt), for its packages are
of other versions than ours. PIP_AUDIT names another one. Invariants: a known hole fails (status 1); what
cannot be asked, for want of a network or of time or because the index asked has no advisories, is a line that
says so, no failure, and not called well; it ends, however slowly an index answers.
"""

import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

AUDIT_S_MAX: Final = 180.0
"""For all locks together, and the installation where one is needed."""
LOCKS: Final = ("runtime", "office", "ha", "fuzz", "dev", "audit")
ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = ROOT / "requirements" / "audit.txt"
HOME: Final = ROOT / ".venv" / "audit"
INSTALL: Final = (
    "install",
    "--quiet",
    "--require-hashes",
    "--no-deps",
    "--only-binary",
    ":all:",
    "--no-input",
)


class CannotAskError(Exception):
    """Nobody was asked; why, in a line."""


class Said(NamedTuple):
    """How a program ended."""

    status: int
    out: str
    err: str


def run(*command: str, until: float) -> Said:
    """Run a program to its end, or to a moment of the monotonic clock, when it is killed with all it started.
    Raises CannotAskError where it is not there, or had no time.
    """
    pipe = subprocess.PIPE
    try:
        started = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, process_group=0
        )
    except OSError as error:
        raise CannotAskError(f"{command[0]}: {error.strerror}") from None
    with started:
        try:
            out, err = started.communicate(timeout=max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            raise CannotAskError(f"the audit had {AUDIT_S_MAX:g} s, and they are over") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
    return Said(started.returncode, out, err)


def last_line(text: str) -> str:
    """Return the last line of what a program said."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def installed(until: float) -> str:
    """Return the path of pip-audit, installed by its lock where it is missing. Raises CannotAskError."""
    tool, made_from = HOME / "bin" / "pip-audit", HOME / LOCK.name
    if made_from.exists() and filecmp.cmp(LOCK, made_from, shallow=False):
        return str(tool)
    python = str(HOME / "bin" / "python")
    for command in (
        (sys.executable, "-m", "venv", "--clear", "--without-pip", str(HOME)),
        (sys.executable, "-m", "pip", "--python", python, *INSTALL, "-r", str(LOCK)),
    ):
        done = run(*command, until=until)
        if done.status:
            raise CannotAskError(f"pip-audit could not be installed: {last_line(done.err)}")
    shutil.copy(LOCK, made_from)
    return str(tool)


def packages_of(tool: str, lock: str, until: float) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package of a lock. Raises CannotAskError."""
    options = ("--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json")
    requirement = str(ROOT / "requirements" / f"{lock}.txt")
    done = run(tool, *options, "--requirement", requirement, until=until)
    try:
        found: list[dict[str, Any]] = json.loads(done.out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise CannotAskError(last_line(done.err)) from None
    return found


def audit(tool: str, lock: str, until: float) -> tuple[int, int]:
    """Ask of one lock and say what was found; return how many packages are known and how many holes."""
    found = packages_of(tool, lock, until)
    known = [package for package in found if "skip_reason" not in package]
    holes = [(package, hole) for package in known for hole in package.get("vulns", [])]
    for package, hole in holes:
        cure = ", ".join(hole.get("fix_versions", [])) or "no version yet"
        print(f"audit: {lock}: {package['name']} {package['version']}: {hole['id']}, mended in {cure}")
    print(
        f"audit: {lock}: {len(known)} of {len(found)} packages could be asked about, {len(holes)} known holes"
    )
    for reason in [package["skip_reason"] for package in found if "skip_reason" in package][:1]:
        print(f"audit: {lock}: {reason}, to name the first of the others")
    return len(known), len(holes)


def main() -> int:
    """Ask of every lock; 1 where a hole is known."""
    until = time.monotonic() + AUDIT_S_MAX
    unasked = list(LOCKS)
    known = holes = 0
    try:
        tool = os.environ.get("PIP_AUDIT") or installed(until)
        while unasked:
            of_lock, holes_of_lock = audit(tool, unasked[0], until)
            known, holes = known + of_lock, holes + holes_of_lock
            del unasked[0]
    except CannotAskError as error:
        print(f"audit: could not ask about {', '.join(unasked)}: {error}")
    if not known:
        print("audit: NOTHING WAS ASKED: no advisories could be had here, and a known hole would not be seen")
    return int(holes > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Runs the suite again and again on a busy machine: a test that depends on speed fails here.

    python -m tests.under_load --runs 10 [-- ARGUMENTS OF PYTEST]

Owns the processes that keep every processor busy, and the count of green and red. Must not know any test.
Invariant: the busy processes end with this one, also after kill -9, for each looks for its parent.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IN_PROCESSES = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
"""As `make test` runs it."""
REPORTS = Path("var/under-load")
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(100_000))\n"


@contextmanager
def busy_processors(count: int) -> Iterator[list[int]]:
    """Keep `count` processors at work while the block lasts; yields the processes."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield [process.pid for process in busy]
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()


def run_suite(number: int, arguments: list[str]) -> tuple[bool, str]:
    """Run the tests once; return whether all passed, and pytest's last line. The output is kept."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    report = REPORTS / f"run-{number}.txt"
    with report.open("w", encoding="utf-8") as out:
        command = [sys.executable, "-m", "pytest", "-q", *IN_PROCESSES, *arguments]
        done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, check=False)
    lines = report.read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith(("FAILED", "ERROR")):
            print(f"  {line}", flush=True)
    return done.returncode == 0, lines[-1] if lines else ""


def main(arguments: list[str]) -> int:
    """Run and count; 0 if every run was green."""
    parser = argparse.ArgumentParser(description="Run the suite on a busy machine.")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--busy", type=int, default=os.cpu_count() or 2, help="busy processes beside it")
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after --")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the suite ends, too
    green = 0
    with busy_processors(options.busy):
        for number in range(1, options.runs + 1):
            began = time.monotonic()
            is_green, last = run_suite(number, options.pytest)
            green += is_green
            seconds = time.monotonic() - began
            colour = "green" if is_green else "red"
            print(f"run {number}/{options.runs}: {colour} in {seconds:.0f} s: {last}", flush=True)
    red = options.runs - green
    beside = f"beside {options.busy} busy processes"
    print(f"{options.runs} runs {beside}: {green} green, {red} red (output: {REPORTS})")
    return 0 if not red else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

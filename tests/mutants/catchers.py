"""What may find a planted bug, in order of price: worlds, the differential run, the suite's own files.

Owns how each is run in a copy and what of its words is kept. Must not know which bug was planted. Invariants:
the copy's own code runs, never the checkout's; what hangs was found, for a world's time is virtual and
everything else ends.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

WORLD: Final = "world"
WHOLE_WORLD: Final = "whole world"
DIFFERENTIAL: Final = "differential"
FILE: Final = "file "
COMMAND: Final = "import sys; from ops.cli import main; sys.exit(main(sys.argv[1:]))"
HANG_S: Final = 600
BUCKETS: Final = (1, 4)
OPERATIONS: Final = 4_000
"""Of a differential run."""
WORLD_OPERATIONS: Final = {WORLD: 600, WHOLE_WORLD: 2_000}
"""Mostly a smaller world than `make worlds` runs: a bug that matters shows early, and there are many bugs."""
_SAID: Final = re.compile(r"^E +(.+)$", re.MULTILINE)


class Catch(NamedTuple):
    """What found a bug, after how many seeds, in which one, and the first line of what it said."""

    by: str
    seeds: int
    seed: int
    said: str


def run_in(copy: Path, *arguments: str) -> tuple[int, str]:
    """Run Python in a copy; return its exit status and what it said. One that hangs is ended: status -1."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANG_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, "it hung"
    return done.returncode, done.stdout


def by_worlds(copy: Path, by: str, first: int, count: int) -> Catch | None:
    """Run worlds of so many seeds, until one fails."""
    operations = str(WORLD_OPERATIONS[by])
    status, said = run_in(copy, "-m", "tests.mutants.seeds", str(first), str(count), operations)
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if status:
        return Catch(by, 1, first, last)
    found = json.loads(last)
    if found["seed"] is None:
        return None
    return Catch(by, found["seed"] - first + 1, found["seed"], found["said"])


def by_differential(copy: Path, first: int, count: int) -> Catch | None:
    """Compare Postgres with the store in memory, each seed with one bucket and with several."""
    for seed in range(first, first + count):
        for buckets in BUCKETS:
            arguments = ("--seed", str(seed), "--operations", str(OPERATIONS), "--buckets", str(buckets))
            status, said = run_in(copy, "-c", COMMAND, "simulate", "differential", *arguments)
            if status:
                lines = [line for line in said.splitlines() if "difference" in line or "seed" in line]
                return Catch(DIFFERENTIAL, seed - first + 1, seed, (lines or said.splitlines())[-1])
    return None


def by_file(copy: Path, file: str) -> Catch | None:
    """Run one file of the suite, or one test of it, until a test fails."""
    status, said = run_in(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", file)
    if not status:
        return None
    first = _SAID.search(said)
    failed = re.search(r"^(?:FAILED|ERROR) \S+?::(\S+)", said, re.MULTILINE)
    words = f"{failed[1]}: " if failed else ""
    return Catch(file, 1, 0, words + (first[1] if first else said.strip().splitlines()[-1]))


def catch(copy: Path, by: str, first: int, count: int) -> Catch | None:
    """Let one kind of check look for a bug in a copy."""
    if by in WORLD_OPERATIONS:
        return by_worlds(copy, by, first, count)
    if by == DIFFERENTIAL:
        return by_differential(copy, first, count)
    return by_file(copy, by.removeprefix(FILE))

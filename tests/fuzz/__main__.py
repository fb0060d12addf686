"""`python -m tests.fuzz [HARNESS ...] [--seconds S | --inputs N]`: fuzz, report, and fail on an escape.

Owns the processes of a run and its report. With atheris installed (`make fuzz` does it) each harness runs
under libFuzzer, guided by the edges of the modules it names and by outcomes; without, or with `--blind`, it
replays the corpus and mutates it by `--seed`. What is found lies in var/fuzz/HARNESS: `corpus` (worth
keeping; `--keep` makes the committed corpus of the least of it), `escape-*`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz.engine import fuzz
from tests.fuzz.target import HANG_CPU_S, Target
from tests.fuzz.targets import TARGETS, beginning, write_corpus

PLACE: Final = Path("var/fuzz")
MEMORY_MB_MAX: Final = 768
BATCH: Final = 20_000
KEPT_MAX: Final = 250
"""Inputs of a harness that are committed."""
STATS: Final = re.compile(r"cov: (\d+)")
COUNTERS: Final = re.compile(r"stat::number_of_executed_units: *(\d+)")


class Run(NamedTuple):
    """What came of a harness."""

    name: str
    engine: str
    inputs: int
    seconds: float
    edges: str
    kinds: dict[str, int]
    escapes: list[str]


def guided(target: Target, args: argparse.Namespace) -> Run:
    """Run a harness under atheris in a process of its own."""
    directory = PLACE / target.name
    seeds, corpus = directory / "seeds", directory / "corpus"
    shutil.rmtree(seeds, ignore_errors=True)
    (directory / "counts.json").unlink(missing_ok=True)
    for made in (seeds, corpus):
        made.mkdir(parents=True, exist_ok=True)
    write_inputs(seeds, beginning(target))
    flags = [
        f"-max_len={target.length_max}", f"-timeout={int(HANG_CPU_S)}", f"-rss_limit_mb={MEMORY_MB_MAX}",
        f"-artifact_prefix={directory}/escape-", f"-seed={args.seed}", "-print_final_stats=1", "-verbosity=1",
        f"-runs={args.inputs}" if args.inputs else f"-max_total_time={args.seconds}",
    ]  # fmt: skip
    before = set(directory.glob("escape-*"))
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.guided",
        target.name,
        ",".join(target.modules),
        str(directory),
    ]
    done = subprocess.run(
        [*command, *flags, str(corpus), str(seeds)],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    seconds = time.monotonic() - started
    (directory / "log").write_text(done.stderr)
    counts = (
        json.loads((directory / "counts.json").read_text()) if (directory / "counts.json").exists() else {}
    )
    units, covered = COUNTERS.findall(done.stderr), STATS.findall(done.stderr)
    escapes = [str(path) for path in set(directory.glob("escape-*")) - before]
    if done.returncode and not escapes:
        escapes = [f"the harness ended with {done.returncode}: {directory}/log"]
    inputs = int(units[-1]) if units else counts.get("inputs", 0)
    edges = ""
    if covered and counts:
        outcomes = counts["outcomes"]
        edges = f"{int(covered[-1]) - outcomes} of {counts['edges']} edges, {outcomes} outcomes"
    return Run(target.name, "atheris", inputs, seconds, edges, counts.get("kinds", {}), escapes)


def blind(target: Target, args: argparse.Namespace) -> Run:
    """Run a harness by its own engine: batches, each with a seed of its own."""
    directory = PLACE / target.name
    (directory / "corpus").mkdir(parents=True, exist_ok=True)
    begin, inputs, batch = beginning(target), 0, 0
    known = set(begin)
    kinds: dict[str, int] = {}
    escapes: list[str] = []
    started = time.monotonic()
    while not escapes and (
        inputs < args.inputs if args.inputs else time.monotonic() - started < args.seconds
    ):
        most = min(BATCH, args.inputs - inputs) if args.inputs else BATCH // 20
        report = fuzz(target, begin, seed=args.seed * 1_000_003 + batch, inputs=most)
        batch += 1
        inputs += report.inputs
        for kind, count in report.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
        new = [data for data in report.pool if data not in known]
        known.update(new)
        write_inputs(directory / "corpus", new)
        for data, why in report.escapes:
            [path] = write_inputs(directory, [data], "escape-")
            escapes.append(f"{path}: {why}")
    return Run(target.name, "its own", inputs, time.monotonic() - started, "", kinds, escapes)


def write_inputs(directory: Path, inputs: list[bytes], prefix: str = "") -> list[Path]:
    """Write inputs into a directory, each under its hash."""
    paths = [directory / (prefix + hashlib.sha1(data).hexdigest()) for data in inputs]
    for path, data in zip(paths, inputs, strict=True):
        path.write_bytes(data)
    return paths


def keep(target: Target) -> str:
    """Add to the committed corpus what takes an edge or has an outcome that no shorter input has."""
    from tests.fuzz.edges import edges, files_of

    found = [path.read_bytes() for path in (PLACE / target.name / "corpus").glob("*")]
    inputs = sorted({*found, *beginning(target)}, key=lambda data: (len(data), data))
    seeds = set(target.seeds())
    took = edges(target.run, inputs, files_of(target.modules))
    seen: set[object] = set()
    kept: set[bytes] = set()
    for data, edges_taken in zip(inputs, took, strict=True):
        outcome = target.run(data)
        new = {*edges_taken, outcome.kind, (outcome if len(kept) < KEPT_MAX else outcome.kind)} - seen
        seen |= new
        if new:
            kept.add(data)
    write_corpus(target, kept - seeds)
    return f"{target.name}: {len(inputs)} inputs, {len(kept - seeds)} kept, {len(seen)} edges and outcomes"


def told(target: Target, run: Run) -> str:
    """Return a line of the report."""
    rate = run.inputs / run.seconds if run.seconds else 0
    counted = sum(run.kinds.values())
    past = ""
    if target.past and counted:
        share = sum(count for kind, count in run.kinds.items() if kind in target.past) / counted
        past = f", {share:.1%} past the tag check"
    edges = f", {run.edges}" if run.edges else ""
    return (
        f"{run.name:16} {run.engine:8} {run.inputs:>12,} inputs {rate:>9,.0f}/s{edges}{past}, "
        f"{len(run.escapes)} escapes"
    )


def main() -> int:
    """Run the harnesses; return 1 if anything escaped."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("names", nargs="*", metavar="HARNESS", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each harness")
    parser.add_argument("--inputs", type=int, default=0, help="of each harness, instead of a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blind", action="store_true", help="with the engine of its own")
    parser.add_argument("--keep", action="store_true", help="run nothing: make the committed corpus anew")
    args = parser.parse_args()
    if unknown := set(args.names) - set(TARGETS):
        parser.error(f"no harness {', '.join(sorted(unknown))}: there are {', '.join(TARGETS)}")
    has_atheris = importlib.util.find_spec("atheris") is not None
    if not has_atheris and not args.blind:
        print("atheris is not installed here: the engine of its own replays the corpus and mutates it")
    failed = False
    for name in args.names or TARGETS:
        if args.keep:
            print(keep(TARGETS[name]), flush=True)
            continue
        run = (guided if has_atheris and not args.blind else blind)(TARGETS[name], args)
        print(told(TARGETS[name], run), flush=True)
        for kind, count in sorted(run.kinds.items(), key=lambda item: -item[1]):
            print(f"    {count:>12,} {kind}")
        for escape in run.escapes:
            print(f"    ESCAPE {escape}")
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

"""Whether an id stands in one place only, whatever is done to the workers: races, kills, lost connections.

    .venv/bin/python -m bench.probes.one_id --operations 100000 --buckets 1 4 8

For each number of buckets: several worker processes send random requests over few terminals, cards and ids,
so that they race for the same ids with different cards. Meanwhile workers are killed (SIGKILL) and replaced,
and backends of Postgres are terminated, both in mid batch. Afterwards the books are verified, and every
outcome that a worker noted is held against the journal: what was answered once is what stands there.

Owns the method. Must not know how an id is kept unique. Invariant: no process is left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import trio

from bench.command import Exit, run
from bench.local_switch import say
from bench.probes.fleet import Compare, Result, Torture, differences, run_workers


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m bench.probes.one_id", description=__doc__.split("\n")[0])
    parser.add_argument("--operations", type=int, default=100_000, help="requests a run (100000)")
    parser.add_argument("--buckets", type=int, nargs="+", default=[1, 4, 8], help="a run each (1 4 8)")
    parser.add_argument("--seed", type=int, default=1, help="of requests and kills (1)")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run once for each number of buckets; status 1 if anything was wrong."""
    status = Exit.OK
    for buckets in options.buckets:
        if stop.is_set():
            return Exit.INTERRUPTED
        with tempfile.TemporaryDirectory(prefix="one-id-") as folder:
            result = await torture(Path(folder), options.operations, buckets, options.seed)
        say(
            f"{buckets} buckets, seed {options.seed}: {options.operations} operations, {result.told} noted,"
            f" {result.conflicts} conflicts, {result.undecided} undecided,"
            f" {result.worker_kills} workers and {result.backend_kills} backends killed:"
            f" {len(result.wrong)} wrong"
        )
        for line in result.wrong[:20]:
            say(f"  {line}")
        if result.wrong:
            status = Exit.MISSED
    return status


async def torture(
    folder: Path, operations: int, buckets: int, seed: int, compare: Compare = differences
) -> Result:
    """One run in `folder`, with a Postgres of its own; `compare` may stand in for `differences`."""
    orders = Torture("bench.probes.one_id_worker", operations, buckets, seed)
    return await run_workers(orders, folder, compare)


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

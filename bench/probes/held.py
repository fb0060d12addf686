"""What thousands of held connections cost those who trade: their p99 beside the crowd ÷ without it, in turn.

    .venv/bin/python -m bench.probes.held

300 terminals ask at fixed times, with and without 15,000 more that hold a session of one worker and send an
ECHO now and then. Each round measures both, one after the other, on one server; judged is the median of the
rounds' ratios. The crowd comes from several processes, for each has a bound of descriptors.

Owns the method. Must not know how a switch serves. Invariants: a round in which a held connection was closed
or a trader was refused fails; no process is left.
"""

from __future__ import annotations

import argparse
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.local_switch import HOST, STATE, say
from bench.probes.held_process import HeldOrder, HeldReport
from bench.throughput.driver import END_S_MAX, DriverFailed, Timing, running
from bench.throughput.load_order import READY, Phase
from bench.throughput.open_lanes import TERMINALS, drive_open
from bench.throughput.processes import memory_bytes
from bench.throughput.stage import Stage, open_stage, servers
from simulators.city.example import CARDS
from simulators.fleet.histogram import Histogram

TARGET: Final = 3.0
SERVER: Final = "switch 1"
MODULE: Final = "bench.probes.held_process"
OF_A_PROCESS: Final = 5_000
READY_S_MAX: Final = 300.0
SPARE: Final = 500
"""Descriptors a worker needs beside its connections."""
MIB: Final = 1 << 20


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m bench.probes.held", description=__doc__.split("\n")[0])
    parser.add_argument("--held", type=int, default=15_000, help="connections held (15,000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds, each both ways (5)")
    parser.add_argument("--rate", type=float, default=300.0, help="requests a second of the traders (300)")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a window (10)")
    parser.add_argument("--warm-up", type=float, default=2.0, help="load before a window (2)")
    parser.add_argument("--cards", type=int, default=CARDS, help=f"cards ({CARDS})")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"where data is made ({STATE})")
    return parser.parse_args(arguments)


@dataclass
class Beside:
    """The crowd of a round."""

    reports: list[HeldReport] = field(default_factory=list)

    def total(self, name: str) -> int:
        """Return a figure of all its processes."""
        return sum(getattr(report, name) for report in self.reports)


@asynccontextmanager
async def crowd(stage: Stage, held: int) -> AsyncIterator[Beside]:
    """Have so many connections held while the block lasts; its reports are there afterwards."""
    beside = Beside()
    population = stage.population
    async with AsyncExitStack() as stack:
        processes: list[trio.Process] = []
        for first in range(0, held, OF_A_PROCESS):
            process = await stack.enter_async_context(running(["-m", MODULE], MODULE))
            assert process.stdin is not None
            order = HeldOrder(
                host=HOST,
                port=stage.servers[SERVER].port,
                seed=population.seed,
                cards=population.cards,
                partners=population.partners,
                terminals=population.terminals,
                first=TERMINALS + first,
                count=min(OF_A_PROCESS, held - first),
            )
            await process.stdin.send_all(msgspec.json.encode(order) + b"\n")
            processes.append(process)
        for process in processes:
            assert process.stdout is not None
            with trio.move_on_after(READY_S_MAX):
                if await process.stdout.receive_some(len(READY)) == READY:
                    continue
            raise DriverFailed(f"{MODULE} could not hold its connections")
        yield beside
        for process in processes:
            assert process.stdin is not None
            assert process.stdout is not None
            await process.stdin.aclose()
            line = b""
            with trio.move_on_after(END_S_MAX):
                async for chunk in process.stdout:
                    line += chunk
            if not line:
                raise DriverFailed(f"{MODULE} failed while it held connections")
            beside.reports.append(msgspec.json.decode(line, type=HeldReport))


async def p99_ms(stage: Stage, args: argparse.Namespace) -> float:
    """Return the p99 of the traders in one window. Raises `DriverFailed` if one of them was refused."""
    timing = Timing(args.warm_up, args.seconds)
    phases = [Phase(args.warm_up + args.seconds, args.rate)]
    report = (await drive_open(stage, timing, phases)).report
    refused = sum(count for code, count in report.codes.items() if code)
    if refused or report.dropped or not report.replies:
        raise DriverFailed(f"of the traders' requests {refused} were refused, {report.dropped} dropped")
    return Histogram(report.buckets, report.latency_max_us).percentile_us(99) / 1_000


async def measure(args: argparse.Namespace, stop: trio.Event) -> int:
    """Measure round after round; return the exit status."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if args.held + TERMINALS + SPARE > hard:
        raise CannotRun(
            f"{args.held} connections need {args.held + TERMINALS + SPARE} descriptors, not {hard}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ratios: list[float] = []
    async with open_stage(args.state_dir, args.cards, TERMINALS, TERMINALS + args.held) as stage:
        say(f"a city with {TERMINALS + args.held:,} terminals")
        async with servers(stage, [SERVER]):
            pids = stage.servers[SERVER].pids
            for number in range(1, args.rounds + 1):
                if stop.is_set():
                    return Exit.INTERRUPTED
                alone, before = await p99_ms(stage, args), memory_bytes(pids)
                async with crowd(stage, args.held) as beside:
                    with_crowd, memory = await p99_ms(stage, args), memory_bytes(pids)
                if beside.total("held") != args.held:
                    raise DriverFailed(
                        f"of {args.held} held connections {beside.total('closed')} were closed"
                    )
                ratios.append(with_crowd / alone)
                say(
                    f"round {number}: p99 {alone:.1f} ms alone, {with_crowd:.1f} ms beside {args.held:,}: "
                    f"{ratios[-1]:.2f}; the switch {(memory - before) / MIB:+.0f} MiB; "
                    f"{beside.total('answered'):,} of {beside.total('echoes'):,} ECHOs answered by the end"
                )
    print("\n".join(circumstances()))
    print(
        f"p99 of {TERMINALS} at {args.rate:.0f}/s beside {args.held:,} held ÷ alone: {median(ratios):.2f} "
        f"(median of {len(ratios)}: {', '.join(f'{one:.2f}' for one in ratios)}); at most {TARGET:.0f} wanted"
    )
    return Exit.OK if median(ratios) <= TARGET else Exit.MISSED


if __name__ == "__main__":
    options = parse()
    sys.exit(run(lambda stop: measure(options, stop)))

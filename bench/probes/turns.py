"""How late a process wakes that has little to do, beside others that stand behind it for the processor.

    .venv/bin/python -m bench.probes.turns

A waker sleeps a millisecond and works a fifth of one, over and over, as a worker between two batches; busy
processes take bursts of 2 to 20 ms, as pages do. Kinds of windows, in turn: with nobody; with busy processes
of a lower nice value alone; with slices and all that the product asks for (`switch.process.priority`).

Owns the method. Status 1: the slices did not halve the p99 of the lateness that nice values leave.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Final

import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.local_switch import say
from switch.process.priority import LONGEST_NS, SHORTEST_NS, add_nice, put_behind, set_slice, slice_ns

NICE: Final = 10
SLEEP_S: Final = 0.001
WORK_S: Final = 0.0002
BURSTS_S: Final = (0.002, 0.02)
TARGET: Final = 0.5
ALONE, BY_NICE, BY_SLICE = "nobody else", "by nice values alone", "by slices as well"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m bench.probes.turns", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="windows of each kind (5)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window (5)")
    parser.add_argument("--busy", type=int, default=3, help="processes that stand behind (3)")
    parser.add_argument("--be-busy", type=int, metavar="SLICE", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def be_busy(usual_ns: int) -> None:
    """Stand behind and take bursts, until killed; with the usual slice if it is named."""
    if usual_ns:
        add_nice(NICE)
    else:
        put_behind(NICE)
    draw = random.Random(usual_ns)
    while True:
        until = time.thread_time() + draw.uniform(*BURSTS_S)
        while time.thread_time() < until:
            pass
        time.sleep(draw.uniform(*BURSTS_S))


@contextmanager
def _busy(usual_ns: int) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.probes.turns", "--be-busy", str(usual_ns)]
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            yield
        finally:
            process.kill()


def lateness_ms(seconds: float) -> float:
    """The p99 of how late this process woke, for so long, in milliseconds. Blocking."""
    late: list[float] = []
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        time.sleep(SLEEP_S)
        late.append(time.monotonic() - now - SLEEP_S)
        until = time.thread_time() + WORK_S
        while time.thread_time() < until:
            pass
    late.sort()
    return late[len(late) * 99 // 100] * 1_000


def measure(options: argparse.Namespace) -> int:
    """Measure each kind in turn; tell the medians."""
    usual_ns = slice_ns()
    kinds = {ALONE: (usual_ns, None), BY_NICE: (usual_ns, usual_ns), BY_SLICE: (SHORTEST_NS, 0)}
    found: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(options.rounds):
        for kind, (own_ns, others_ns) in kinds.items():
            set_slice(own_ns)
            with ExitStack() as stack:
                for _ in range(0 if others_ns is None else options.busy):
                    stack.enter_context(_busy(others_ns or 0))
                time.sleep(1)  # Python starts
                found[kind].append(lateness_ms(options.seconds))
    for line in circumstances():
        say(line)
    short, long = SHORTEST_NS / 1e6, LONGEST_NS / 1e6
    say(f"slices: usual {usual_ns / 1e6:g} ms, the waker's {short:g}, of who stands behind {long:g}")
    for kind, each in found.items():
        say(f"p99 of the lateness, {kind}: {median(each):.2f} ms ({min(each):.2f} to {max(each):.2f})")
    ratio = median(found[BY_SLICE]) / median(found[BY_NICE])
    verdict = "met" if ratio <= TARGET else "MISSED"
    say(f"target: slices ÷ nice values alone <= {TARGET:g}: {verdict} with {ratio:.2f}")
    return Exit.OK if ratio <= TARGET else Exit.MISSED


async def main(options: argparse.Namespace, _stop: trio.Event) -> int:
    """As a command."""
    return await trio.to_thread.run_sync(measure, options, abandon_on_cancel=True)


if __name__ == "__main__":
    _options = parse()
    if _options.be_busy is not None:
        be_busy(_options.be_busy)
    sys.exit(run(lambda stop: main(_options, stop)))

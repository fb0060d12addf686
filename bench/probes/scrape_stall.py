"""How long a scrape holds the event loop of a worker under full load, and how late everything else is by it.

    .venv/bin/python -m bench.probes.scrape_stall

One worker is driven with as much as it takes (300 terminals, the next request on each answer), in windows
with scrapes and without, in turn. Scraped is both formats every `--every` seconds, as by two Prometheuses.
What is told is the worker's own: how long each page held the loop (`cityswitch_page_duration_seconds`) and
how late the loop's ticks were (`cityswitch_event_loop_stall_seconds`), over the windows of each kind.

Owns the method. Must not know how a page is made. A status of 1 means that a page held the loop for 50 ms.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.local_switch import STATE, say
from bench.pages import PageError, fetch
from bench.throughput.driver import Timing
from bench.throughput.lanes import ClosedLane
from bench.throughput.stage import open_stage, servers

TARGET_S: Final = 0.05
SERVER: Final = "switch 1"
TERMINALS: Final = 300
PARTNERS: Final = 300
WARM_UP_S: Final = 2.0
PAGE: Final = "cityswitch_page_duration_seconds"
STALL: Final = "cityswitch_event_loop_stall_seconds"
TEXT: Final = "text/plain"
PROTOBUF: Final = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.scrape_stall", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--windows", type=int, default=3, help="of each kind (3)")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of a window (15)")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two scrapes (1)")
    parser.add_argument("--cards", type=int, default=50_000, help="cards of the city (50000)")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"state directory ({STATE})")
    return parser.parse_args(arguments)


class Held:
    """What the worker said of a kind of window: counts by the upper bound of their bucket, and rates."""

    def __init__(self) -> None:
        self.pages: Counter[float] = Counter()
        self.stalls: Counter[float] = Counter()
        self.rates: list[float] = []

    def add(self, before: str, after: str, rate: float) -> None:
        """Add a window, from the pages scraped at its ends."""
        self.pages += buckets(after, PAGE) - buckets(before, PAGE)
        self.stalls += buckets(after, STALL) - buckets(before, STALL)
        self.rates.append(rate)


def buckets(page: str, name: str) -> Counter[float]:
    """Return how many values lie in each classic bucket of a distribution, by its upper bound."""
    found = re.findall(rf'^{name}_bucket{{le="(\S+)"}} (\S+)$', page, re.MULTILINE)
    counts, below = Counter[float](), 0
    for bound, reached in found:
        counts[float(bound.replace("+Inf", "inf"))] = int(float(reached)) - below
        below = int(float(reached))
    return counts


async def scrape(url: str, every_s: float) -> None:
    """Ask for both formats for ever."""
    while True:
        for accept in (TEXT, PROTOBUF):
            await trio.to_thread.run_sync(fetch, url, "/metrics", accept)
        await trio.sleep(every_s)


async def page_of(url: str) -> str:
    """Return the text format."""
    return (await trio.to_thread.run_sync(fetch, url, "/metrics", TEXT))[1].decode()


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run all windows and print what was seen; return the exit status."""
    if options.windows < 1 or min(options.seconds, options.every) <= 0:
        raise CannotRun("--windows, --seconds and --every must be above 0")
    held = {"with scrapes": Held(), "without": Held()}
    lane = ClosedLane(SERVER, TERMINALS, 1)
    timing = Timing(WARM_UP_S, options.seconds)
    async with open_stage(options.state_dir, options.cards, PARTNERS) as stage, servers(stage, [SERVER]):
        (url,) = stage.servers[SERVER].http
        try:
            for window in range(2 * options.windows):
                if stop.is_set():
                    return Exit.INTERRUPTED
                kind = list(held)[window % 2]
                say(f"window {window + 1} of {2 * options.windows}, {kind}")
                before = await page_of(url)
                async with trio.open_nursery() as beside:
                    if kind == "with scrapes":
                        beside.start_soon(scrape, url, options.every)
                    sample = await lane.measure(stage, timing)
                    beside.cancel_scope.cancel()
                held[kind].add(before, await page_of(url), sample.rate_per_s)
        except PageError as error:
            raise CannotRun(str(error)) from None
        size = len(await page_of(url))
    return report(held, size, options)


def report(held: dict[str, Held], size: int, options: argparse.Namespace) -> int:
    """Print what was seen; return the exit status."""
    print(
        "\n".join(
            [*circumstances(), f"settings: one worker, {TERMINALS} terminals × 1, {options.cards} cards"]
        )
    )
    print(f"a page of {size} bytes, both formats every {options.every:g} s\n")
    for kind, seen in held.items():
        rates = ", ".join(f"{rate:,.0f}" for rate in seen.rates)
        print(f"{kind}: {rates} transactions/s")
        for name, counts in (
            ("pages held the loop", seen.pages),
            ("ticks of the loop were late", seen.stalls),
        ):
            rows = ", ".join(f"{count} ≤ {1_000 * bound:g} ms" for bound, count in sorted(counts.items()))
            print(f"  {name}: {rows or 'none'}")
    slow = sum(count for bound, count in held["with scrapes"].pages.items() if bound > TARGET_S)
    print(
        f"\ntarget: no page holds the loop for {1_000 * TARGET_S:g} ms: {f'MISSED {slow}' if slow else 'met'}"
    )
    return Exit.MISSED if slow else Exit.OK


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(partial(measure, _options)))

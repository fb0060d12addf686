"""The overview as a picture, of a real switch under load: what README shows.

    python -m ops.monitoring.overview_picture [--seconds 90] [--out docs/pictures/overview.svg]

Brings everything of its own: Postgres and city (in `var/overview`, kept), a switch with two workers, a
Prometheus, and terminals of which half come for a rush in the middle. Owns the run. Must not know how a
dashboard is drawn (`picture`). Invariant: when it ends, no process is left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.local_switch import LocalSwitch, local_switch, say
from ops.monitoring.dashboards.overview import OVERVIEW
from ops.monitoring.picture import LABEL, ask, draw_dashboard
from ops.monitoring.prometheus import Prometheus, PrometheusError, PrometheusMissing, prometheus
from simulators.city.population import Population
from simulators.city.trade import MIXES
from simulators.fleet.fleet import OnProgress
from simulators.fleet.process import run_fleet_processes
from simulators.fleet.report import FleetPlan, Progress

STATE: Final = Path("var/overview")
OUT: Final = Path("docs/pictures/overview.svg")
SECONDS: Final = 90.0
WORKERS: Final = 2
CITY: Final = Population("overview", cards=5_000, partners=60)
STEADY_PER_S: Final = 60.0
"""What the first half of the terminals ask for all the time."""
RUSH_PER_S: Final = 150.0
"""What the second half ask for, who are there for the middle third only."""
WINDOW_S: Final = 5.0
STEP_S: Final = 1.0


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m ops.monitoring.overview_picture", description=LABEL)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long it trades ({SECONDS:g})")
    parser.add_argument("--out", type=Path, default=OUT, help=f"the picture ({OUT})")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"Postgres and city ({STATE})")
    return parser.parse_args(arguments)


async def picture(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run, ask, draw; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="cityswitch-overview-") as name:
        directory = Path(name)
        facts = circumstances()
        try:
            async with (
                local_switch(options.state_dir, CITY, workers=WORKERS) as switch,
                prometheus(switch.http, directory / "prometheus", scrape_s=STEP_S) as found,
            ):
                await found.wait_scraped(WORKERS)
                start_s = time.time()
                end_s = await _trade(switch, directory, options.seconds, stop)
                if stop.is_set():
                    return Exit.INTERRUPTED
                drawn = await _draw(found, start_s, end_s, facts)
        except (PrometheusError, PrometheusMissing) as error:
            raise CannotRun(str(error)) from None
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(drawn, encoding="utf-8")
    say(f"{options.out}: {len(drawn.encode()) // 1024} KiB, {LABEL}")
    return Exit.OK


async def _trade(switch: LocalSwitch, directory: Path, seconds: float, stop: trio.Event) -> float:
    """Trade for so long; return the last moment (Unix time) at which the terminals were seen at it."""
    half = CITY.terminals // 2
    traded_at_s = time.time()

    def progressed(progress: Progress) -> None:
        nonlocal traded_at_s
        if progress.phase == "trading":
            traded_at_s = time.time()

    async def trade(first: int, rate_per_s: float, duration_s: float, on_progress: OnProgress) -> None:
        say(f"{half} terminals, {rate_per_s:g} requests a second for {duration_s:g} s")
        plan = FleetPlan(
            seed=CITY.seed,
            address=f"{switch.host}:{switch.port}",
            state_dir=str(directory / f"fleet-{first}"),
            cards=CITY.cards,
            partners=CITY.partners,
            terminal_first=first,
            terminals=half,
            rate_per_s=rate_per_s,
            duration_s=duration_s,
            mix=MIXES["czestochowa"],
            audited=False,
        )
        report = await run_fleet_processes(plan, stop=stop, on_progress=on_progress)
        if report.unexpected:
            raise CannotRun(f"replies that were not expected: {report.unexpected_examples}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trade, 0, STEADY_PER_S, seconds, progressed)
        with trio.move_on_after(seconds / 3):
            await stop.wait()
        if not stop.is_set():
            nursery.start_soon(trade, half, RUSH_PER_S, seconds / 3, lambda progress: None)
    return traded_at_s


async def _draw(found: Prometheus, start_s: float, end_s: float, circumstances_then: Sequence[str]) -> str:
    answers = await ask(OVERVIEW, found, start_s, end_s, window_s=WINDOW_S, step_s=STEP_S)
    half = CITY.terminals // 2
    load = (
        f"{half} terminals at {STEADY_PER_S:g} requests a second,"
        f" {half} more at {RUSH_PER_S:g} in the middle third"
    )
    watch = f"scraped every {STEP_S:g} s, rates over {WINDOW_S:g} s"
    settings = f"{WORKERS} workers, {CITY.cards:,} cards; {load}; {watch}"
    return draw_dashboard(OVERVIEW, answers, start_s, end_s, [settings, *circumstances_then])


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    options = parse()
    return run(lambda stop: picture(options, stop))


if __name__ == "__main__":
    sys.exit(main())

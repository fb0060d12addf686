"""What the city's figures cost Postgres: each query's time, pages and plan, with a short and a long journal.

    .venv/bin/python -m bench.probes.figure_prices --plans

A city of a million cards and 20,000 terminals, made data in the journal. Each query of `ledger.books.gauges`,
and a window of the light proof, is run as the service runs it, warm, and the best of some runs is told; then
the journal grows, and it is all told again. "units, not rolled up" reads as many postings as it may.

Owns the method. Must not know what a figure means. A status of 1 means that one took longer than its limit.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import trio

from bench.circumstances import circumstances
from bench.command import Exit, run
from bench.local_switch import STATE
from bench.throughput.growth_data import fill_cards, fill_journal, fill_terminals
from bench.throughput.stage import Stage, open_stage
from ledger.books.gauges import GAUGES, LIMIT_MS, read_gauge
from ledger.books.rollup import roll_up
from ledger.books.verify_window import Window, verify_window
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.secrets import MasterKey
from switch.clock import clock_ms

CARDS: Final = 50_000
PARTNERS: Final = 300
ROLL_UP_S_MAX: Final = 600.0
PROOF: Final = "a window of the light proof"
TAIL: Final = "units, not rolled up"
PAGES: Final = re.compile(r"shared hit=(\d+)(?: read=(\d+))?")


class Price(NamedTuple):
    """Of one query: the best of its times, and the pages of 8 KiB it touched (0: not told)."""

    ms: float
    pages: int
    plan: str = ""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.figure_prices", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--cards", type=int, default=1_000_000, help="cards of the city (1000000)")
    parser.add_argument("--terminals", type=int, default=20_000, help="terminals beside the 300 (20000)")
    parser.add_argument("--journals", type=int, nargs="+", default=[500_000, 3_000_000], help="rows, growing")
    parser.add_argument("--runs", type=int, default=3, help="of each query (3)")
    parser.add_argument("--plans", action="store_true", help="print each plan, of the longest journal")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"state directory ({STATE})")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Measure at every length of the journal and print it; return the exit status."""
    prices: dict[str, dict[int, Price]] = {}
    async with open_stage(options.state_dir, CARDS, PARTNERS) as stage:
        dsn = stage.postgres.owner_dsn
        await fill_cards(dsn, CARDS, options.cards)
        master = MasterKey.load(stage.master_key_path)
        await fill_terminals(dsn, master, stage.population, options.terminals)
        made = 0
        for rows in options.journals:
            if stop.is_set():
                return Exit.INTERRUPTED
            await fill_journal(dsn, stage.population, made, rows)
            made = rows
            for name, price in (await _prices(stage, options.runs)).items():
                prices.setdefault(name, {})[rows] = price
    return report(prices, options)


async def _prices(stage: Stage, runs: int) -> dict[str, Price]:
    found: dict[str, Price] = {}
    async with open_database(stage.postgres.service_dsn, application_name="cityswitch bench") as service:
        found[TAIL] = await _price(service, "units", runs)
        await service.run(lambda c: roll_up(c, clock_ms()), timeout_s=ROLL_UP_S_MAX)
        for name in GAUGES:
            found[name] = await _price(service, name, runs)
        found[PROOF] = Price(await _best_ms(service, runs, _look), 0)
    return found


async def _look(connection: Connection) -> None:
    await verify_window(connection, Window())


async def _price(service: Database, name: str, runs: int) -> Price:
    async def read(connection: Connection) -> None:
        await read_gauge(connection, name)

    best_ms = await _best_ms(service, runs, read)
    rows = await service.run(lambda c: c.fetch(f"explain (analyze, buffers) {GAUGES[name]}"))
    plan = [row[0] for row in rows]
    counted = next((hit for line in plan if (hit := PAGES.search(line))), None)
    return Price(best_ms, sum(int(n or 0) for n in counted.groups()) if counted else 0, "\n".join(plan))


async def _best_ms(service: Database, runs: int, read: Callable[[Connection], Awaitable[None]]) -> float:
    best_s = float("inf")
    for _ in range(runs):
        began_s = time.perf_counter()
        await service.run(read)
        best_s = min(best_s, time.perf_counter() - began_s)
    return 1_000 * best_s


def report(prices: dict[str, dict[int, Price]], options: argparse.Namespace) -> int:
    """Print the table, and the plans if asked for; return the exit status."""
    print(
        "\n".join(
            [*circumstances(), f"settings: {options.cards:,} cards, {options.terminals:,} terminals", ""]
        )
    )
    heads = [f"{rows:,} rows" for rows in options.journals]
    print("| figure | " + " | ".join(f"{head}: ms | pages" for head in heads) + " |")
    print("| --- |" + " ---: | ---: |" * len(heads))
    for name, by_rows in prices.items():
        cells = [f"{by_rows[rows].ms:.1f} | {by_rows[rows].pages or ''}" for rows in options.journals]
        print(f"| {name} | " + " | ".join(cells) + " |")
    if options.plans:
        for name, by_rows in prices.items():
            print(f"\n{name}:\n{by_rows[options.journals[-1]].plan}")
    slow = [name for name, by_rows in prices.items() if max(p.ms for p in by_rows.values()) > LIMIT_MS]
    print(f"\nlimit: each within {LIMIT_MS} ms: {'MISSED ' + ', '.join(slow) if slow else 'met'}")
    return Exit.MISSED if slow else Exit.OK


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(partial(measure, _options)))

"""Bytes a transaction takes of disk and log, for the capacity page: `python -m ops.deploy.measure_bytes`.

Owns the measuring. Must not know what is in a row. Three cities' terminals trade with a switch of their own
on an embedded Postgres; what the books and the log grew by is divided by the rows of the journal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec
import trio

from bench.circumstances import ROOT
from bench.paired.checkout import present
from ledger.postgres.database import open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.server_facts import Sizes, read_sizes
from ops.deploy.upgrade_drill import Side, free_port
from simulators.city.example import CITIES, City
from simulators.city.trade import MIXES
from simulators.fleet.fleet import run_fleet
from simulators.fleet.report import FleetPlan

COUNT_S_MAX: Final = 600.0


class Measured(msgspec.Struct, kw_only=True):
    """What one city's trade took, per row of the journal."""

    city: str
    commit: str
    journal_rows: int
    postings_a_row: float
    books_bytes_a_row: float
    wal_bytes_a_row: float


def plan_of(here: Path, port: int, city: City, transactions: int) -> FleetPlan:
    """Return what a city's terminals do: so many transactions in all, as fast as they go, no line cut."""
    population = city.population
    return FleetPlan(
        seed=population.seed,
        programme=population.programme,
        mix=MIXES[city.code],
        address=f"127.0.0.1:{port}",
        state_dir=str(here / f"fleet-{city.code}"),
        cards=city.fleet_cards,
        partners=population.partners,
        population_terminals=population.terminals,
        terminals=city.fleet_terminals,
        duration_s=3_600.0,
        transactions_max=transactions // city.fleet_terminals,
        cut_off_share=0.0,
    )


async def measure(transactions: int) -> list[Measured]:
    """Let each city trade in turn and return what it took."""
    with tempfile.TemporaryDirectory(prefix="cityswitch-bytes-") as folder:
        here, port = Path(folder), free_port()
        async with embedded_postgres(here / "postgres") as server:
            side = Side(ROOT, server.owner_dsn, server.service_dsn, here / "master.key")
            await side.run("init")
            for city in CITIES:
                await side.run("programmes", "apply", f"switch/rules/programmes/{city.code}.toml")
            await side.run("simulate", "city")
            found = []
            for city in CITIES:
                before = await sizes(server.owner_dsn)
                async with side.serving(here / city.code, port):
                    await run_fleet(plan_of(here, port, city, transactions))
                found.append(compared(city.code, before, await sizes(server.owner_dsn)))
    return found


async def sizes(dsn: str) -> Sizes:
    """Read the sizes, over a connection of its own."""
    async with open_database(dsn, connections_max=1) as database:
        return await database.run(read_sizes, timeout_s=COUNT_S_MAX)


def compared(city: str, before: Sizes, after: Sizes) -> Measured:
    """Return what was added, per row of the journal."""
    rows = after.journal_rows - before.journal_rows
    return Measured(
        city=city,
        commit=present().name,
        journal_rows=rows,
        postings_a_row=round((after.postings - before.postings) / rows, 2),
        books_bytes_a_row=round((after.books_bytes - before.books_bytes) / rows, 1),
        wal_bytes_a_row=round((after.wal_bytes - before.wal_bytes) / rows, 1),
    )


def main() -> int:
    """Read the command line, measure, print JSON."""
    parser = argparse.ArgumentParser(prog="python -m ops.deploy.measure_bytes", description=__doc__)
    parser.add_argument("--transactions", type=int, default=60_000, help="of each city")
    measured = trio.run(measure, parser.parse_args().transactions)
    print(msgspec.json.format(msgspec.json.encode(measured)).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())

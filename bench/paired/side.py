"""One side of a pair: a city, its Postgres and a switch of one worker, out of the checkout it is run in.

    cd CHECKOUT && PYTHONPATH=. python -P side.py        (the file may be another commit's)

Reads one line of JSON (`SideOrder`), prints one (`SideUp`), serves until standard input ends, then leaves
nothing behind. Owns what is asked of an older commit: `open_stage`, `recycle_wal` and `servers` of its own
bench, wherever they stood then, so that its own migrations, seeding and settings are used. Must not import
anything that is not in both commits.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import trio

SWITCH = "switch 1"
STAGES = ("bench.throughput.stage", "bench.stage")
FILLS = ("bench.throughput.growth_data",)
GENERATORS = ("bench.throughput.generator_process", "bench.generator_process")
PACKAGES = ("bench", "ledger", "protocol", "simulators", "switch")


def first_of(names: tuple[str, ...]) -> ModuleType:
    """Import the first of these modules that this commit has."""
    for name in names:
        if Path(*name.split(".")).with_suffix(".py").exists():
            return importlib.import_module(name)
    raise SystemExit(f"bench: {os.getcwd()} has none of {', '.join(names)}: too old to be measured")


def check_origin() -> None:
    """End if a package comes from elsewhere than this checkout: then the wrong commit would be measured."""
    here = Path.cwd().resolve()
    for name in PACKAGES:
        where = importlib.import_module(name).__file__
        if where is None or not Path(where).resolve().is_relative_to(here):
            raise SystemExit(f"bench: package {name} comes from {where}, not from {here}")


async def serve(order: dict[str, Any]) -> None:
    """Make the city, start the switch, say so, stay until standard input ends."""
    stages = first_of(STAGES)
    async with stages.open_stage(Path(order["directory"]), order["cards"], order["partners"]) as stage:
        if order["wal_mib"]:
            fills = stages if hasattr(stages, "recycle_wal") else first_of(FILLS)
            await fills.recycle_wal(stage.owner, order["wal_mib"])
        async with stages.servers(stage, [SWITCH]):
            server = stage.servers[SWITCH]
            up = {
                "port": server.port,
                "pids": server.pids,
                "http": server.http,
                "postgres": stage.postgres.pid,
                "seed": stage.population.seed,
                "generator": first_of(GENERATORS).__name__,
            }
            print(json.dumps(up), flush=True)
            async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
                while await stream.receive_some(64):
                    pass


if __name__ == "__main__":
    check_origin()
    trio.run(serve, json.loads(sys.stdin.readline()))

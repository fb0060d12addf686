"""Where the lanes run: one Postgres with the seeded city, and everything that is compared, started on it.

Owns the order of starting and ending. Must not know what is measured. All lanes share one server, one
database and its settings (durable: `fsync` and `synchronous_commit` on), so whatever the data does to one
lane it does to all. Invariants: only loopback is listened on, the data is made anew and removed in the end.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from bench.local_switch import HOST
from bench.throughput.driver import DriverFailed, Server, peer
from bench.throughput.load_order import NaiveOrder
from bench.throughput.processes import family_cpu_s
from bench.throughput.tls_files import tls_settings
from bench.throughput.towns import seed_towns
from ledger.books.statements import card_accounts
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import EmbeddedPostgres, embedded_postgres
from ledger.postgres.migrate import migrate
from ledger.registry.secrets import MasterKey
from simulators.city.example import SEED
from simulators.city.population import Population
from simulators.city.seeding import seed_city
from switch.config import Config
from switch.logs import configure_logs
from switch.process.supervisor import SwitchFailed, serving

SETTINGS: Final = {
    "max_connections": "200",
    "fsync": "on",
    "synchronous_commit": "on",
    "min_wal_size": "5GB",
    "max_wal_size": "12GB",
}
"""Over the embedded server's own; room for the peers' connections, and files of the WAL are used again."""
READY_S_MAX: Final = 120.0
STANS_PER_RUN: Final = 1_000_000
"""Each run of a driver gets STANs of its own, for no id may be used twice."""
CONCENTRATED: Final = 300
"""What one connection has in flight where a whole city's tills come over it."""
CROWDED: Final = 200
"""What one connection has in flight where twenty bring 4,000 requests of one card."""
NAIVE_POOL: Final = 10
"""The default of asyncpg."""


class Stage:
    """A running Postgres with a city in it, and the servers started on it so far."""

    def __init__(
        self, directory: Path, postgres: EmbeddedPostgres, population: Population, owner: Database
    ) -> None:
        self.directory = directory
        self.postgres = postgres
        self.population = population
        self.owner = owner
        self.servers: dict[str, Server] = {}
        self.accounts: list[int] = []
        self._runs = 0

    @property
    def master_key_path(self) -> Path:
        """Where the keys of this city rest."""
        return self.directory / "master.key"

    def next_stans(self) -> int:
        """Return the first STAN of a fresh range."""
        self._runs += 1
        return self._runs * STANS_PER_RUN

    def postgres_clock(self) -> float:
        """Return the CPU seconds of all of Postgres: backends, WAL writer, checkpointer, vacuum."""
        return family_cpu_s(self.postgres.pid)

    def config(self, **changes: object) -> Config:
        """Return the settings of a switch on this stage, on free ports."""
        settings = {
            "state_dir": str(self.directory),
            "dsn": self.postgres.service_dsn,
            "listen_host": HOST,
            "listen_port": 0,
            "http_host": HOST,
            "http_port": 0,
            "log_level": "warning",
        }
        return msgspec.convert({**settings, **changes}, Config)


@asynccontextmanager
async def open_stage(
    parent: Path, cards: int, partners: int, terminals: int = 0, *, has_towns: bool = False
) -> AsyncIterator[Stage]:
    """Make a city in a fresh directory below `parent`; both are gone when the block is left.

    `terminals`: as `Population` has it, one for each partner unless told otherwise. `has_towns`: two more
    cities beside it, and an offer of every partner (`towns`).
    """
    configure_logs("warning")
    os.makedirs(parent, exist_ok=True)
    population = Population(SEED, cards, partners, terminals)
    with tempfile.TemporaryDirectory(prefix="throughput-", dir=parent) as name:
        directory = Path(name)
        async with embedded_postgres(directory / "postgres", settings=SETTINGS) as postgres:
            await migrate(postgres.owner_dsn)
            async with open_database(postgres.owner_dsn, application_name="cityswitch bench") as owner:
                stage = Stage(directory, postgres, population, owner)
                master = MasterKey.create(stage.master_key_path)
                await seed_city(owner, population, master)
                if has_towns:
                    await seed_towns(owner, population, master)
                stage.accounts = await owner.run(card_accounts)
                yield stage


@asynccontextmanager
async def servers(stage: Stage, wanted: Sequence[str]) -> AsyncIterator[None]:
    """Run the named servers on the stage: `echo_trio`, `echo_asyncio`, `naive`, `switch 1`, `switch 2`, …

    The number of a switch is that of its workers. A `concentrator` is a switch that takes `CONCENTRATED`
    requests in flight on one connection, a `crowd` takes `CROWDED`, and `tls` speaks TLS.
    """
    async with AsyncExitStack() as stack:
        for name in wanted:
            kind, _, workers = name.partition(" ")
            if kind in ("switch", "concentrator", "crowd", "tls"):
                config = stage.config(workers=int(workers), **_settings_of(kind, stage.directory))
                running = await stack.enter_async_context(switch(config))
            elif kind == "naive":
                order = NaiveOrder(
                    dsn=stage.postgres.service_dsn,
                    master_key_file=str(stage.master_key_path),
                    pool=NAIVE_POOL,
                )
                running = await stack.enter_async_context(peer("bench.peers.naive", order))
            else:
                running = await stack.enter_async_context(peer(f"bench.peers.{kind}"))
            stage.servers[name] = running
        yield


def _settings_of(kind: str, directory: Path) -> dict[str, object]:
    match kind:
        case "concentrator":
            return {"in_flight_per_connection_max": CONCENTRATED}
        case "crowd":
            return {"in_flight_per_connection_max": CROWDED}
        case "tls":
            return {**tls_settings(directory)}
        case _:
            return {}


@asynccontextmanager
async def switch(config: Config) -> AsyncIterator[Server]:
    """Run a switch until the block is left, then drain it. Raises `DriverFailed`."""
    try:
        async with serving(config, ready_s_max=READY_S_MAX) as running:
            yield Server(running.port, running.pids, tuple(running.http))
    except SwitchFailed as error:
        raise DriverFailed(str(error)) from None

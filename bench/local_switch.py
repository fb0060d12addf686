"""A switch of our own on this machine for as long as a block lasts: Postgres, keys, a seeded city, workers.

Owns the order of these steps and their undoing. Must not know what is measured. The data stays in the state
directory, so a second run finds its city there. Invariants: only loopback is listened on; when the block is
left, for whatever reason, no process is; a lost master key is never replaced while the registry needs the old
one.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from ledger.errors import LedgerError
from ledger.postgres.database import open_database
from ledger.postgres.embedded import EmbeddedPostgres, embedded_postgres
from ledger.registry.secrets import MasterKey
from simulators.city.population import Population
from simulators.city.seeding import SeedConflict, seed_city
from switch.config import Config
from switch.logs import configure_logs
from switch.process.installation import prepare
from switch.process.supervisor import SwitchFailed, serving
from switch.wire.listener import PortInUse

STATE: Final = Path("var/bench")
"""Beside the state of `cityswitch demo`, which may be running."""
HOST: Final = "127.0.0.1"


class LocalSwitchError(Exception):
    """No switch could be had here; one line with cause and cure."""


class SeededBooks(NamedTuple):
    """A running Postgres that holds the seeded city, and the key to it."""

    postgres: EmbeddedPostgres
    master_key: MasterKey
    config: Config
    """Settings of a switch on these books; any free ports."""


class LocalSwitch(NamedTuple):
    """A running switch: its books, and where it listens."""

    books: SeededBooks
    host: str
    port: int
    http: list[str]
    """Base URL of each worker's /metrics and /readyz, by worker."""


def say(text: str) -> None:
    """Tell the person at the terminal how far things are."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


@asynccontextmanager
async def seeded_books(state: Path, population: Population) -> AsyncIterator[SeededBooks]:
    """Run the embedded Postgres of `state` with `population` in it. Raises `LocalSwitchError`."""
    config = _config(state)
    try:
        async with embedded_postgres(config.state_path / "postgres") as postgres:
            master = await _prepare(config, postgres.owner_dsn, population)
            yield SeededBooks(postgres, master, _with(config, dsn=postgres.service_dsn))
    except (LedgerError, SeedConflict) as error:
        raise LocalSwitchError(f"{error} (state directory: {state})") from None


async def _prepare(config: Config, owner_dsn: str, population: Population) -> MasterKey:
    master = (await prepare(config, owner_dsn)).master_key
    async with open_database(owner_dsn, connections_max=1, application_name="cityswitch bench") as owner:
        report = await seed_city(owner, population, master)
    if report.cards:
        say(f"seeded {report.cards} cards, {report.partners} partners, {report.terminals} terminals")
    return master


@asynccontextmanager
async def local_switch(
    state: Path, population: Population, *, workers: int, port: int = 0
) -> AsyncIterator[LocalSwitch]:
    """Run a switch with `workers` processes on the books of `state`. Raises `LocalSwitchError`.

    Port 0: any free one. Leaving the block drains the switch, then stops Postgres.
    """
    configure_logs("warning")
    async with seeded_books(state, population) as books:
        config = _with(books.config, workers=workers, listen_port=port, log_level="warning")
        try:
            async with serving(config) as switch:
                yield LocalSwitch(books, switch.host, switch.port, [_url(name) for name in switch.http])
        except (PortInUse, SwitchFailed) as error:
            raise LocalSwitchError(f"{error} (its log lines are above)") from None


def _config(state: Path) -> Config:
    return Config(
        state_dir=str(state.absolute()), listen_host=HOST, listen_port=0, http_host=HOST, http_port=0
    )


def _with(config: Config, **changes: object) -> Config:
    """Return the settings with changes, checked like any others."""
    return msgspec.convert({**msgspec.structs.asdict(config), **changes}, Config)


def _url(address: str) -> str:
    return address if address.startswith("http") else f"http://{address}"

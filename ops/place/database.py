"""The database of a place: the one its DSN names, else the embedded one of its state directory.

Owns the way from settings to DSNs, and who may start the embedded server. Must not know what a command does
there. Invariants: a change is only ever made in a database that somebody named, by DSN, settings file or
state directory: without a name there is nothing to fall back to; a look may start the embedded Postgres of a
state directory that is there, and says "development"; only a new installation makes an embedded one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import trio

from ledger.errors import EmbeddedFault, EmbeddedPostgresError
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import DATABASE, OWNER, SERVICE, embedded_postgres
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import change_begins, say, work_is_done
from ops.place.options import Place
from switch.config import Config

READY_S_MAX: Final = 15.0
POLL_S: Final = 0.05


class Purpose(Enum):
    """What a command wants of the database, which decides how far it may go to have one."""

    LOOK = auto()
    """Read: the embedded server of the default state directory will do, if there is one."""
    CHANGE = auto()
    """Write: only what was named."""
    MAKE = auto()
    """Begin an installation: make the embedded one where no DSN is given."""


class Dsns(NamedTuple):
    """How to reach one database: as its owner (registry, migrations) and as the service (the switch)."""

    owner: str
    service: str
    is_embedded: bool


@asynccontextmanager
async def database_server(
    place: Place, config: Config, purpose: Purpose, *, tell: Callable[[str], None] = say
) -> AsyncIterator[Dsns]:
    """Yield the DSNs of the database that `place` and `config` mean, starting the embedded server if need be.

    `tell` gets the notice that it is started. Raises `CommandError` or a `LedgerError`.
    """
    if owner := place.dsn or config.owner_dsn or config.dsn:
        yield Dsns(owner, config.dsn or owner, is_embedded=False)
        return
    if purpose is Purpose.CHANGE and not place.is_named:
        raise CommandError(
            Exit.CONFIGURATION,
            "no database is named, and a change is never made in one that was not.",
            f"Give --dsn or --config, or --state-dir {config.state_dir} for the embedded one of a demo.",
        )
    directory = config.state_path / "postgres"
    if purpose is not Purpose.MAKE and not (directory / "data").exists():
        raise CommandError(
            Exit.STATE,
            f"{config.state_path} holds no database yet.",
            "Run `cityswitch demo` or `cityswitch init`, or name another place with --state-dir or --dsn.",
        )
    async with AsyncExitStack() as stack:
        try:
            server = await stack.enter_async_context(embedded_postgres(directory))
        except EmbeddedPostgresError as error:
            if error.fault is not EmbeddedFault.IN_USE:
                raise
            yield await running_server(directory, error)
        else:
            tell(f"started the embedded Postgres of {config.state_dir} (development)")
            yield Dsns(server.owner_dsn, server.service_dsn, is_embedded=True)


async def running_server(directory: Path, in_use: EmbeddedPostgresError) -> Dsns:
    """Return the DSNs of the embedded server that another process runs in `directory`, when it is ready.

    Postgres writes the socket's directory and its state into lines 5 and 8 of postmaster.pid. Raises
    `in_use`.
    """
    with trio.move_on_after(READY_S_MAX):
        while True:
            try:
                lines = (directory / "data" / "postmaster.pid").read_text().splitlines()
            except OSError:
                lines = []
            if len(lines) >= 8 and lines[7].strip() == "ready":
                owner, service = (
                    f"postgresql://{role}@/{DATABASE}?host={quote(lines[4].strip())}"
                    for role in (OWNER, SERVICE)
                )
                return Dsns(owner, service, is_embedded=True)
            await trio.sleep(POLL_S)
    raise in_use


@asynccontextmanager
async def looking(place: Place) -> AsyncIterator[Database]:
    """Yield the database of `place`, as its owner, for a look.

    Raises what `database_server` raises, and `ConfigError`.
    """
    async with _opened(place, Purpose.LOOK) as database:
        yield database


@asynccontextmanager
async def changing(place: Place) -> AsyncIterator[Database]:
    """Yield the database of `place`, as its owner, for a change.

    When the block ends without an error the change has been made, whatever becomes of its output. Who stops
    it before is told that it may have been made. Raises as `looking`, and refuses a place that nobody named.
    """
    async with _opened(place, Purpose.CHANGE) as database:
        change_begins()
        yield database
    work_is_done()


@asynccontextmanager
async def _opened(place: Place, purpose: Purpose) -> AsyncIterator[Database]:
    async with (
        database_server(place, place.settings(), purpose) as dsns,
        open_database(dsns.owner, connections_max=1, application_name="cityswitch command") as database,
    ):
        yield database

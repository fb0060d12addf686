"""The database of a place: the one its DSN names, else the embedded one of its state directory.

Owns the way from settings to DSNs. Must not know what a command does there. Invariants: without a DSN the
embedded Postgres of the state directory is used: the running one if a demo or a switch holds it, else one
started for as long as the command lasts, and it says "development".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import trio

from ledger.errors import EmbeddedFault, EmbeddedPostgresError
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import DATABASE, OWNER, SERVICE, embedded_postgres
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import say
from ops.place.options import Place
from switch.config import Config

READY_S_MAX: Final = 15.0
POLL_S: Final = 0.05


class Dsns(NamedTuple):
    """How to reach one database: as its owner (registry, migrations) and as the service (the switch)."""

    owner: str
    service: str
    is_embedded: bool


@asynccontextmanager
async def database_server(
    place: Place, config: Config, *, create: bool = False, tell: Callable[[str], None] = say
) -> AsyncIterator[Dsns]:
    """Yield the DSNs of the database that `place` and `config` mean, starting the embedded server if need be.

    With `create` an embedded server is made where there is none; `tell` gets the notice that it is started.
    Raises `CommandError` or a `LedgerError`.
    """
    if owner := place.dsn or config.owner_dsn or config.dsn:
        yield Dsns(owner, config.dsn or owner, is_embedded=False)
        return
    directory = config.state_path / "postgres"
    if not create and not (directory / "data").exists():
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
            tell(f"cityswitch: no --dsn: started the embedded Postgres of {config.state_dir} (development)")
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
async def owner_database(place: Place) -> AsyncIterator[Database]:
    """Yield the database of `place`, as its owner. Raises what `database_server` raises, and
    `ConfigError`.
    """
    async with (
        database_server(place, place.settings()) as dsns,
        open_database(dsns.owner, connections_max=1, application_name="cityswitch command") as database,
    ):
        yield database

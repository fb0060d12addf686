"""A sharded ledger for tests: databases of their own on a coordinator and its workers that run already.

CITYSWITCH_TEST_CITUS_DSN is an administrator's DSN of a database at the coordinator that knows the workers
(`citus_add_node`); its servers trust connections of loopback. Elsewhere a test of these is skipped with a
word. With `pytest --on-citus` every fresh database of a test is one of these, in `BUCKETS` buckets spread
over the workers: so the tests of one Postgres say what holds of several. One process at a time.
Owns the databases from creation to removal.
"""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import pytest

from ledger.books.rebucket import change_buckets
from ledger.engine.citus import settle
from ledger.engine.shards import Server, at_server
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import SERVICE
from ledger.postgres.migrate import migrate
from ledger.registry.audit import Actor
from tests import postgres

VARIABLE = "CITYSWITCH_TEST_CITUS_DSN"
BUCKETS = 4
_numbers = itertools.count(1)
_SERVERS = "select nodename, nodeport from pg_dist_node where noderole = 'primary' order by groupid"


class CitusDatabase(NamedTuple):
    """A database at the coordinator and its workers, with no books in it or such as are not settled yet."""

    owner_dsn: str
    service_dsn: str
    coordinator: Server
    workers: list[Server]


def need_citus() -> str:
    """Return the administrator's DSN; skip the test where there is none."""
    dsn = os.environ.get(VARIABLE, "")
    if not dsn:
        pytest.skip(f"{VARIABLE} is not set: there is no Citus to test with")
    return dsn


def _dsn(admin: str, name: str, user: str = "") -> str:
    parts = urlsplit(admin)
    netloc = f"{user}@{parts.netloc.rpartition('@')[2]}" if user else parts.netloc
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{name}"))


async def execute_at(database: Database, server: Server, *statements: str) -> None:
    """Run statements at one of the servers, each by itself."""
    session = database.session(at_server(database.target, server))
    for statement in statements:
        await session.run(lambda c, s=statement: c.execute(s), timeout_s=60)  # type: ignore[misc]
    session.terminate()


async def read_servers(admin: Database) -> list[Server]:
    """The coordinator, and its workers."""
    return [Server(*row) for row in await admin.run(lambda c: c.fetch(_SERVERS))]


async def join_servers(made: Database, servers: list[Server]) -> None:
    """Have databases of one name, one at each of the servers, be one ledger's."""
    for server in servers:
        await execute_at(made, server, "create extension citus")
    await add_servers(made, servers)


async def add_servers(made: Database, servers: list[Server]) -> None:
    """Have the coordinator, where Citus is, know itself and its workers."""
    host, port = servers[0]
    await made.run(lambda c: c.execute(f"select citus_set_coordinator_host('{host}', {port})"))
    for host, port in servers[1:]:
        add = f"select citus_add_node('{host}', {port})"
        await made.run(lambda c, add=add: c.execute(add), timeout_s=60)  # type: ignore[misc]


@asynccontextmanager
async def citus_database(admin_dsn: str) -> AsyncIterator[CitusDatabase]:
    """Make a database at every server for as long as the block lasts, and migrate it at the coordinator."""
    async with empty_databases(admin_dsn) as made:
        async with open_database(made.owner_dsn, connections_max=1) as coordinator:
            await join_servers(coordinator, [made.coordinator, *made.workers])
        await migrate(made.owner_dsn)
        yield made


@asynccontextmanager
async def empty_databases(admin_dsn: str) -> AsyncIterator[CitusDatabase]:
    """Make a database at every server for as long as the block lasts, without Citus in it."""
    name = f"cityswitch_test_{os.getpid()}_{next(_numbers)}"
    owner_dsn = _dsn(admin_dsn, name)
    async with open_database(admin_dsn, connections_max=1, application_name="tests") as admin:
        servers = await read_servers(admin)
        try:
            for server in servers:
                await execute_at(admin, server, f"create database {name} template template0")
            yield CitusDatabase(owner_dsn, _dsn(admin_dsn, name, SERVICE), servers[0], servers[1:])
        finally:
            for server in servers:
                await execute_at(admin, server, f"drop database if exists {name} with (force)")


class CitusServer(postgres.Server):
    """The session's servers: the coordinator's databases and their workers' are made and removed together."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.admin_dsn = need_citus()
        self._servers: list[Server] = []

    async def _everywhere(self, sql: str) -> None:
        self._servers = self._servers or await read_servers(self._admin)
        for server in self._servers:
            await execute_at(self._admin, server, sql)

    async def _found(self, dsn: str) -> None:
        async with open_database(dsn, connections_max=1) as made:
            await join_servers(made, self._servers)
            await migrate(dsn)
            await change_buckets(made, Actor("tests"), BUCKETS, 60)
            await settle(made)
        # Citus' own backends are connected to its databases, and what is connected to is not copied.
        await self._everywhere(f"alter database {postgres.TEMPLATE} allow_connections false")
        await self._everywhere(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            f" where datname = '{postgres.TEMPLATE}'"
        )

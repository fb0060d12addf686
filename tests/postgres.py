"""One Postgres per test session, one fresh migrated database per test.

The server is the project's own embedded one, in a temporary directory, with fsync off: tests check what
is committed, not what survives a power cut. It runs under trio in a thread of its own, so that plain
fixtures of session scope can hold it; the thread lives as long as the session, and the server dies with
the thread. Set CITYSWITCH_TEST_DSN to an administrator's DSN to run against another server (Postgres 15
or newer) instead, its password in PGPASSWORD, for commands refuse a DSN with one; with `--on-citus` the
databases are those of tests/citus.py.

A fresh database is a copy of a template that was migrated once (`create database … template …`).

Fixtures, defined in conftest.py:
  postgres      session: the EmbeddedPostgres (skips where CITYSWITCH_TEST_DSN is set)
  fresh         a FreshDatabase of this test: name, owner_dsn, service_dsn
  ledger_dsn    its owner's DSN; service_dsn: its service's DSN
  owner         an open Database as the owner; database: an open Database as the service
"""

import itertools
import os
import queue
import threading
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import trio

from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import DATABASE, OWNER, SERVICE, EmbeddedPostgres, embedded_postgres
from ledger.postgres.fitness import THROWAWAY
from ledger.postgres.migrate import migrate

TEMPLATE = "cityswitch_template"
_TEST_SETTINGS = {
    **THROWAWAY,
    "max_connections": "100",
    "autovacuum_naptime": "24d",
}


class FreshDatabase(NamedTuple):
    """A migrated, empty database."""

    name: str
    owner_dsn: str
    service_dsn: str


class Server:
    """The session's server and its administrator's connection, driven from plain code."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)
        self._started: queue.Queue[BaseException | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="postgres for tests")
        self.embedded: EmbeddedPostgres | None = None
        self.admin_dsn = os.environ.get("CITYSWITCH_TEST_DSN", "")

    def start(self) -> None:
        self._thread.start()
        error = self._started.get()
        if error is not None:
            self._thread.join()
            raise error

    def stop(self) -> None:
        trio.from_thread.run_sync(self._ended.set, trio_token=self._token)
        self._thread.join()

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:  # handed to the main thread, which raises it
            self._started.put(error)

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._ended = trio.Event()
        if self.admin_dsn:
            await self._serve_database()
            return
        async with embedded_postgres(self._directory, settings=_TEST_SETTINGS) as self.embedded:
            self.admin_dsn = self.embedded.owner_dsn
            await self._serve_database()

    async def _serve_database(self) -> None:
        async with open_database(self.admin_dsn, connections_max=1, application_name="tests") as self._admin:
            for name in (TEMPLATE, f"{TEMPLATE}_empty"):
                await self._everywhere(f"drop database if exists {name}")
            await self._everywhere(f"create database {TEMPLATE} template template0")
            await self._found(self.dsn(TEMPLATE))
            self._started.put(None)
            await self._ended.wait()

    async def _found(self, dsn: str) -> None:
        """Make the template what a test begins with."""
        await migrate(dsn)

    async def _everywhere(self, sql: str) -> None:
        """Run a statement that makes or removes a database, wherever the books of a test lie."""
        await self._execute(sql)

    async def _execute(self, sql: str) -> None:
        await self._admin.run(lambda connection: connection.execute(sql), timeout_s=60)

    def execute(self, sql: str) -> None:
        """Run a statement as administrator, outside of any database of a test."""
        trio.from_thread.run(self._execute, sql, trio_token=self._token)

    def dsn(self, name: str, user: str = "") -> str:
        parts = urlsplit(self.admin_dsn)
        netloc = parts.netloc
        if user:
            netloc = f"{user}@{netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=netloc, path=f"/{name}"))

    def create(self, template: str = TEMPLATE) -> FreshDatabase:
        name = f"cityswitch_test_{os.getpid()}_{next(self._numbers)}"
        trio.from_thread.run(
            self._everywhere,
            f"create database {name} template {template} strategy file_copy",
            trio_token=self._token,
        )
        return FreshDatabase(name, self.dsn(name), self.dsn(name, SERVICE))

    def drop(self, fresh: FreshDatabase) -> None:
        trio.from_thread.run(
            self._everywhere, f"drop database if exists {fresh.name} with (force)", trio_token=self._token
        )


__all__ = ["DATABASE", "OWNER", "SERVICE", "TEMPLATE", "Database", "FreshDatabase", "Server"]

"""What a pooler between the switch and its server may do: nothing, or be found out before the first sale.

Against a real pgbouncer (Debian's package of that name), where there is one.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from random import Random
from typing import cast

import pytest
import trio

from ledger.books.committer import Committer
from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import SERVICE, EmbeddedPostgres
from ledger.postgres.embedded_launcher import NOBODY
from ledger.postgres.pooling import check_sessions
from ledger.postgres.session import Session
from tests.ledger.books import Books
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S
from tests.postgres import FreshDatabase

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
CHILD = Path(sys.modules[EmbeddedPostgres.__module__].__file__ or "").with_name("postgres_child.py")
SETTINGS = """\
[databases]
* = host={server} port=5432
[pgbouncer]
listen_addr =
unix_socket_dir = {directory}
listen_port = 5432
auth_type = trust
auth_file = {directory}/users
pool_mode = {mode}
default_pool_size = {size}
{more}
"""
needs_pgbouncer = pytest.mark.skipif(
    PGBOUNCER is None, reason="pgbouncer is not installed: apt-get install pgbouncer"
)


@asynccontextmanager
async def pgbouncer(
    directory: Path, server: EmbeddedPostgres, *, mode: str, size: int = 20, more: str = ""
) -> AsyncIterator[str]:
    """Run one in front of the server; yields the service's way to it, less the name of the database."""
    (directory / "users").write_text(f'"{SERVICE}" ""\n')
    settings = directory / "pgbouncer.ini"
    settings.write_text(
        SETTINGS.format(server=server.socket_directory, directory=directory, mode=mode, size=size, more=more)
    )
    # It refuses to run as root, as Postgres does, and is started in the same way.
    user = "same" if os.geteuid() else f"map:{NOBODY}"
    wrapper = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), user, str(int(signal.SIGKILL))]
    log = (directory / "pgbouncer.log").open("wb")
    with log:
        process = subprocess.Popen(  # noqa: ASYNC220 it is to die with this thread
            [*wrapper, str(PGBOUNCER), str(settings)], stdout=log, stderr=log
        )
    try:
        with trio.fail_after(HANG_S):
            while not await _listens(str(directory / ".s.PGSQL.5432")):
                assert process.poll() is None, (directory / "pgbouncer.log").read_text()
                await trio.sleep(0.02)
        yield f"postgresql://{SERVICE}@/%s?host={directory}"
    finally:
        process.kill()
        process.wait()


async def _listens(path: str) -> bool:
    """Whether somebody takes connections there: its file is there a moment before."""
    try:
        await (await trio.open_unix_socket(path)).aclose()
    except OSError:
        return False
    return True


@needs_pgbouncer
@pytest.mark.parametrize(
    ("mode", "size", "more"),
    [
        ("transaction", 20, ""),
        ("transaction", 20, "server_round_robin = 1"),
        ("transaction", 2, ""),
        ("transaction", 1, ""),
        ("statement", 20, ""),
    ],
)
async def test_connections_given_out_by_transaction_are_refused(
    fresh: FreshDatabase, postgres: EmbeddedPostgres, tmp_path: Path, mode: str, size: int, more: str
) -> None:
    """A switch does not start behind a pooler that mixes its sessions up, and says how to mend it."""
    async with (
        pgbouncer(tmp_path, postgres, mode=mode, size=size, more=more) as dsn,
        open_database(dsn % fresh.name) as database,
    ):
        with trio.fail_after(HANG_S), pytest.raises(DatabaseMisconfigured, match="pool_mode = session"):
            await Committer(database, on_outcomes=Answers().take).run()


@needs_pgbouncer
async def test_connections_given_out_by_session_serve(
    fresh: FreshDatabase, owner: Database, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Behind a pooler that leaves sessions whole, sales are posted, and settings hold as without it."""
    answers = Answers()
    async with (
        pgbouncer(tmp_path, postgres, mode="session") as dsn,
        open_database(dsn % fresh.name) as database,
    ):
        books = await Books.open(owner, database, cards=3)
        async with running(database, answers) as committer:
            for stan in range(1, 31):
                committer.submit_nowait(books.earn(stan, 1, card=stan % 3))
            await answers.wait_for(30)
        assert {outcome.code for outcome in answers.by_stan.values()} == {0}
        await assert_sound(books)


async def test_sessions_that_are_sessions_pass(database: Database) -> None:
    """Without a pooler there is nothing to find, and what the look leaves behind ends with its sessions."""
    target = database.target
    with database.passing_session(target) as one, database.passing_session(target) as two:
        await check_sessions(one, two)
        backends = one.backend, two.backend
    held = "select count(*) from pg_locks where locktype = 'advisory' and pid in ($1, $2)"
    with trio.fail_after(HANG_S):
        while await database.run(lambda c: c.fetchval(held, *backends)):  # noqa: ASYNC110 another process'
            await trio.sleep(0.01)


async def test_who_is_greeted_by_its_backend_is_not_looked_at_for_long(database: Database) -> None:
    """Nothing stands between: the two are used once each. Where the greeting is another's, in turn."""
    target, asked = database.target, list[str]()
    with database.passing_session(target) as one, database.passing_session(target) as two:
        for session in (one, two):
            await session.run(lambda c: _listened_to(c, asked))
        await check_sessions(one, two)
        assert len(asked) == 2


async def _listened_to(connection: Connection, asked: list[str]) -> None:
    connection.add_query_logger(lambda record: asked.append(record.query))


class Pooler:
    """A pooler in miniature that has every statement ready, so that nothing but mixed-up sessions shows.

    Each connection has a backend for a transaction, chosen by `choose` from those that are free.
    """

    def __init__(self, backends: int, choose: Callable[[list[int]], int]) -> None:
        self.free = list(range(1, backends + 1))
        self.locks: dict[int, int] = {}
        self._choose = choose

    def take(self) -> int:
        if not self.free:
            raise DatabaseUnavailable("no backend is free")
        backend = self._choose(self.free)
        self.free.remove(backend)
        return backend


class PooledSession:
    """Both a Session and its connection, as far as the look at sessions uses them."""

    def __init__(self, pooler: Pooler, *, keeps: bool) -> None:
        self._pooler = pooler
        self._backend = pooler.take() if keeps else 0
        self._keeps = keeps

    async def run(self, job: Callable[["PooledSession"], Awaitable[object]]) -> object:
        return await job(self)

    def terminate(self) -> None:
        pass

    async def execute(self, statement: str) -> None:
        if not self._keeps and statement == "begin":
            self._backend = self._pooler.take()
        elif not self._keeps:
            self._pooler.free.append(self._backend)
            self._backend = 0

    async def fetchrow(self, query: str, key: int) -> tuple[int, bool]:
        backend = self._backend or self._pooler.take()
        if "pg_try" in query:
            holds = self._pooler.locks.setdefault(key, backend) == backend
        else:
            holds = self._pooler.locks.get(key) == backend
        if not self._backend:
            self._pooler.free.append(backend)
        return backend, holds

    def get_server_pid(self) -> int:
        return 0


@pytest.mark.parametrize("backends", [2, 3, 5, 20])
@pytest.mark.parametrize(
    "choose",
    [lambda free: free[-1], lambda free: free[0], max, min, Random(1).choice],
    ids=["last used", "longest free", "highest", "lowest", "any"],
)
async def test_whatever_a_pooler_gives_out(backends: int, choose: Callable[[list[int]], int]) -> None:
    """Mixed-up sessions are found however the pooler chooses, and whole ones are never taken for them."""
    for keeps in (False, True):
        pooler = Pooler(backends, choose)
        one, two = PooledSession(pooler, keeps=keeps), PooledSession(pooler, keeps=keeps)
        with nullcontext() if keeps else pytest.raises(DatabaseMisconfigured, match="pool_mode = session"):
            await check_sessions(cast(Session, one), cast(Session, two))

"""What a session makes of itself, whatever the server was told, and what a server must be."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from ledger.books.committer import Committer
from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import SERVICE, embedded_postgres
from ledger.postgres.fitness import THROWAWAY, Problem, check_durability
from tests.postgres import FreshDatabase, Server

IN_FORCE = "select current_setting('synchronous_commit')"


async def in_force(dsn: str) -> str:
    async with open_database(dsn) as database:
        found: str = await database.run(lambda connection: connection.fetchval(IN_FORCE))
        return found


@pytest.fixture
async def administer(postgres_server: Server, fresh: FreshDatabase) -> AsyncIterator[Server]:
    yield postgres_server
    await trio.to_thread.run_sync(postgres_server.execute, f"alter role {SERVICE} reset all")


@pytest.mark.parametrize("where", ["role {role}", "database {name}", "role {role} in database {name}"])
@pytest.mark.parametrize(
    ("said", "holds"),
    [("off", "on"), ("local", "on"), ("remote_write", "on"), ("on", "on"), ("remote_apply", "remote_apply")],
)
async def test_durability_is_not_left_to_others(
    administer: Server, fresh: FreshDatabase, where: str, said: str, holds: str
) -> None:
    """Whatever role and database say, a session waits for its commit; who waits for more goes on doing so."""
    whom = where.format(role=SERVICE, name=fresh.name)
    await trio.to_thread.run_sync(administer.execute, f"alter {whom} set synchronous_commit = {said}")
    assert await in_force(fresh.service_dsn) == holds


async def test_nor_to_the_dsn(fresh: FreshDatabase) -> None:
    """A setting that comes with the connection is no stronger than the others."""
    sign = "&" if "?" in fresh.service_dsn else "?"
    options = f"{fresh.service_dsn}{sign}options=-c%20synchronous_commit%3Doff"
    assert await in_force(options) == "on"


async def test_what_a_session_needs_besides(administer: Server, fresh: FreshDatabase) -> None:
    """Warnings come to us, the isolation is the one the books are written for, and locks are not waited for
    without end, whatever the role says.
    """
    strange = {
        "client_min_messages": "error", "default_transaction_isolation": "serializable", "lock_timeout": "0",
        "idle_session_timeout": "1min",
    }  # fmt: skip
    for name, value in strange.items():
        await trio.to_thread.run_sync(administer.execute, f"alter role {SERVICE} set {name} = '{value}'")
    async with open_database(fresh.service_dsn) as database:
        for name, value in strange.items():
            found = await database.run(lambda connection, name=name: connection.fetchval(f"show {name}"))
            assert found != value, name


async def test_a_session_that_forgets_is_refused(
    fresh: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that do not last to the next statement are the mark of a pooler, and said to be."""
    monkeypatch.setattr("ledger.postgres.fitness._SET", "set synchronous_commit = off")
    async with open_database(fresh.service_dsn) as database:
        with pytest.raises(DatabaseMisconfigured, match="pool_mode = session"):
            await database.run(lambda connection: connection.fetchval("select 1"))


async def test_a_table_without_wal_is_named(owner: Database, database: Database) -> None:
    """What is empty after a crash is no place for postings: found with the rights of the service."""
    await owner.run(lambda connection: connection.execute("alter table ledger.reversal set unlogged"))
    (found,) = await database.run(check_durability)
    assert found.seen == "table ledger.reversal is unlogged"
    with pytest.raises(DatabaseMisconfigured, match="set logged"):
        await Committer(database, on_outcomes=lambda _: None).run()


async def look(database: Database) -> list[str]:
    return [str(problem) for problem in await database.run(check_durability)]


async def test_a_server_that_loses_data_is_named(tmp_path: Path) -> None:
    """fsync and full_page_writes off: said with the cure, and no switch starts; but a server may call
    itself throwaway."""
    directory = tmp_path / "pg"
    bad = {name: THROWAWAY[name] for name in ("fsync", "full_page_writes")}
    async with embedded_postgres(directory, settings=bad) as server, open_database(server.owner_dsn) as db:
        found = await look(db)
        assert [line.split()[0] for line in found] == ["fsync", "full_page_writes"]
        assert all("alter system set" in line for line in found)

        with pytest.raises(DatabaseMisconfigured, match="fsync is off"):
            await Committer(db, on_outcomes=lambda _: None).run()

        async def weaken(connection: Connection) -> list[Problem]:
            await connection.execute("set synchronous_commit = off")
            return await check_durability(connection)

        assert (await db.run(weaken))[-1].seen.startswith("synchronous_commit is off")
    async with (
        embedded_postgres(directory, settings=THROWAWAY) as server,
        open_database(server.owner_dsn) as db,
    ):
        assert await look(db) == []
    async with embedded_postgres(directory) as server, open_database(server.owner_dsn) as db:
        assert await look(db) == []

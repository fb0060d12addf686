"""What applying migrations promises."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable, MigrationError
from ledger.postgres.database import open_database
from ledger.postgres.migrate import DIRECTORY, migrate, pending, read_migrations
from tests.postgres import FreshDatabase, Server

NAMES = [migration.name for migration in read_migrations()]


@pytest.fixture
def empty(postgres_server: Server) -> Iterator[FreshDatabase]:
    made = postgres_server.create("template0")
    yield made
    postgres_server.drop(made)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DIRECTORY, tmp_path / "migrations"))


async def test_migrates_once(empty: FreshDatabase) -> None:
    """All files in order, then nothing; pending tells it beforehand."""
    assert await pending(empty.owner_dsn) == NAMES
    assert await migrate(empty.owner_dsn) == NAMES
    assert await pending(empty.owner_dsn) == []
    assert await migrate(empty.owner_dsn) == []
    assert await pending(empty.service_dsn) == []


async def test_two_starters_do_not_race(empty: FreshDatabase) -> None:
    """Two migrate at once: one applies everything, the other finds nothing to do."""
    applied: list[list[str]] = []

    async def start() -> None:
        applied.append(await migrate(empty.owner_dsn))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(start)
        nursery.start_soon(start)
    assert sorted(applied) == [[], NAMES]


async def test_a_changed_file_is_an_error(ledger_dsn: str, files: Path) -> None:
    """A file that was applied must not change."""
    (files / f"{NAMES[0]}.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match=f"{NAMES[0]} was changed after it was applied"):
        await migrate(ledger_dsn, directory=files)
    with pytest.raises(MigrationError, match="was changed"):
        await pending(ledger_dsn, directory=files)


async def test_a_newer_database_is_an_error(ledger_dsn: str, files: Path) -> None:
    """A database migrated by a later version is not touched by an older one."""
    (files / f"{NAMES[-1]}.sql").unlink()
    with pytest.raises(MigrationError, match="newer version"):
        await migrate(ledger_dsn, directory=files)


async def test_a_failing_file_leaves_nothing(ledger_dsn: str, files: Path) -> None:
    """All pending files are one transaction."""
    (files / "9001_good.sql").write_text("create table registry.good (x int);")
    (files / "9002_bad.sql").write_text("create table registry.bad (x nonsense);")
    with pytest.raises(MigrationError, match="9002_bad failed and nothing was applied"):
        await migrate(ledger_dsn, directory=files)
    assert await pending(ledger_dsn, directory=files) == ["9001_good", "9002_bad"]
    (files / "9002_bad.sql").unlink()
    assert await migrate(ledger_dsn, directory=files) == ["9001_good"]


async def test_an_owner_without_power_is_told_what_to_do(
    postgres_server: Server, empty: FreshDatabase
) -> None:
    """An owner that may not create roles, with the role missing: one line with the cure."""
    name = f"weak_{empty.name}"

    async def admin(sql: str) -> None:
        await trio.to_thread.run_sync(postgres_server.execute, sql)

    await admin(f"create role {name} login")
    await admin(f"grant all on database {empty.name} to {name}")
    await admin("alter role cityswitch_service rename to cityswitch_service_away")
    try:
        with pytest.raises(DatabaseMisconfigured, match="create role cityswitch_service login"):
            await migrate(postgres_server.dsn(empty.name, name))
    finally:
        await admin("alter role cityswitch_service_away rename to cityswitch_service")
    assert await migrate(postgres_server.dsn(empty.name, name)) == NAMES
    await admin(f"drop database {empty.name} with (force)")
    await admin(f"drop role {name}")


async def test_the_service_may_not_migrate(empty: FreshDatabase) -> None:
    """Migrating with the service's DSN says whose is needed."""
    with pytest.raises(DatabaseMisconfigured, match="owner's DSN"):
        await migrate(empty.service_dsn)


@pytest.mark.parametrize(
    ("dsn", "error", "text"),
    [
        ("mysql://x/y", DatabaseMisconfigured, "postgresql://"),
        ("postgresql://127.0.0.1:1/x", DatabaseUnavailable, "does not answer"),
        ("postgresql://u@/x?host=/nonexistent", DatabaseUnavailable, "does not answer"),
        ("postgresql://h:notaport/x", DatabaseMisconfigured, "DSN"),
    ],
)
async def test_wrong_dsns(dsn: str, error: type[Exception], text: str) -> None:
    """A DSN that leads nowhere gets one line that says so."""
    with pytest.raises(error, match=text) as caught:
        await pending(dsn)
    assert "\n" not in str(caught.value)


async def test_a_missing_database_and_a_missing_schema(postgres_server: Server, empty: FreshDatabase) -> None:
    """No such database, and a database that was never migrated: each with its cure."""
    with pytest.raises(DatabaseMisconfigured, match="create it, or correct the DSN"):
        await pending(postgres_server.dsn("no_such_database"))
    async with open_database(empty.owner_dsn) as database:
        with pytest.raises(DatabaseMisconfigured, match="cityswitch migrate"):
            await database.run(lambda connection: connection.fetchval("select buckets from registry.layout"))

"""What applying migrations promises: once, whole, in two steps around a rollout, out of the way of sales."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

import ledger.postgres.migrate
from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable, MigrationError
from ledger.postgres.database import Bell, Connection, Database, open_database
from ledger.postgres.migrate import DIRECTORY, migrate, pending, read_migrations
from tests.postgres import FreshDatabase, Server

Admin = Callable[[str], Awaitable[None]]
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
    waiting = await pending(empty.owner_dsn)
    assert waiting.before + waiting.after == NAMES
    assert await migrate(empty.owner_dsn) == NAMES
    assert await pending(empty.owner_dsn) == ([], [])
    assert await migrate(empty.owner_dsn, after=True) == []
    assert await pending(empty.service_dsn) == ([], [])


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
    (files / "before" / f"{NAMES[0]}.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match=f"{NAMES[0]} was changed after it was applied"):
        await migrate(ledger_dsn, directory=files)
    with pytest.raises(MigrationError, match="was changed"):
        await pending(ledger_dsn, directory=files)


async def test_a_newer_database_is_an_error(ledger_dsn: str, files: Path) -> None:
    """A database migrated by a later version is not touched by an older one."""
    (files / "before" / f"{NAMES[0]}.sql").unlink()
    with pytest.raises(MigrationError, match="newer version"):
        await migrate(ledger_dsn, directory=files)


async def test_a_failing_file_leaves_nothing(ledger_dsn: str, files: Path) -> None:
    """All pending files are one transaction."""
    (files / "before" / "9001_good.sql").write_text("create table registry.good (x int);")
    (files / "before" / "9002_bad.sql").write_text("create table registry.bad (x nonsense);")
    with pytest.raises(MigrationError, match="9002_bad failed and nothing was applied"):
        await migrate(ledger_dsn, directory=files)
    assert await pending(ledger_dsn, directory=files) == (["9001_good", "9002_bad"], [])
    (files / "before" / "9002_bad.sql").unlink()
    assert await migrate(ledger_dsn, directory=files) == ["9001_good"]


@pytest.mark.parametrize(("state", "kind"), [("23505", MigrationError), ("42501", DatabaseMisconfigured)])
async def test_a_refused_migration_is_told_in_one_line(
    ledger_dsn: str, files: Path, state: str, kind: type[Exception]
) -> None:
    """What Postgres says besides, in lines of their own, is not repeated."""
    raising = f"raise 'no' using errcode = '{state}', detail = 'more', hint = 'yet more'"
    (files / "before" / "9001_bad.sql").write_text(f"do $$ begin {raising}; end $$")
    with pytest.raises(kind, match=r"9001_bad .* nothing was") as caught:
        await migrate(ledger_dsn, directory=files)
    assert "\n" not in str(caught.value)


async def has(dsn: str, table: str) -> bool:
    async with open_database(dsn) as database:
        found: bool = await database.run(
            lambda connection: connection.fetchval("select to_regclass($1) is not null", table)
        )
        return found


async def test_what_takes_away_waits_for_the_end_of_the_rollout(ledger_dsn: str, files: Path) -> None:
    """Beside workers of two versions only `before` is applied; `after` when it is asked for, whatever the
    numbers.
    """
    (files / "before" / "9001_old.sql").write_text("create table registry.old (x int);")
    await migrate(ledger_dsn, directory=files)
    (files / "after" / "9002_old_goes.sql").write_text("drop table registry.old;")
    (files / "before" / "9003_new.sql").write_text("create table registry.new (x int);")
    assert await pending(ledger_dsn, directory=files) == (["9003_new"], ["9002_old_goes"])
    assert await migrate(ledger_dsn, directory=files) == ["9003_new"]
    assert await has(ledger_dsn, "registry.old")
    assert await has(ledger_dsn, "registry.new")
    assert await migrate(ledger_dsn, directory=files) == []
    assert await migrate(ledger_dsn, after=True, directory=files) == ["9002_old_goes"]
    assert not await has(ledger_dsn, "registry.old")


async def test_a_first_installation_gets_all(empty: FreshDatabase, files: Path) -> None:
    """A database without anything has no workers to wait for: before and after at once."""
    (files / "before" / "9001_old.sql").write_text("create table registry.old (x int);")
    (files / "after" / "9002_old_goes.sql").write_text("drop table registry.old;")
    assert (await migrate(empty.owner_dsn, directory=files))[-1] == "9002_old_goes"
    assert await pending(empty.owner_dsn, directory=files) == ([], [])
    assert not await has(empty.owner_dsn, "registry.old")


def test_a_number_stands_once(files: Path) -> None:
    """The two folders share one series of numbers, so that a name says when it was written."""
    (files / "after" / "0001_again.sql").write_text("select 1;")
    with pytest.raises(MigrationError, match="the number 0001"):
        read_migrations(files)


@asynccontextmanager
async def layout_in_use(owner: Database) -> AsyncIterator[Bell]:
    """A transaction that has read registry.layout and stays open until the bell rings."""
    bell, reading = Bell(), trio.Event()

    async def hold(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("select from registry.layout")
            reading.set()
            await bell.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(owner.run, hold, timeout_s=60))
        await reading.wait()
        yield bell
        bell.ring()


async def test_a_migration_does_not_hold_up_what_waits_behind_it(
    ledger_dsn: str, files: Path, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table in use: the migration steps back from the line for its lock, and comes again."""
    apply, tries = ledger.postgres.migrate._apply, []

    async def noted(connection: Connection, name: str, sql: str) -> None:
        tries.append(name)
        if tries.count("9001_wider") == 3:
            bell.ring()
        await apply(connection, name, sql)

    for name, value in {"LOCK_WAIT_MS": 20, "LOCK_RETRY_S": 0.01, "_apply": noted}.items():
        monkeypatch.setattr(ledger.postgres.migrate, name, value)
    (files / "before" / "9001_wider.sql").write_text("alter table registry.layout add extra int;")
    async with layout_in_use(owner) as bell:
        assert await migrate(ledger_dsn, directory=files) == ["9001_wider"]
    assert tries.count("9001_wider") >= 3


async def test_a_migration_that_never_gets_its_lock_says_so(
    ledger_dsn: str, files: Path, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables that stay locked end the migration with the cure, and nothing applied."""
    for name, value in {"LOCK_WAIT_MS": 10, "LOCK_RETRY_S": 0.01, "LOCK_TRIES": 2}.items():
        monkeypatch.setattr(ledger.postgres.migrate, name, value)
    (files / "before" / "9001_wider.sql").write_text("alter table registry.layout add extra int;")

    async with layout_in_use(owner):
        with pytest.raises(DatabaseUnavailable, match="locked 2 times and nothing was applied"):
            await migrate(ledger_dsn, directory=files)
    assert (await pending(ledger_dsn, directory=files)).before == ["9001_wider"]


@asynccontextmanager
async def weak_owner(postgres_server: Server, empty: FreshDatabase) -> AsyncIterator[tuple[Admin, str]]:
    """A role that may make anything in the database and is nothing else, and an administrator."""
    name = f"weak_{empty.name}"

    async def admin(sql: str) -> None:
        await trio.to_thread.run_sync(postgres_server.execute, sql)

    await admin(f"create role {name} login")
    await admin(f"grant all on database {empty.name} to {name}")
    try:
        yield admin, postgres_server.dsn(empty.name, name)
    finally:
        await admin(f"drop database {empty.name} with (force)")
        await admin(f"drop role {name}")


async def test_an_owner_without_power_is_told_what_to_do(
    postgres_server: Server, empty: FreshDatabase
) -> None:
    """An owner that may not create roles, with the role missing: one line with the cure."""
    async with weak_owner(postgres_server, empty) as (admin, dsn):
        await admin("alter role cityswitch_service rename to cityswitch_service_away")
        try:
            with pytest.raises(DatabaseMisconfigured, match="create role cityswitch_service login"):
                await migrate(dsn)
        finally:
            await admin("alter role cityswitch_service_away rename to cityswitch_service")
        assert await migrate(dsn) == NAMES


async def test_a_refusal_of_another_cause_is_told_as_it_is(
    postgres_server: Server, empty: FreshDatabase, files: Path
) -> None:
    """What Postgres refuses for want of rights is no missing role because it says so; nothing was applied."""
    async with weak_owner(postgres_server, empty) as (_, dsn):
        (files / "before" / "9001_more.sql").write_text("alter role cityswitch_service superuser;")
        with pytest.raises(
            DatabaseMisconfigured, match="9001_more may not be applied, and nothing was"
        ) as caught:
            await migrate(dsn, directory=files)
        assert "create role" not in str(caught.value)
        assert (await pending(dsn, directory=files)).before[-1:] == ["9001_more"]


async def test_a_refusal_outlives_the_question_why(
    postgres_server: Server, empty: FreshDatabase, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cause cannot be asked, what was refused is told all the same, and what failed besides."""
    monkeypatch.setattr("ledger.postgres.owner_rights._FACTS", "select 1 / 0, $1::text[]")
    async with weak_owner(postgres_server, empty) as (_, dsn):
        (files / "before" / "9001_more.sql").write_text("alter role cityswitch_service superuser;")
        with pytest.raises(DatabaseMisconfigured, match=r"9001_more may not be .* asked: division by zero"):
            await migrate(dsn, directory=files)


async def test_the_service_may_not_migrate(
    empty: FreshDatabase, ledger_dsn: str, service_dsn: str, files: Path
) -> None:
    """Migrating with the service's DSN says whose is needed, on an empty database and on a later version."""
    with pytest.raises(DatabaseMisconfigured, match=r"cityswitch_service may not create .* the owner's DSN"):
        await migrate(empty.service_dsn)
    assert (await pending(ledger_dsn, directory=files)).before == []
    (files / "before" / "9001_wider.sql").write_text("alter table registry.layout add extra int;")
    with pytest.raises(DatabaseMisconfigured, match=r"'s and not cityswitch_service's: .* owner's DSN"):
        await migrate(service_dsn, directory=files)


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

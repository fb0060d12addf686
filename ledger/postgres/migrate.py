"""Owns the applying of the numbered SQL files in `migrations`. Knows nothing of what they hold.

A rolling upgrade has workers of two versions at once, so there are two folders with one series of numbers:

    before/NNNN_name.sql   applied before the first worker of the new version starts: adds, and leaves what
                           the old version uses (a changed function gets a new name, `post_batch_v2`)
    after/NNNN_name.sql    applied once no worker of the old version runs: takes away what nobody uses

Files of `before` never need one of `after` to have been applied, so an upgrade may pass over versions. What
is pending of a folder is applied in one transaction, under an advisory lock, so that two starters do not race
and a failure leaves nothing behind. Each file's SHA-256 is recorded; an applied file that was changed is an
error. A migration waits for a lock only so long, and then begins again: whoever stood in line behind it, a
sale, goes first.
"""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

import trio

from ledger.errors import DatabaseMisconfigured, DatabaseUnavailable, MigrationError
from ledger.postgres.database import Connection, open_database
from ledger.postgres.errors import first_line
from ledger.postgres.locks import MIGRATIONS
from ledger.postgres.owner_rights import why_refused

DIRECTORY: Final = Path(__file__).parent / "migrations"
MIGRATE_S_MAX: Final = 600.0
LOCK_WAIT_MS: Final = 1000
LOCK_RETRY_S: Final = 1.0
LOCK_TRIES: Final = 60
_LOCK_NOT_AVAILABLE: Final = "55P03"
_INSUFFICIENT_PRIVILEGE: Final = "42501"

_TABLE: Final = """
create schema if not exists registry;
create table if not exists registry.migration (
  name       text primary key,
  sha256     text not null,
  applied_at timestamptz not null default now()
)"""


class Migration(NamedTuple):
    """One file: its name without suffix, its text, the SHA-256 of that text, and its folder."""

    name: str
    sql: str
    sha256: str
    is_after: bool


class Pending(NamedTuple):
    """The names of what is not applied yet, each in order: before a rollout, and after it."""

    before: list[str]
    after: list[str]


class _LockTaken(MigrationError):
    """A lock was held for too long; nothing was applied."""


class _NotAllowed(MigrationError):
    """Whoever migrates may not; nothing was applied."""


def read_migrations(directory: Path = DIRECTORY) -> list[Migration]:
    """All migrations: those of `before` by number, then those of `after` by number."""
    found = [*_read(directory / "before", is_after=False), *_read(directory / "after", is_after=True)]
    if not found:
        raise MigrationError(f"no migrations in {directory}: the installation is incomplete, install again")
    numbers = [migration.name[:4] for migration in found]
    if twice := next((number for number in numbers if numbers.count(number) > 1), None):
        raise MigrationError(f"two migrations in {directory} have the number {twice}: give one another")
    return found


def _read(directory: Path, *, is_after: bool) -> list[Migration]:
    texts = [
        (file.stem, file.read_text(encoding="utf-8"))
        for file in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]
    return [Migration(name, sql, hashlib.sha256(sql.encode()).hexdigest(), is_after) for name, sql in texts]


def _check(migrations: list[Migration], applied: dict[str, str]) -> list[Migration]:
    known = {migration.name: migration.sha256 for migration in migrations}
    for name, sha256 in applied.items():
        if name not in known:
            raise MigrationError(
                f"the database was migrated by a newer version ({name}): install that version or a later one"
            )
        if known[name] != sha256:
            raise MigrationError(
                f"migration {name} was changed after it was applied: restore the file and add a new one"
            )
    return [migration for migration in migrations if migration.name not in applied]


async def _applied(connection: Connection) -> dict[str, str]:
    if not await connection.fetchval("select to_regclass('registry.migration') is not null"):
        return {}
    rows = await connection.fetch("select name, sha256 from registry.migration order by name")
    return {row["name"]: row["sha256"] for row in rows}


async def migrate(dsn: str, *, after: bool = False, directory: Path = DIRECTORY) -> list[str]:
    """Apply what is pending before a rollout, with `after` what is pending after it as well; return the
    names applied, in order. A database that holds nothing yet gets all.

    The DSN must be the owner's. Raises MigrationError, DatabaseMisconfigured or DatabaseUnavailable.
    """
    migrations = read_migrations(directory)

    async def job(connection: Connection) -> list[str]:
        try:
            return await apply_pending(connection)
        except _NotAllowed as error:
            raise DatabaseMisconfigured(await why_refused(connection, str(error))) from error

    async def apply_pending(connection: Connection) -> list[str]:
        async with connection.transaction():
            await connection.execute("set local lock_timeout = 0")
            await connection.execute(f"select pg_advisory_xact_lock({MIGRATIONS})")
            await connection.execute(f"set local lock_timeout = {LOCK_WAIT_MS}")
            applied = await _applied(connection)
            todo = [
                migration
                for migration in _check(migrations, applied)
                if after or not applied or not migration.is_after
            ]
            if todo:
                await _apply(connection, "of the table of migrations", _TABLE)
            for migration in todo:
                await _apply(connection, migration.name, migration.sql)
                await connection.execute(
                    "insert into registry.migration (name, sha256) values ($1, $2)",
                    migration.name,
                    migration.sha256,
                )
            return [migration.name for migration in todo]

    async with open_database(dsn, connections_max=1, application_name="cityswitch migrate") as database:
        for _ in range(LOCK_TRIES):
            try:
                return await database.run(job, timeout_s=MIGRATE_S_MAX)
            except _LockTaken:
                await trio.sleep(LOCK_RETRY_S)
        raise DatabaseUnavailable(
            f"a migration found its tables locked {LOCK_TRIES} times and nothing was applied: "
            "see in pg_stat_activity who holds a transaction open, end it, and migrate again"
        )


async def _apply(connection: Connection, name: str, sql: str) -> None:
    try:
        await connection.execute(sql)
    except Exception as error:
        sqlstate = getattr(error, "sqlstate", None) or "08"
        if sqlstate == _INSUFFICIENT_PRIVILEGE:
            raise _NotAllowed(
                f"migration {name} may not be applied, and nothing was: {first_line(error)}"
            ) from error
        if sqlstate == _LOCK_NOT_AVAILABLE:
            raise _LockTaken(f"migration {name} waits for a lock") from error
        if sqlstate[:2] in ("08", "53", "57", "58"):
            raise
        raise MigrationError(
            f"migration {name} failed and nothing was applied: {first_line(error)}"
        ) from error


async def pending(dsn: str, *, directory: Path = DIRECTORY) -> Pending:
    """What is not applied yet. The service's DSN is enough. Raises as `migrate` does."""
    migrations = read_migrations(directory)

    async def job(connection: Connection) -> Pending:
        try:
            applied = await _applied(connection)
        except Exception as error:
            if getattr(error, "sqlstate", None) == _INSUFFICIENT_PRIVILEGE:
                raise DatabaseMisconfigured(
                    "this role may not read registry.migration: name the owner's DSN"
                ) from error
            raise
        todo = _check(migrations, applied)
        return Pending(
            before=[migration.name for migration in todo if not migration.is_after],
            after=[migration.name for migration in todo if migration.is_after],
        )

    async with open_database(dsn, connections_max=1, application_name="cityswitch migrate") as database:
        return await database.run(job)

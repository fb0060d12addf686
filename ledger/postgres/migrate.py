"""Owns the applying of the numbered SQL files in `migrations`. Knows nothing of what they hold.

All pending files are applied in one transaction, under an advisory lock, so that two starters do not race
and a failure leaves nothing behind. Each file's SHA-256 is recorded; an applied file that was changed is
an error.
"""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from ledger.errors import DatabaseMisconfigured, MigrationError, StatementRefused
from ledger.postgres.database import Connection, open_database

DIRECTORY: Final = Path(__file__).parent / "migrations"
MIGRATE_S_MAX: Final = 600.0

_TABLE: Final = """
create schema if not exists registry;
create table if not exists registry.migration (
  name       text primary key,
  sha256     text not null,
  applied_at timestamptz not null default now()
)"""


class Migration(NamedTuple):
    """One file: its name without suffix, its text, and the SHA-256 of that text."""

    name: str
    sql: str
    sha256: str


def read_migrations(directory: Path = DIRECTORY) -> list[Migration]:
    """All migrations in the order of their numbers."""
    files = sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))
    if not files:
        raise MigrationError(f"no migrations in {directory}: the installation is incomplete, install again")
    texts = [(file.stem, file.read_text(encoding="utf-8")) for file in files]
    return [Migration(name, sql, hashlib.sha256(sql.encode()).hexdigest()) for name, sql in texts]


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


async def migrate(dsn: str, *, directory: Path = DIRECTORY) -> list[str]:
    """Apply what is pending and return the names applied, in order; an empty list when there was nothing
    to do.

    The DSN must be the owner's. Raises MigrationError, DatabaseMisconfigured or DatabaseUnavailable.
    """
    migrations = read_migrations(directory)

    async def job(connection: Connection) -> list[str]:
        async with connection.transaction():
            await connection.execute("set local lock_timeout = 0")
            await connection.execute("select pg_advisory_xact_lock(1667854707, 0)")
            todo = _check(migrations, await _applied(connection))
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
        return await database.run(job, timeout_s=MIGRATE_S_MAX)


async def _apply(connection: Connection, name: str, sql: str) -> None:
    try:
        await connection.execute(sql)
    except Exception as error:
        sqlstate = getattr(error, "sqlstate", None) or "08"
        if sqlstate == "42501" and "role" in str(error):
            raise DatabaseMisconfigured(
                "the owner may not create roles: as an administrator run "
                "`create role cityswitch_service login` (and set its password), then migrate again"
            ) from error
        if sqlstate == "42501":
            raise DatabaseMisconfigured(f"{error}: migrate with the owner's DSN") from error
        if sqlstate[:2] in ("08", "53", "57", "58"):
            raise
        raise MigrationError(f"migration {name} failed and nothing was applied: {error}") from error


async def pending(dsn: str, *, directory: Path = DIRECTORY) -> list[str]:
    """The names that `migrate` would apply. The service's DSN is enough. Raises as `migrate` does."""
    migrations = read_migrations(directory)

    async def job(connection: Connection) -> list[str]:
        try:
            applied = await _applied(connection)
        except Exception as error:
            if getattr(error, "sqlstate", None) == "42501":
                raise StatementRefused("this role may not read registry.migration", "42501") from error
            raise
        return [migration.name for migration in _check(migrations, applied)]

    async with open_database(dsn, connections_max=1, application_name="cityswitch migrate") as database:
        return await database.run(job)

"""Owns the reading of what a server says of itself: settings, archiving, standbys, age, size, clock.

For who looks after the server (`cityswitch doctor`); judges nothing. What this login may not see is left out.
"""

from datetime import datetime
from typing import Final, NamedTuple

from ledger.postgres.database import Connection

SETTINGS_ASKED: Final = (
    "archive_mode", "autovacuum", "data_checksums", "data_directory", "ignore_checksum_failure",
    "synchronous_commit", "synchronous_standby_names", "track_counts", "wal_level", "zero_damaged_pages",
)  # fmt: skip
# What a session has that sets nothing itself: ours do.
_SETTINGS: Final = "select name, reset_val from pg_settings where name = any($1::text[])"
_FACTS: Final = """
select pg_is_in_recovery(), (select max(age(datfrozenxid)) from pg_database),
    pg_database_size(current_database()), last_archived_time, last_failed_time, last_failed_wal
  from pg_stat_archiver"""
# Who only copies the log or the files is no standby. Its state is told to few logins.
_STANDBYS: Final = """
select coalesce(application_name, ''), sync_state from pg_stat_replication
  where application_name is null or application_name not in ('pg_basebackup', 'pg_receivewal') order by 1"""
_SLOTS: Final = """
select slot_name::text, pg_wal_lsn_diff(
    case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end,
    restart_lsn)::bigint
  from pg_replication_slots where not active and restart_lsn is not null order by 1"""
_SIZES: Final = """
select (select wal_bytes from pg_stat_wal)::bigint,
    (select sum(pg_total_relation_size(c.oid)) from pg_class c
      where c.relnamespace = to_regnamespace('ledger') and c.relkind in ('r', 'p'))::bigint,
    (select count(*) from ledger.journal), (select count(*) from ledger.posting)"""
_WAITING: Final = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
_CLOCK: Final = "select extract(epoch from clock_timestamp())::float8"
# In a transaction of its own it is written to the log and waited for, as a posting is; nobody ever reads it.
_COMMIT: Final = "select pg_logical_emit_message(true, 'cityswitch doctor', '')"


class Standby(NamedTuple):
    """A standby that is connected; `state`: async, potential, sync or quorum; None: not told to us."""

    name: str
    state: str | None


class ServerFacts(NamedTuple):
    """What one server said. `settings`: only those this login may read; `idle_slots`: name, bytes kept."""

    settings: dict[str, str]
    is_standby: bool
    standbys: list[Standby]
    oldest_transaction_age: int
    database_bytes: int
    archived_at: datetime | None
    archive_failed_at: datetime | None
    archive_failed_file: str | None
    idle_slots: list[tuple[str, int]]


class Sizes(NamedTuple):
    """Bytes of log written since the statistics began, bytes of the books with indexes, and their rows."""

    wal_bytes: int
    books_bytes: int
    journal_rows: int
    postings: int


async def count_waiting(connection: Connection) -> int:
    """Return how many backends have committed and wait for a standby."""
    found: int = await connection.fetchval(_WAITING)
    return found


async def read_sizes(connection: Connection) -> Sizes:
    """Read how large the books are; their rows are counted one by one."""
    return Sizes(*await connection.fetchrow(_SIZES))


async def read_server(connection: Connection) -> ServerFacts:
    """Read all facts; any login may."""
    settings = {name: value for name, value in await connection.fetch(_SETTINGS, list(SETTINGS_ASKED))}
    standby, age, size, archived, failed, file = await connection.fetchrow(_FACTS)
    standbys = [Standby(*row) for row in await connection.fetch(_STANDBYS)]
    slots = [(name, kept or 0) for name, kept in await connection.fetch(_SLOTS)]
    return ServerFacts(settings, standby, standbys, age, size, archived, failed, file, slots)


async def read_clock(connection: Connection) -> float:
    """Return the server's clock, in seconds since 1970."""
    seconds: float = await connection.fetchval(_CLOCK)
    return seconds


async def commit_nothing(connection: Connection) -> None:
    """Commit a transaction that changes nothing, and wait until the log is on the server's disk."""
    await connection.execute(_COMMIT)

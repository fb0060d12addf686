"""Owns what a server and each session with it must be for an answered posting to last and to be posted right.

What a session can set, it sets itself, whatever the cluster, the database or the role says: nobody's ALTER
ROLE may make an acknowledged transaction vanish in a crash. It is set by SET, not with the start of the
connection: a pooler in between loses or refuses what comes with the start. What only the server can be is
looked at (`check_durability`). Knows nothing of asyncio, postings or the registry.
"""

from typing import Any, Final, NamedTuple

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.lineage import SERVER, Server

SERVER_VERSION_MIN: Final = 15
THROWAWAY: Final = {"fsync": "off", "full_page_writes": "off", "cityswitch.throwaway": "on"}
"""Settings of a server that says of itself that what it holds may be lost: for tests."""

# Isolation: a stricter default would turn "read what the winner committed" into errors. lock_timeout: a
# backend that waits for a lock of a frozen peer must give up by itself, nobody reads its answer any more.
# idle_session_timeout: connections are idle by design, and tried. client_min_messages: a warning that comes
# with a commit changes what it means. Keepalives: the server, too, must find that its peer has vanished, and
# give its locks back.
_SETTINGS: Final = {
    "default_transaction_isolation": "read committed",
    "lock_timeout": "5s",
    "idle_session_timeout": "0",
    "client_min_messages": "warning",
    "timezone": "UTC",
    "jit": "off",
    # Nothing elsewhere. Through the filter that hides Citus' shards the driver looks at types for seconds.
    "citus.override_table_visibility": "off",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
# Whoever waits for a standby to have applied a commit (remote_apply) goes on waiting for it.
_DURABLE: Final = ("on", "remote_apply")
_SET: Final = ";".join(
    [f"set {name} = '{value}'" for name, value in _SETTINGS.items()]
    + [
        "select set_config('synchronous_commit', 'on', false)"
        f" where current_setting('synchronous_commit') not in {_DURABLE}"
    ]
)
_READ: Final = (
    "select pg_backend_pid(), current_setting('synchronous_commit'), current_setting('client_min_messages'), "
    f"current_setting('default_transaction_isolation'), {SERVER}"
)
POOLED: Final = (
    "what a session sets is lost between its statements: a pooler in between gives connections out by "
    "transaction; let the DSN name the server itself, or set pool_mode = session"
)
_WARNING: Final = "01000"
_WAITS_FOR_STANDBY: Final = "syncrep.c"
# What a pooler that pools transactions makes of a session: prepared statements that are not there, are there
# already, or are not taken at all.
_POOLER_STATES: Final = frozenset({"26000", "42P05", "08P01"})


class Settled(NamedTuple):
    """A session's backend, by its process id at the server, and the server."""

    backend: int
    server: Server


async def settle_session(connection: Any) -> Settled:
    """Make a fresh connection fit to post with; return who is at its other end.

    Raises DatabaseMisconfigured, or what asyncpg raises.
    """
    version = connection.get_server_version().major
    if version < SERVER_VERSION_MIN:
        raise DatabaseMisconfigured(
            f"Postgres {version} is too old: {SERVER_VERSION_MIN} or newer is needed, upgrade the server"
        )
    await connection.execute(_SET)
    backend, durable, messages, isolation, system, timeline = await ask_of_session(connection, _READ)
    if durable not in _DURABLE or messages != "warning" or isolation != "read committed":
        raise DatabaseMisconfigured(POOLED)
    return Settled(backend, Server(system, timeline))


async def ask_of_session(connection: Any, query: str, *arguments: object) -> Any:
    """One row; DatabaseMisconfigured where a pooler between us and the server has mixed the sessions up."""
    try:
        return await connection.fetchrow(query, *arguments)
    except Exception as error:
        if getattr(error, "sqlstate", None) in _POOLER_STATES:
            raise DatabaseMisconfigured(POOLED) from error
        raise


def is_doubtful(message: Any) -> bool:
    """Whether a message of the server (asyncpg's) says that a commit was reported before it was safe.

    Cancelled while it waits for a standby, a commit is reported as done, with a warning that it may not have
    been replicated. Told apart by where in the server it comes from: its text is translated.
    """
    source = getattr(message, "server_source_filename", None) or _WAITS_FOR_STANDBY
    return getattr(message, "sqlstate", None) == _WARNING and source == _WAITS_FOR_STANDBY


# A table without WAL is empty after a crash.
DURABILITY: Final = """
select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
  coalesce(current_setting('cityswitch.throwaway', true), 'off') = 'on',
  array(select c.oid::regclass::text from pg_class c
    where c.relnamespace in (to_regnamespace('ledger'), to_regnamespace('registry'))
      and c.relkind = 'r' and c.relpersistence <> 'p' order by 1)"""


class Problem(NamedTuple):
    """What was seen of a server, what it endangers, and what to do; as text it is one line."""

    seen: str
    endangers: str
    cure: str

    def __str__(self) -> str:
        return f"{self.seen}: {self.endangers}; {self.cure}"


async def check_durability(connection: Any) -> list[Problem]:
    """What of the server's settings would let an answered posting be lost."""
    fsync, full_page_writes, durable, is_throwaway, unlogged = await connection.fetchrow(DURABILITY)
    problems = []
    if not is_throwaway:
        for name, value in {"fsync": fsync, "full_page_writes": full_page_writes}.items():
            if value != "on":
                problems.append(
                    Problem(
                        f"{name} is {value}",
                        "a crash of the server loses or damages what was acknowledged",
                        f"`alter system set {name} = on`, then `select pg_reload_conf()`",
                    )
                )
    problems += [
        Problem(f"table {table} is unlogged", "a crash empties it", f"`alter table {table} set logged`")
        for table in unlogged
    ]
    if durable not in _DURABLE:
        problems.append(
            Problem(
                f"synchronous_commit is {durable} although this session set it",
                "a crash of the server loses what was acknowledged",
                POOLED,
            )
        )
    return problems

"""Owns what a login may do: to the books, which the service reads and adds to and must not be able to change,
and how many connections it may hold.

A diagnosis for `cityswitch config check`; the rights themselves are given by the migrations.
"""

from typing import NamedTuple

from ledger.postgres.database import Connection


class Rights(NamedTuple):
    """A login, the server it came to, and what it may do to what was posted."""

    role: str
    server_version: str
    may_read: bool
    may_change: bool


async def rights_to_the_books(connection: Connection) -> Rights:
    """Who this connection is, and what it may do; before the migrations there is nothing to refuse."""
    role, version = await connection.fetchrow("select current_user::text, current_setting('server_version')")
    if not await connection.fetchval("select to_regclass('ledger.posting') is not null"):
        return Rights(role, version, may_read=True, may_change=False)
    may_read, may_change = await connection.fetchrow(
        "select has_table_privilege('ledger.posting', 'select'), "
        "has_table_privilege('ledger.posting', 'update, delete')"
    )
    return Rights(role, version, may_read, may_change)


async def connections_allowed(connection: Connection) -> int:
    """How many connections at once this login may have to this database, if nobody else has any."""
    allowed: int = await connection.fetchval(
        "select least(current_setting('max_connections')::int"
        " - current_setting('superuser_reserved_connections')::int,"
        " nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1))"
        " from pg_roles r, pg_database d where r.rolname = current_user and d.datname = current_database()"
    )
    return allowed

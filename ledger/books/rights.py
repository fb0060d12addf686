"""Owns what a login may do to the books: the service reads and adds, and must not be able to change.

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

"""Owns the database roles of the programmes: one each, whose members read and change that programme's rows
alone.

What such a role may do is in the migrations (0050): policies choose the rows by the role's name. Takes the
owner's connection, which may create roles.
"""

from typing import Any

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Connection
from ledger.postgres.locks import PROGRAMME_ROLES
from ledger.registry.programmes import check_programme


def role_name(programme: int) -> str:
    """Return the name of the role of a programme."""
    return f"cityswitch_programme_{int(programme)}"


async def make_role(connection: Connection, programme: int) -> bool:
    """Make the role of a programme unless it is there; returns whether it was made.

    Raises NotInRegistry for a programme there is not, DatabaseMisconfigured where the owner may not create
    roles.
    """
    await check_programme(connection, programme)
    name = role_name(programme)
    async with connection.transaction():
        await connection.execute(f"select pg_advisory_xact_lock({PROGRAMME_ROLES})")
        if await connection.fetchval("select true from pg_roles where rolname = $1", name):
            return False
        try:
            await connection.execute(
                f"create role {name} nologin in role cityswitch_programme, cityswitch_people"
            )
        except Exception as error:
            if getattr(error, "sqlstate", None) in ("42501", "0LP01"):
                raise DatabaseMisconfigured(
                    f"the owner may not make that role: as an administrator run `create role {name} "
                    "in role cityswitch_programme, cityswitch_people`"
                ) from error
            raise
    return True


async def list_roles(connection: Connection) -> list[Any]:
    """The roles there are of this registry's programmes: programme, role, members (names with spaces
    between).
    """
    rows: list[Any] = await connection.fetch(
        "select p.id as programme, r.rolname::text as role, "
        "coalesce(string_agg(m.rolname, ' '), '') as members "
        "from registry.programme p join pg_roles r on r.rolname = 'cityswitch_programme_' || p.id "
        "left join pg_auth_members a on a.roleid = r.oid left join pg_roles m on m.oid = a.member "
        "group by p.id, r.rolname order by p.id"
    )
    return rows

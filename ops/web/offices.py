"""The offices of a site: each programme's own connections, with the rights of its role.

Owns how they are opened. Must not know a page, nor an operation of the HTTP API: both work in one. Needs no
package of the extra `office`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.dsn import with_role
from ledger.registry.installation import check_master_key
from ledger.registry.programme_roles import make_role, role_name
from ledger.registry.programmes import list_programmes, list_zones
from ledger.registry.secrets import MasterKey

CONNECTIONS: Final = 4
"""Of one programme."""


@dataclass(frozen=True)
class Office:
    """Where a programme's work is done: its connections, with the rights of its role, the master key, and the
    time zone of its days (by the rules that were in force when it was opened).
    """

    programme: int
    code: str
    name: str
    database: Database
    master: MasterKey
    zone: tzinfo = UTC


@asynccontextmanager
async def open_offices(dsn: str, master: MasterKey) -> AsyncIterator[dict[int, Office]]:
    """Open the office of each programme there is, with the rights of its role, which is made where it is not
    there.

    `dsn`: of a login that may make roles or is a member of them: the owner's.
    """
    async with AsyncExitStack() as stack:
        async with open_database(dsn, connections_max=1, application_name="cityswitch office") as owner:

            async def job(connection: Connection) -> list[tuple[int, str, str, ZoneInfo]]:
                await check_master_key(connection, master)
                rows = await list_programmes(connection)
                for row in rows:
                    await make_role(connection, row["id"])
                zones = {row["id"]: ZoneInfo(row["zone"]) for row in await list_zones(connection)}
                return [(row["id"], row["code"], row["name"], zones[row["id"]]) for row in rows]

            programmes = await owner.run(job)
        offices = {}
        for number, code, name, zone in programmes:
            database = await stack.enter_async_context(
                open_database(
                    with_role(dsn, role_name(number)),
                    connections_max=CONNECTIONS,
                    application_name=f"cityswitch office {code}",
                )
            )
            offices[number] = Office(number, code, name, database, master, zone)
        yield offices

"""The ledger of commit d5b569b in a database of its own, beside the one in use: a limit that does not move.

Owns that database. Must not know what is measured. Invariant: it stands in the same server, with the same
accounts, so whatever the machine does to one limit it does to the other.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.throughput.stage import Stage
from ledger.postgres.database import Connection, open_database
from ledger.postgres.embedded import SERVICE

DATABASE: Final = "ledger_d5b569b"
SQL: Final = Path(__file__).parents[1] / "peers" / "ledger_d5b569b.sql"


async def prepare_yardstick(stage: Stage) -> None:
    """Make the database with an account for each of the stage's."""

    async def fill(connection: Connection) -> None:
        await connection.execute(SQL.read_text(encoding="utf-8"))
        insert = "insert into ledger.account (bucket, id) select 0, unnest($1::bigint[])"
        await connection.execute(insert, stage.accounts)
        await connection.execute("vacuum analyze ledger.account")

    await stage.owner.run(lambda connection: connection.execute(f"create database {DATABASE}"))
    dsn = stage.postgres.dsn(DATABASE)
    async with open_database(dsn, connections_max=1, application_name="cityswitch bench") as owner:
        await owner.run(fill, timeout_s=60)


def yardstick_dsn(stage: Stage) -> str:
    """Return where the function of d5b569b is called, by the service's role."""
    return stage.postgres.dsn(DATABASE, SERVICE)

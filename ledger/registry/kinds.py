"""Owns the placing of kinds of holder on days: the database does it, by steps of age that the rules gave it.

The service may advance kinds and reads no date of birth; only the owner may place them on any day. Knows
nothing of who a holder is.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from ledger.postgres.database import Connection

ADVANCE: Final = "select registry.advance_kinds_v1()"


async def place_kinds(
    connection: Connection, programme: int, accounts: Iterable[int] | None, day: date | None = None
) -> int:
    """Put the kinds of holders with a date of birth to a day (None: the programme's today), within a write
    that has begun; `accounts` None: of all. Returns how many changed.
    """
    changed: int = await connection.fetchval(
        "select people.place_kinds($1::smallint, coalesce($2::date, registry.today_of($1::smallint)), "
        "$3::bigint[])",
        programme,
        day,
        None if accounts is None else list(accounts),
    )
    return changed


async def advance_kinds(connection: Connection) -> None:
    """Move the holders whose birthday has come; with the service's rights."""
    await connection.execute(ADVANCE)

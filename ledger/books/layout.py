"""Owns the promise that the number of buckets stays as it is while anybody posts.

Who posts holds a shared lock for as long as its connection lives, who changes the number (`rebucket`) an
exclusive one. Knows nothing of what buckets are for.
"""

from typing import Final

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.postgres.locks import LAYOUT
from ledger.registry.reads import layout_buckets

ANOTHER_LAYOUT: Final = "the ledger has another number of buckets now: start the switch again"
HOLD: Final = f"select pg_advisory_lock_shared({LAYOUT})"
_TAKE: Final = f"select pg_try_advisory_xact_lock({LAYOUT})"


async def hold_layout(connection: Connection) -> int:
    """Keep the number of buckets as it is while this connection lives; return it. Waits for a rebucket."""
    await connection.execute(HOLD)
    return await layout_buckets(connection)


async def take_layout(connection: Connection) -> None:
    """Inside a transaction: keep everybody out until its end. Raises RegistryRefused while somebody posts."""
    if not await connection.fetchval(_TAKE):
        raise RegistryRefused("a switch runs on this ledger: stop it first, all its workers")

"""Owns the promise that the number of buckets stays as it is while anybody posts, or tells what is left.

Who does holds a shared lock for as long as its connection lives, who changes the number (`rebucket`) an
exclusive one. Knows nothing of what buckets are for.
"""

from typing import Final

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.postgres.locks import LAYOUT
from ledger.postgres.session import Session
from ledger.registry.reads import layout_buckets

ANOTHER_LAYOUT: Final = "the ledger has another number of buckets now: start the switch again"
HOLD: Final = f"select pg_advisory_lock_shared({LAYOUT})"
_TAKE: Final = f"select pg_try_advisory_xact_lock({LAYOUT})"


async def hold_layout(connection: Connection) -> int:
    """Keep the number of buckets as it is while this connection lives; return it. Waits for a rebucket."""
    await connection.execute(HOLD)
    return await layout_buckets(connection)


async def held_buckets(session: Session, connection: Connection) -> int:
    """Inside a job: how many buckets there are. Asked once on a connection, which keeps them as many."""
    if HOLD not in session.state:
        session.state[HOLD] = await hold_layout(connection)
    buckets: int = session.state[HOLD]
    return buckets


async def take_layout(connection: Connection) -> None:
    """Inside a transaction: keep everybody out until its end. Raises RegistryRefused while somebody posts."""
    if not await connection.fetchval(_TAKE):
        raise RegistryRefused("a switch runs on this ledger: stop it first, all its workers")

"""Owns the election of the one session that does the periodic work: whoever holds an advisory lock.

The lock is its connection's and ends with it, however that ends. Knows nothing of the work.
"""

from typing import Final

from ledger.postgres.database import Connection
from ledger.postgres.locks import KEEPER
from ledger.postgres.session import Session

ELECT: Final = f"select pg_try_advisory_lock({KEEPER})"
_ELECTED: Final = "elected"


async def elect(session: Session, connection: Connection) -> bool:
    """Inside a job of `session`: stand for election; return whether this session is the elected one now."""
    if _ELECTED not in session.state and await connection.fetchval(ELECT):
        session.state[_ELECTED] = True
    return _ELECTED in session.state

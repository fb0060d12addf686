"""Owns the finding out whether a session is one: whether what it holds stays with it between its statements.

A pooler that gives connections out by transaction breaks that, and with it the lock that keeps a node number,
LISTEN, prepared statements and every setting. It is found before the switch serves, not by its first victims.
It greets its clients before it has a backend for them, so it greets with a process id that is no backend's:
only then are the two sessions used in turn, for that takes thirty round trips.
"""

import secrets
from typing import Any, Final

from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Connection
from ledger.postgres.fitness import POOLED, ask_of_session
from ledger.postgres.session import Session

ROUNDS: Final = 3
BEGIN: Final = "begin"
COMMIT: Final = "commit"
TAKE: Final = "select pg_backend_pid(), pg_try_advisory_lock($1)"
HOLD: Final = (
    "select pg_backend_pid(), exists (select from pg_locks where locktype = 'advisory' and granted"
    " and pid = pg_backend_pid() and (classid::bigint << 32 | objid::bigint) = $1)"
)


async def check_sessions(one: Session, two: Session) -> None:
    """See that each of two sessions keeps its backend and its lock, while both are used in turn, within and
    outside of transactions. Raises DatabaseMisconfigured if they do not, DatabaseUnavailable.

    Both are to be ended then: a lock is left, and after an error perhaps a transaction.
    """
    key = secrets.randbits(62)

    async def ask(session: Session, query: str) -> tuple[int, bool]:
        backend, holds = await session.run(lambda c: ask_of_session(c, query, key))
        return backend, holds

    mine = await ask(one, TAKE)
    others = await ask(two, TAKE)
    if not mine[1] or others[1] or mine[0] == others[0]:
        raise DatabaseMisconfigured(POOLED)
    if (await one.run(_greeting), await two.run(_greeting)) == (mine[0], others[0]):
        return
    for _ in range(ROUNDS):
        # While one is in a transaction, a pooler has to give the other a backend it did not have, or none.
        for session in (two, one):
            await session.run(_execute(BEGIN))
            for asked, expected in [(one, mine), (two, others), (one, mine)]:
                if await ask(asked, HOLD) != expected:
                    raise DatabaseMisconfigured(POOLED)
            await session.run(_execute(COMMIT))


async def _greeting(connection: Connection) -> int:
    """The process id that whoever took the connection said is its backend's."""
    backend: int = connection.get_server_pid()
    return backend


def _execute(statement: str) -> Any:
    async def job(connection: Connection) -> None:
        await connection.execute(statement)

    return job

"""KEY_CHANGE: the next key of the terminal that asks, wrapped under its session.

Owns the reply. The key is made, or found, by the registry (`ledger.registry.key_over_wire`). Must not know
how it is wrapped (the session does). Invariant: a key leaves only under the session of the terminal it is
for.
"""

from __future__ import annotations

from ledger.postgres.database import Connection, Database
from ledger.registry.key_over_wire import NextKey, next_key
from ledger.registry.secrets import MasterKey
from protocol import KeyChange, KeyChangeReply, ResultCode
from switch.flow.question import Question

WRAP_NONCE_BYTES = 12


async def change_key(question: Question, database: Database, master: MasterKey) -> KeyChangeReply:
    """Return the reply to a KEY_CHANGE. Raises `LedgerError`."""
    connection = question.connection
    found: NextKey | None = None
    # A link that carries many terminals has no key of any of them.
    if connection.terminal is question.terminal:

        async def job(database_connection: Connection) -> NextKey | None:
            return await next_key(
                database_connection, master, question.terminal.number, connection.generation
            )

        found = await database.run(job)
    if found is None:
        return no_key(question, int(ResultCode.NOT_SUPPORTED))
    nonce = master.draw(WRAP_NONCE_BYTES)
    return KeyChangeReply(
        stan=question.request.message.stan,
        code=int(ResultCode.APPROVED),
        server_time_ms=question.at.now_ms,
        generation=found.generation,
        wrapped=connection.session.wrap_key(found.generation, found.key, nonce),
    )


def no_key(question: Question, code: int) -> KeyChangeReply:
    """Return the reply that holds no key."""
    message = question.request.message
    assert isinstance(message, KeyChange)
    return KeyChangeReply(message.stan, code, question.at.now_ms, generation=0, wrapped=b"")

"""Owns the next key of a terminal that asks for it over the wire.

The service's own way to a key (`registry.next_key_v1`, migrations, 0030): all it may do is give the terminal
that asks the generation after its last. Asked again before that one was used, it is the same. Key material
leaves here bare, for the session that asked to wrap it. Must not know sessions.
"""

from typing import Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.secrets import MasterKey

KEY_BYTES: Final = 32
RACES_MAX: Final = 5
NEXT_KEY: Final = "select generation, wrapped from registry.next_key_v1($1, $2, $3, $4)"


class NextKey(NamedTuple):
    """A generation and its 32-byte key."""

    generation: int
    key: bytes

    def __repr__(self) -> str:
        return f"NextKey(generation={self.generation})"


async def next_key(
    connection: Connection, master: MasterKey, terminal: int, generation_in_use: int
) -> NextKey | None:
    """Return the key that follows the one in use; None where the terminal may have none (`0030`).

    Raises RegistryRefused where others issue keys of this terminal again and again, SecretsError for one
    that does not open.
    """
    generation, wrapped = 0, None
    for _ in range(RACES_MAX):
        row = await connection.fetchrow(NEXT_KEY, terminal, generation_in_use, generation, wrapped)
        if row is None:
            return None
        generation, stands = row
        if stands is not None:
            return NextKey(generation, master.unwrap(terminal, generation, stands))
        wrapped = master.wrap(terminal, generation, master.draw(KEY_BYTES))
    raise RegistryRefused(f"others issue keys of terminal {terminal} all the time")

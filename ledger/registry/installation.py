"""Owns what is true of a whole installation: which master key it belongs to, and how many buckets it has.

The master key by a check value, made at initialisation and compared before use.

With another installation's key no card would be found and no terminal's key would open, one by one and
without a word; so whoever loads a master key to use it on a database asks here first. Knows nothing of the
key's file.
"""

from typing import Final

from ledger.errors import SecretsError
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.secrets import MasterKey

_NEEDED: Final = "select exists (select from registry.card) or exists (select from registry.terminal_key)"
KEY_CHECK: Final = "select master_key_check from registry.installation"
_ADOPT: Final = f"""insert into registry.installation (master_key_check, wrapping) values ($1, $2)
  on conflict (only_row) do update
    set master_key_check = excluded.master_key_check, wrapping = excluded.wrapping, wrapping_least = 0
  where installation.master_key_check <> excluded.master_key_check and not ({_NEEDED})"""  # noqa: S608 a fixed text


async def needs_master_key(connection: Connection) -> bool:
    """Return whether the registry holds anything that only the installation's master key can read."""
    return bool(await connection.fetchval(_NEEDED))


async def adopt_master_key(connection: Connection, actor: Actor, master: MasterKey) -> None:
    """Make this the database's master key, unless it needs another one. Raises SecretsError then.

    Takes the owner's connection.
    """
    async with writing(connection, actor):
        await connection.execute(_ADOPT, master.check_value, master.ring.wraps)
    await check_master_key(connection, master)


async def set_buckets(connection: Connection, actor: Actor, buckets: int) -> None:
    """Note how many buckets the books have. For `ledger.books.rebucket` alone, which moves their rows.

    Takes the owner's connection.
    """
    async with writing(connection, actor):
        await connection.execute("update registry.layout set buckets = $1", buckets)


async def check_master_key(connection: Connection, master: MasterKey) -> None:
    """Raise SecretsError unless the database was initialised with this master key."""
    expected: bytes | None = await connection.fetchval(KEY_CHECK)
    if expected is None:
        raise SecretsError("the database has no master key yet: run `cityswitch init`")
    if not master.has_check(expected):
        raise SecretsError(
            "this master key is another installation's: name the one this database was initialised with "
            "(master_key_file), or restore it from its backup"
        )

"""What a switch needs before it can serve: its folders, migrations and master key.

Owns the order of these steps, for `cityswitch init`, `serve` on the embedded Postgres, demo and benches.
Invariants: each step is skipped when done; a lost master key is never replaced by a new one while the
registry needs the old one.
"""

from __future__ import annotations

from typing import NamedTuple

from ledger.errors import SecretsError
from ledger.postgres.database import open_database
from ledger.postgres.migrate import migrate
from ledger.registry.audit import SWITCH, Actor
from ledger.registry.installation import adopt_master_key, needs_master_key
from ledger.registry.secrets import MasterKey
from switch.config import Config


class Prepared(NamedTuple):
    """What was done: the names of the migrations applied now, and whether the master key was made now."""

    migrations: list[str]
    key_made: bool
    master_key: MasterKey


async def prepare(config: Config, owner_dsn: str, actor: Actor = SWITCH) -> Prepared:
    """Migrate the database and make the master key if there is none; `actor` is who does it.

    Raises a `LedgerError` or OSError.
    """
    config.state_path.mkdir(parents=True, exist_ok=True)
    applied = await migrate(owner_dsn)
    path = config.master_key_path
    async with open_database(owner_dsn, connections_max=1, application_name="cityswitch init") as database:
        made = not path.exists()
        if made and await database.run(needs_master_key):
            raise SecretsError(
                f"{path} is missing, and the database holds cards or keys made with it: restore its backup"
            )
        master = MasterKey.create(path) if made else MasterKey.load(path)
        await database.run(lambda connection: adopt_master_key(connection, actor, master))
    return Prepared(applied, made, master)

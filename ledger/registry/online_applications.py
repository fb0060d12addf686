"""Owns how an applicant without a login finds an application again, and how many there may be.

Rows of `people.online_application`, beside the application itself (`applications`). Of the secret its hash
gets here, of the address a keyed hash. The bounds the database holds too (migrations, 0093). Works with the
rights of a programme's role; every write takes its actor.
"""

from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.applications import NewApplication, add_application
from ledger.registry.audit import Actor, writing
from ledger.registry.vault import Vault

OF_ADDRESS_A_DAY: Final = 5
OF_PROGRAMME_AN_HOUR: Final = 200


class Online(NamedTuple):
    """By what an application is found, from whom it came, and which text was agreed to."""

    hash: bytes
    address_key: bytes
    texts: str


async def add_online(
    connection: Connection, actor: Actor, vault: Vault, new: NewApplication, online: Online
) -> int:
    """Take an application down that came on line; return its number. Raises RegistryRefused for too many."""
    async with writing(connection, actor):
        row = await connection.fetchrow(
            "select count(*) filter (where address_key = $2 and sent_at > now() - interval '1 day') as own, "
            "count(*) filter (where programme = $1 and sent_at > now() - interval '1 hour') as all_ "
            "from people.online_application "
            "where (address_key = $2 or programme = $1) and sent_at > now() - interval '1 day'",
            new.programme,
            online.address_key,
        )
        assert row is not None
        if row["own"] >= OF_ADDRESS_A_DAY or row["all_"] >= OF_PROGRAMME_AN_HOUR:
            raise RegistryRefused("too many applications came of late: try again later")
        number = await add_application(connection, actor, vault, new)
        await connection.execute(
            "insert into people.online_application (application, programme, hash, address_key, texts) "
            "values ($1, $2, $3, $4, $5)",
            number,
            new.programme,
            *online,
        )
    return number


async def find_online(connection: Connection, programme: int, hash_: bytes) -> Any | None:
    """The application of a secret: its number, when it was sent, which text was agreed to; None: none."""
    return await connection.fetchrow(
        "select application, sent_at, texts from people.online_application "
        "where programme = $1 and hash = $2",
        programme,
        hash_,
    )

"""Whom a notice concerns: the person of the account it names, as schema people has it now.

Owns the look-up. Must not send, nor keep what it read.
"""

from __future__ import annotations

from ledger.postgres.database import Connection
from ledger.registry.notices import Due
from ledger.registry.people import find_person
from ledger.registry.vault import Vault
from ops.notices.sender import Addressee, Lookup


def addresses(vault: Vault) -> Lookup:
    """Return what finds whom a notice goes to, by the holders' keys; None where nobody is kept of the
    account, or it has none yet.
    """

    async def lookup(connection: Connection, due: Due) -> Addressee | None:
        person = None if due.account is None else await find_person(connection, vault, due.account)
        if person is None:
            return None
        return Addressee(person.name, person.phone, person.email, person.channel, person.pickup)

    return lookup

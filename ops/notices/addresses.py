"""Whom a notice concerns: the person of the account it names, else whoever sent the application it names, as
schema people has it now; of a change of contact as it had it before.

Owns the look-up. Must not send, nor keep what it read.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.applications import Which, form_in, the_application
from ledger.registry.former_contact import CHANGED, find_former
from ledger.registry.notices import Due
from ledger.registry.people import Person, find_person
from ledger.registry.vault import Vault
from ops.notices.letters import maker
from ops.notices.sender import Addressee, Lookup
from ops.notices.words import LETTER
from ops.office.forms import Form


def addresses(vault: Vault) -> Lookup:
    """Return what finds whom a notice goes to, by the holders' and applicants' keys; None where nobody is
    kept of the account, or of the application.
    """

    async def lookup(connection: Connection, due: Due) -> Addressee | None:
        if due.kind == LETTER:
            return await _of_letter(connection, vault, due)
        if due.account is None:
            person = await _applicant(connection, vault, due)
        else:
            person = await find_person(connection, vault, due.account)
        if person is None:
            return None
        if due.kind == CHANGED:
            return await _as_it_was(connection, vault, due, person)
        return Addressee(person.name, person.phone, person.email, person.channel, person.pickup)

    return lookup


async def _as_it_was(connection: Connection, vault: Vault, due: Due, person: Person) -> Addressee | None:
    """The holder, where it was told before contact changed."""
    former = await find_former(connection, vault, due.programme, due.data)
    if former is None:
        return None
    channel = "email" if former.email else "sms"
    return Addressee(person.name, former.phone, former.email, channel, person.pickup)


async def _of_letter(connection: Connection, vault: Vault, due: Due) -> Addressee | None:
    """Who asked, holder or not, and the letter that is asked for."""
    row = await _application(connection, due)
    if row is None:
        return None
    if row["account"] is None:
        person = _person_in(vault, row)
    else:
        person = await find_person(connection, vault, row["account"])
    if person is None:
        return None
    letter = maker(vault, row, due.data, person.name)
    return Addressee(person.name, person.phone, person.email, person.channel, person.pickup, letter)


async def _applicant(connection: Connection, vault: Vault, due: Due) -> Person | None:
    """Who sent an application and has no account: as it says itself."""
    row = await _application(connection, due)
    return None if row is None else _person_in(vault, row)


async def _application(connection: Connection, due: Due) -> Any | None:
    number = due.data.get("application")
    if not isinstance(number, int) or number < 1:
        return None
    try:
        return await the_application(connection, Which(due.programme, number))
    except NotInRegistry:
        return None


def _person_in(vault: Vault, row: Any) -> Person | None:
    text = form_in(vault, row)
    return None if text is None else msgspec.json.decode(text, type=Form).person()

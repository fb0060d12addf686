"""Owns who the holders are: persons, consents, who may act for them; a schema that the service cannot enter.

Nothing here reaches the switch: what decides about a holder is kept apart (`holders.py`), and the trail of
changes holds the names of columns, never what stood in them. What says who somebody is stands sealed under
the holder's own key (`sealed.py`), the date of birth and the channel in clear; how it ends: `erasures.py`.
Takes the owner's connection; every write takes its actor. No error repeats what was typed.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import HolderErased, NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import first_fault, text_fault
from ledger.registry.cards import the_card
from ledger.registry.contact import EMAIL_CHARACTERS_MAX, email_fault, phone_fault
from ledger.registry.former_contact import keep_former, told_at
from ledger.registry.kinds import place_kinds
from ledger.registry.logins import remove_sent_codes
from ledger.registry.pesel import born_of_pesel
from ledger.registry.pesel_tokens import known_pesels, set_pesels
from ledger.registry.programmes import today_of
from ledger.registry.sealed import key_in, key_of, place, seal, unseal
from ledger.registry.vault import Vault

CHANNELS: Final = ("", "phone", "sms", "email")
CONTACT: Final = ("phone", "email", "channel")
"""How a holder is reached, and by which of them notices go."""
_EARLIEST: Final = date(1880, 1, 1)
_LENGTHS: Final = {"name": 200, "address": 300, "phone": 32, "email": EMAIL_CHARACTERS_MAX, "pickup": 64}


class Person(NamedTuple):
    """Who a holder is (Zgierz § 12). `born_on` is taken from the PESEL where there is one."""

    name: str
    pesel: str = ""
    born_on: date | None = None
    address: str = ""
    phone: str = ""
    email: str = ""
    channel: str = ""
    pickup: str = ""


def person_fault(person: Person, today: date, *, contact_needed: bool = False) -> tuple[str, str] | None:
    """Return the column of a person that cannot be so, and why; None where nothing is wrong.

    `contact_needed`: a phone number or an e-mail address has to be there (Zgierz § 12).
    """
    born = born_of_pesel(person.pesel) if person.pesel else None
    faults = {
        "name": "" if person.name.strip() else Phrase("is empty: a person has one"),
        "pesel": Phrase("is no PESEL") if person.pesel and born is None else "",
        "born_on": _birth_fault(person.born_on, born, today),
    }
    for column, most in _LENGTHS.items():
        faults[column] = faults.get(column, "") or text_fault(getattr(person, column), most, least=0)
    faults["phone"] = faults["phone"] or phone_fault(person.phone)
    faults["email"] = faults["email"] or email_fault(person.email)
    faults["channel"] = _channel_fault(person)
    if contact_needed and not (person.phone or person.email):
        faults["phone"] = Phrase("and email are empty: one of them is needed")
    return first_fault(faults)


def _birth_fault(born_on: date | None, by_pesel: date | None, today: date) -> str:
    day = born_on or by_pesel
    if day is None:
        return ""
    if born_on and by_pesel and born_on != by_pesel:
        return Phrase("is another than the PESEL's")
    if day > today:
        return Phrase("is in the future")
    return Phrase("is too long ago") if day < _EARLIEST else ""


def _channel_fault(person: Person) -> str:
    if person.channel not in CHANNELS:
        return Phrase("is none of {known}", known=CHANNELS[1:])
    needed = person.email if person.channel == "email" else person.phone
    return Phrase("is one of which there is no number or address") if person.channel and not needed else ""


def born_of(person: Person) -> date | None:
    """Return when somebody was born: as said, else by the PESEL; None where neither is kept."""
    return person.born_on or (born_of_pesel(person.pesel) if person.pesel else None)


SEALED: Final = ("name", "pesel", "address", "phone", "email", "pickup")
"""What says who somebody is, and stands sealed under the holder's key."""
_PERSON: Final = "select * from people.person where account = $1"
_CHANGE: Final = """update people.person set born_on = $2, channel = $3, name = $4, pesel = $5, address = $6,
    phone = $7, email = $8, pickup = $9 where account = $1"""


def seal_person(vault: Vault, key: int, programme: int, account: int, person: Person) -> dict[str, bytes]:
    """Return the sealed columns of a person."""
    return {
        column: seal(vault, key, getattr(person, column), place(programme, account, f"person.{column}"))
        for column in SEALED
    }


def open_person(vault: Vault, row: Any) -> Person | None:
    """Return who a row of people.person is of; None where the key was destroyed."""
    try:
        return Person(
            born_on=row["born_on"],
            channel=row["channel"],
            **{
                column: unseal(
                    vault, row[column], place(row["programme"], row["account"], f"person.{column}")
                )
                for column in SEALED
            },
        )
    except HolderErased:
        return None


async def find_person(connection: Connection, vault: Vault, account: int) -> Person | None:
    """Who the holder of an account is; None where it is not kept, or was erased."""
    row = await connection.fetchrow(_PERSON, account)
    return open_person(vault, row) if row is not None else None


async def is_known(connection: Connection, vault: Vault, account: int) -> bool:
    """Whether it is known who the holder of an account is: kept, and not erased. Nothing is opened for it."""
    name = await connection.fetchval("select name from people.person where account = $1", account)
    if name is None:
        return False
    try:
        vault.cipher(key_in(name))
    except HolderErased:
        return False
    return True


def amended(person: Person, changes: Mapping[str, Any]) -> Person:
    """Return a person with fields put anew; a PESEL brings its date of birth, where none is named with it."""
    if "pesel" in changes and "born_on" not in changes:
        changes = {**changes, "born_on": None}
    return person._replace(**changes)


async def change_person(
    connection: Connection,
    actor: Actor,
    vault: Vault,
    token: int,
    changes: Mapping[str, Any],
    *,
    contact_needed: bool = False,
) -> None:
    """Change what is known of a holder: fields of Person by name; the kinds follow a date of birth, and codes
    sent to an e-mail address go with it. Of a change of contact, whoever makes it, is told where it was.
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        programme, account = card["programme"], card["account"]
        row = await connection.fetchrow(_PERSON, account)
        was = open_person(vault, row) if row is not None else None
        if was is None:
            raise NotInRegistry("nobody is known by this card")
        person = amended(was, changes)
        today = await today_of(connection, programme)
        if why := person_fault(person, today, contact_needed=contact_needed):
            raise RegistryRefused("{column} {why}", column=why[0], why=why[1])
        is_other = person.pesel != was.pesel
        if is_other and await known_pesels(connection, vault, programme, [person.pesel]):
            raise RegistryRefused("pesel has an account already")
        key = await key_of(connection, vault, programme, account)
        sealed = seal_person(vault, key, programme, account, person)
        same = {column: row[column] for column in SEALED if getattr(person, column) == getattr(was, column)}
        await connection.execute(
            _CHANGE, account, born_of(person), person.channel, *(sealed | same).values()
        )  # what stayed the same stays so to the byte: the trail tells which columns changed
        if person.email != was.email:
            await remove_sent_codes(connection, account)
        former = told_at(was.email, was.phone, was.channel)
        if former and any(getattr(person, column) != getattr(was, column) for column in CONTACT):
            await keep_former(connection, vault, key, (programme, account), former)
        if is_other:
            await set_pesels(connection, vault, programme, {account: person.pesel})
        await place_kinds(connection, programme, [account])

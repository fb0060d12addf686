"""Owns who the holders are: persons, consents, who may act for them; a schema that the service cannot enter.

Nothing here reaches the switch: what decides about a holder is kept apart (`holders.py`), and the trail of
changes holds the names of columns, never what stood in them. Anonymising removes the person and leaves the
books. Takes the owner's connection; every write takes its actor. No error repeats what was typed.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import first_fault, text_fault
from ledger.registry.card_states import CardStatus, check_move
from ledger.registry.cards import the_card
from ledger.registry.contracts import end_account
from ledger.registry.kinds import place_kinds
from ledger.registry.pesel import born_of_pesel
from ledger.registry.programmes import today_of

CHANNELS: Final = ("", "phone", "sms", "email")
_EARLIEST: Final = date(1880, 1, 1)
_LENGTHS: Final = {"name": 200, "address": 300, "phone": 32, "email": 254, "pickup": 64}


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
        "name": "" if person.name.strip() else "is empty: a person has one",
        "pesel": "is no PESEL" if person.pesel and born is None else "",
        "born_on": _birth_fault(person.born_on, born, today),
    }
    for column, most in _LENGTHS.items():
        faults[column] = faults.get(column, "") or text_fault(getattr(person, column), most, least=0)
    if person.email and not re.fullmatch(r"[^@\s]+@[^@\s]+", person.email):
        faults["email"] = faults["email"] or "is no e-mail address"
    faults["channel"] = _channel_fault(person)
    if contact_needed and not (person.phone or person.email):
        faults["phone"] = "and email are empty: one of them is needed"
    return first_fault(faults)


def _birth_fault(born_on: date | None, by_pesel: date | None, today: date) -> str:
    day = born_on or by_pesel
    if day is None:
        return ""
    if born_on and by_pesel and born_on != by_pesel:
        return "is another than the PESEL's"
    if day > today:
        return "is in the future"
    return "is too long ago" if day < _EARLIEST else ""


def _channel_fault(person: Person) -> str:
    if person.channel not in CHANNELS:
        return f"is none of {', '.join(CHANNELS[1:])}"
    needed = person.email if person.channel == "email" else person.phone
    return "is one of which there is no number or address" if person.channel and not needed else ""


def born_of(person: Person) -> date | None:
    """Return when somebody was born: as said, else by the PESEL; None where neither is kept."""
    return person.born_on or (born_of_pesel(person.pesel) if person.pesel else None)


async def known_pesels(connection: Connection, programme: int, pesels: Iterable[str]) -> set[str]:
    """Return those of the PESELs that somebody of the programme has."""
    rows = await connection.fetch(
        "select pesel from people.person where programme = $1 and pesel = any($2::text[])",
        programme,
        [pesel for pesel in pesels if pesel],
    )
    return {row["pesel"] for row in rows}


async def find_person(connection: Connection, account: int) -> Any | None:
    """Who the holder of an account is; None where it is not kept."""
    return await connection.fetchrow(
        "select name, pesel, born_on, address, phone, email, channel, pickup from people.person "
        "where account = $1",
        account,
    )


async def change_person(
    connection: Connection,
    actor: Actor,
    token: int,
    changes: Mapping[str, Any],
    *,
    contact_needed: bool = False,
) -> None:
    """Change what is known of a holder: fields of Person by name; the kinds follow a date of birth."""
    async with writing(connection, actor):
        card = await the_card(connection, token)
        row = await find_person(connection, card["account"])
        if row is None:
            raise NotInRegistry("nobody is known by this card")
        person = Person(**{**row, "pesel": row["pesel"] or ""})._replace(**changes)
        if "pesel" in changes and "born_on" not in changes:
            person = person._replace(born_on=None)
        today = await today_of(connection, card["programme"])
        if why := person_fault(person, today, contact_needed=contact_needed):
            raise RegistryRefused(" ".join(why))
        is_other = person.pesel and person.pesel != row["pesel"]
        if is_other and await known_pesels(connection, card["programme"], [person.pesel]):
            raise RegistryRefused("pesel has an account already")
        await connection.execute(
            "update people.person set name = $2, pesel = nullif($3, ''), born_on = $4, address = $5, "
            "phone = $6, email = $7, channel = $8, pickup = $9 where account = $1",
            card["account"],
            *person._replace(born_on=born_of(person)),
        )
        await place_kinds(connection, card["programme"], [card["account"]])


async def anonymise(connection: Connection, actor: Actor, token: int) -> int:
    """Remove who the holder of a card is, and end its account: the books stay, nobody is known by them any
    more.

    Returns how many carriers ended with it (Zgierz § 19.9, § 26, § 38).
    """
    async with writing(connection, actor):
        card = await the_card(connection, token)
        check_move(CardStatus.ACTIVE, CardStatus.CLOSED, actor.hand)
        ended = await end_account(connection, actor, card["account"], CardStatus.CLOSED)
        await connection.execute("delete from people.person where account = $1", card["account"])
        await connection.execute(
            "update registry.holder set flags = 0, guardian = false, kinds = 0, kinds_from = null, "
            "kinds_before = 0, next_from = null, kinds_next = 0, entitled_until = null, tax_year = null "
            "where account = $1",
            card["account"],
        )
    return ended

"""Owns who the holders are: persons, consents, who may act for them; a schema that the service cannot enter.

Nothing here reaches the switch: what decides about a holder is kept apart (`holders.py`), and the trail of
changes holds the names of columns, never what stood in them. Anonymising removes the person and leaves the
books. Takes the owner's connection; every write takes its actor. No error repeats what was typed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import first_fault, number_fault, text_fault
from ledger.registry.card_states import ENDED, CardStatus, check_move
from ledger.registry.cards import the_card
from ledger.registry.contracts import end_account
from ledger.registry.holders import MASK_MAX, TAX_YEARS
from ledger.registry.imports import Import, Mode, Refusal, sort_out
from ledger.registry.kinds import place_kinds
from ledger.registry.pesel import born_of_pesel

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


class NewHolder(NamedTuple):
    """A holder to add to a card: what decides, and who it is, if that is kept.

    `kinds` is for holders without a date of birth; with one the rules say them.
    """

    token: int
    flags: int = 0
    kinds: int = 0
    guardian: bool = False
    tax_year: int | None = None
    entitled_until: date | None = None
    person: Person | None = None


def person_fault(person: Person, today: date) -> tuple[str, str] | None:
    """Return the column of a person that cannot be so, and why; None where nothing is wrong."""
    born = born_of_pesel(person.pesel) if person.pesel else None
    faults = {
        "name": "" if person.name.strip() else "is empty",
        "pesel": "is no PESEL" if person.pesel and born is None else "",
        "born_on": _birth_fault(person.born_on, born, today),
    }
    for column, most in _LENGTHS.items():
        faults[column] = faults.get(column, "") or text_fault(getattr(person, column), most, least=0)
    if person.email and not re.fullmatch(r"[^@\s]+@[^@\s]+", person.email):
        faults["email"] = faults["email"] or "is no e-mail address"
    faults["channel"] = _channel_fault(person)
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


def _fault(row: NewHolder) -> tuple[str, str] | None:
    return first_fault(
        {
            "flags": number_fault(row.flags, 0, MASK_MAX),
            "kinds": number_fault(row.kinds, 0, MASK_MAX),
            "tax_year": number_fault(row.tax_year or TAX_YEARS[0], TAX_YEARS[0], TAX_YEARS[-1]),
        }
    ) or (person_fault(row.person, date.today()) if row.person else None)


_CARDS: Final = """select c.token, c.account, c.status, c.programme, h.account is not null as is_held
  from registry.card c left join registry.holder h using (account) where c.token = any($1::bigint[])"""
_HOLDERS: Final = """
insert into registry.holder (account, programme, flags, kinds, guardian, tax_year, entitled_until)
  select r.account, $1, r.flags, r.kinds, r.guardian, r.tax_year, r.entitled_until
    from unnest($2::bigint[], $3::int[], $4::int[], $5::bool[], $6::smallint[], $7::date[])
      as r(account, flags, kinds, guardian, tax_year, entitled_until)"""
_PERSONS: Final = """
insert into people.person (account, programme, name, pesel, born_on, address, phone, email, channel, pickup)
  select r.account, $1, r.name, nullif(r.pesel, ''), r.born_on, r.address, r.phone, r.email, r.channel,
  r.pickup from unnest($2::bigint[], $3::text[], $4::text[], $5::date[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[]) as r(account, name, pesel, born_on, address, phone, email, channel,
  pickup)"""


async def add_holders(
    connection: Connection,
    actor: Actor,
    programme: int,
    rows: Iterable[NewHolder],
    mode: Mode = Mode.WHOLE,
) -> Import:
    """Give cards their holders, in one transaction; all are checked before the first is written.

    A card's account has one holder: who is there already is refused, to be changed and not added.
    """
    sound, refused = sort_out(rows, lambda row: row.token, _fault)
    async with writing(connection, actor):
        accounts, more = await _place(connection, programme, sound)
        refused += more
        new = {account: sound[token] for account, token in accounts.items()}
        if not new or mode is Mode.DRY_RUN or (mode is Mode.WHOLE and refused):
            return Import(len(new) if mode is Mode.DRY_RUN else 0, 0, refused)
        await connection.execute(
            _HOLDERS,
            programme,
            list(new),
            [row.flags for row in new.values()],
            [row.kinds for row in new.values()],
            [row.guardian for row in new.values()],
            [row.tax_year for row in new.values()],
            [row.entitled_until for row in new.values()],
        )
        persons = {account: row.person for account, row in new.items() if row.person is not None}
        if persons:
            await connection.execute(_PERSONS, programme, *_columns(persons))
            await place_kinds(connection, programme, [a for a, p in persons.items() if _born(p)])
        return Import(len(new), 0, refused)


def _born(person: Person) -> date | None:
    return person.born_on or (born_of_pesel(person.pesel) if person.pesel else None)


def _columns(persons: Mapping[int, Person]) -> list[list[Any]]:
    people = persons.values()
    return [
        list(persons),
        [p.name for p in people],
        [p.pesel for p in people],
        [_born(p) for p in people],
        *(
            [getattr(p, column) for p in people]
            for column in ("address", "phone", "email", "channel", "pickup")
        ),
    ]


async def _place(
    connection: Connection, programme: int, sound: Mapping[int, NewHolder]
) -> tuple[dict[int, int], list[Refusal]]:
    """Return the accounts that get a holder, each with the token it was named by, and what is refused."""
    cards = {row["token"]: row for row in await connection.fetch(_CARDS, list(sound))}
    taken = await _pesels(connection, programme, [row.person.pesel for row in sound.values() if row.person])
    accounts: dict[int, int] = {}
    refused: list[Refusal] = []
    for token, row in sound.items():
        pesel = row.person.pesel if row.person else ""
        if why := _unplaceable(cards.get(token), programme, accounts):
            refused.append(Refusal(token, "number", why))
        elif pesel and pesel in taken:
            refused.append(Refusal(token, "pesel", "has an account already"))
        else:
            accounts[cards[token]["account"]] = token
            taken.add(pesel)
    return accounts, refused


def _unplaceable(card: Any | None, programme: int, accounts: Mapping[int, int]) -> str:
    if card is None or card["programme"] != programme:
        return "is no card of this programme"
    if CardStatus(card["status"]) in ENDED:
        return f"is a card that is {CardStatus(card['status']).name.lower()}"
    if card["is_held"]:
        return "has a holder already: change it"
    return "names an account that has come before" if card["account"] in accounts else ""


async def _pesels(connection: Connection, programme: int, pesels: Sequence[str]) -> set[str]:
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


async def change_person(connection: Connection, actor: Actor, token: int, changes: Mapping[str, Any]) -> None:
    """Change what is known of a holder: fields of Person by name; the kinds follow a date of birth."""
    async with writing(connection, actor):
        card = await the_card(connection, token)
        row = await find_person(connection, card["account"])
        if row is None:
            raise NotInRegistry("nobody is known by this card")
        person = Person(**{**row, "pesel": row["pesel"] or ""})._replace(**changes)
        if "pesel" in changes and "born_on" not in changes:
            person = person._replace(born_on=None)
        if why := person_fault(person, date.today()):
            raise RegistryRefused(" ".join(why))
        is_other = person.pesel and person.pesel != row["pesel"]
        if is_other and await _pesels(connection, card["programme"], [person.pesel]):
            raise RegistryRefused("pesel has an account already")
        await connection.execute(
            "update people.person set name = $2, pesel = nullif($3, ''), born_on = $4, address = $5, "
            "phone = $6, email = $7, channel = $8, pickup = $9 where account = $1",
            card["account"],
            *person._replace(born_on=_born(person)),
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

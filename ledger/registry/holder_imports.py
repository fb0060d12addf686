"""Owns the adding of holders to cards: what decides about them, and who they are, if that is kept.

All rows are checked, against each other and against what is there, before the first is written; then some
hundred are a transaction, because each holds the change lock and an urgent block must not wait for a whole
import. A row that says what is there already is passed over, so the same import once more completes one
that was broken off.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import first_fault, number_fault
from ledger.registry.card_states import ENDED, CardStatus
from ledger.registry.holders import MASK_MAX, TAX_YEARS
from ledger.registry.imports import Import, Mode, Refusal, sort_out
from ledger.registry.kinds import place_kinds
from ledger.registry.people import SEALED, Person, born_of, open_person, person_fault, seal_person
from ledger.registry.pesel_tokens import known_pesels, set_pesels
from ledger.registry.programmes import today_of
from ledger.registry.sealed import find_keys, new_keys
from ledger.registry.vault import Vault

ROWS_PER_TRANSACTION: Final = 500
"""0.15 s of the change lock: 20,000 holders with persons took 6 s."""


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


_CARDS: Final = """select c.token, c.account, c.status, c.programme, h.account is not null as is_held,
    h.flags, h.kinds, h.guardian, h.tax_year, h.entitled_until,
    p.name, p.pesel, p.born_on, p.address, p.phone, p.email, p.channel, p.pickup
  from registry.card c left join registry.holder h using (account) left join people.person p using (account)
  where c.token = any($1::bigint[])"""
_HOLDERS: Final = """
insert into registry.holder (account, programme, flags, kinds, guardian, tax_year, entitled_until)
  select r.account, $1, r.flags, r.kinds, r.guardian, r.tax_year, r.entitled_until
    from unnest($2::bigint[], $3::int[], $4::int[], $5::bool[], $6::smallint[], $7::date[])
      as r(account, flags, kinds, guardian, tax_year, entitled_until)"""
_PERSONS: Final = """
insert into people.person (account, programme, born_on, channel, name, pesel, address, phone, email, pickup)
  select r.account, $1, r.born_on, r.channel, r.name, r.pesel, r.address, r.phone, r.email, r.pickup
    from unnest($2::bigint[], $3::date[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[],
        $9::bytea[], $10::bytea[])
      as r(account, born_on, channel, name, pesel, address, phone, email, pickup)"""


class Placed(NamedTuple):
    """Rows set against what is there: to be written, by account; how many are there already; refused."""

    new: dict[int, NewHolder]
    unchanged: int
    refused: list[Refusal]


async def add_holders(
    connection: Connection,
    actor: Actor,
    vault: Vault,
    programme: int,
    rows: Iterable[NewHolder],
    *,
    mode: Mode = Mode.WHOLE,
    contact_needed: bool = False,
) -> Import:
    """Give cards their holders. All are checked before the first is written; see `person_fault`.

    A card's account has one holder: another one is refused, to be changed and not added. Only the loss of the
    database, or another import of the same cards at the same time, can end it half-way.
    """
    today = await today_of(connection, programme)
    sound, refused = sort_out(rows, lambda row: row.token, lambda row: _fault(row, today, contact_needed))
    placed = await _place(connection, vault, programme, sound)
    refused += placed.refused
    new = placed.new
    if not new or mode is Mode.DRY_RUN or (mode is Mode.WHOLE and refused):
        return Import(len(new) if mode is Mode.DRY_RUN else 0, placed.unchanged, refused)
    accounts = list(new)
    for begin in range(0, len(accounts), ROWS_PER_TRANSACTION):
        chunk = {account: new[account] for account in accounts[begin : begin + ROWS_PER_TRANSACTION]}
        async with writing(connection, actor):
            again = await _place(connection, vault, programme, {row.token: row for row in chunk.values()})
            if again.new.keys() != chunk.keys():
                raise RegistryRefused(
                    "somebody has just added some of these holders: {begin} of {all} are in; import the "
                    "file again for the rest",
                    begin=begin,
                    all=len(new),
                )
            await _write(connection, vault, programme, chunk)
        if begin == 0 and len(accounts) > ROWS_PER_TRANSACTION:
            # New tables look empty to the planner until they are counted.
            await connection.execute("analyze registry.holder, people.person")
    return Import(len(new), placed.unchanged, refused)


async def _write(connection: Connection, vault: Vault, programme: int, new: Mapping[int, NewHolder]) -> None:
    rows = new.values()
    await connection.execute(
        _HOLDERS,
        programme,
        list(new),
        [row.flags for row in rows],
        [row.kinds for row in rows],
        [row.guardian for row in rows],
        [row.tax_year for row in rows],
        [row.entitled_until for row in rows],
    )
    keys = await find_keys(connection, new)  # of whom an application was kept
    keyless = [account for account in new if account not in keys]
    drawn = await new_keys(connection, vault, programme, keyless)
    keys |= dict(zip(keyless, drawn, strict=True))
    persons = {account: row.person for account, row in new.items() if row.person is not None}
    if persons:
        sealed = [seal_person(vault, keys[a], programme, a, person) for a, person in persons.items()]
        await connection.execute(
            _PERSONS,
            programme,
            list(persons),
            [born_of(person) for person in persons.values()],
            [person.channel for person in persons.values()],
            *([columns[column] for columns in sealed] for column in SEALED),
        )
        await set_pesels(connection, vault, programme, {a: p.pesel for a, p in persons.items() if p.pesel})
        await place_kinds(connection, programme, [a for a, person in persons.items() if born_of(person)])


def _fault(row: NewHolder, today: date, contact_needed: bool) -> tuple[str, str] | None:
    return first_fault(
        {
            "flags": number_fault(row.flags, 0, MASK_MAX),
            "kinds": number_fault(row.kinds, 0, MASK_MAX),
            "tax_year": number_fault(row.tax_year or TAX_YEARS[0], TAX_YEARS[0], TAX_YEARS[-1]),
        }
    ) or (person_fault(row.person, today, contact_needed=contact_needed) if row.person else None)


async def _place(
    connection: Connection, vault: Vault, programme: int, sound: Mapping[int, NewHolder]
) -> Placed:
    cards = {row["token"]: row for row in await connection.fetch(_CARDS, list(sound))}
    pesels = [row.person.pesel for row in sound.values() if row.person]
    taken = await known_pesels(connection, vault, programme, pesels)
    placed = Placed({}, 0, [])
    unchanged = 0
    for token, row in sound.items():
        card, pesel = cards.get(token), row.person.pesel if row.person else ""
        if card is not None and card["programme"] == programme and _says(vault, card, row):
            unchanged += 1
        elif why := _unplaceable(card, programme, placed.new):
            placed.refused.append(Refusal(token, "number", why))
        elif pesel and pesel in taken:
            placed.refused.append(Refusal(token, "pesel", Phrase("has an account already")))
        else:
            placed.new[cards[token]["account"]] = row
            taken.add(pesel)
    return placed._replace(unchanged=unchanged)


def _says(vault: Vault, there: Any, row: NewHolder) -> bool:
    """Whether what is there of a card's holder is what a row says."""
    person = row.person
    if not there["is_held"] or (person is None) != (there["name"] is None):
        return False
    if person is not None and open_person(vault, there) != person._replace(born_on=born_of(person)):
        return False
    said = {name: getattr(row, name) for name in ("flags", "guardian", "tax_year", "entitled_until")}
    if person is None or born_of(person) is None:
        said["kinds"] = row.kinds
    return all(there[name] == value for name, value in said.items())


def _unplaceable(card: Any | None, programme: int, placed: Mapping[int, NewHolder]) -> str:
    if card is None or card["programme"] != programme:
        return Phrase("is no card of this programme")
    if CardStatus(card["status"]) in ENDED:
        return Phrase("is a card that is {card_state}", card_state=CardStatus(card["status"]).name.lower())
    if card["is_held"]:
        return Phrase("has another holder already: change it")
    return Phrase("names an account that has come before") if card["account"] in placed else ""

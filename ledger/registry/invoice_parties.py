"""Owns who invoices are from and to beyond what a settlement says: the organiser as a taxpayer, and the city
that a partner is a unit of.

Takes the owner's connection, or a programme's own role; every write takes its actor. Whether a number is a
NIP `check_nip` says, by its check digit, and whether one is an account `check_account`. No error repeats what
was typed.
"""

import re
from typing import Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import check_number, check_text
from ledger.registry.partners import check_partner
from ledger.registry.programmes import check_programme

NAME_CHARACTERS_MAX: Final = 512
DUE_DAYS_MAX: Final = 365
_NIP: Final = re.compile(r"[1-9](?:[0-9][1-9]|[1-9][0-9])[0-9]{7}")
_WEIGHTS: Final = (6, 5, 7, 2, 3, 4, 5, 6, 7)
_UNIT: Final = re.compile(r"[0-9]{10}-[0-9]{5}")
_NRB: Final = re.compile(r"[0-9]{26}")
_IBAN: Final = re.compile(r"PL[0-9]{26}|(?!PL)[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


class Seller(NamedTuple):
    """The organiser as whoever invoices; `unit_…`: the city's unit that does it for the city, if any."""

    nip: str
    name: str
    address: str
    unit_name: str = ""
    unit_address: str = ""
    unit_id: str = ""
    """A NIP of the unit's own, or NIP-NNNNN: its identifier under the city's."""
    bank_account: str = ""
    due_days: int = 14


class City(NamedTuple):
    """The city a partner is a unit of: it is the buyer; `unit_id`: NIP-NNNNN, or empty."""

    nip: str
    name: str
    address: str
    unit_id: str = ""


def check_nip(what: str, text: str) -> str:
    """Return a NIP as its ten digits, from "PL 898-21-45-678" too. Raises RegistryRefused."""
    digits = re.sub(r"[\s\-]", "", text).upper().removeprefix("PL")
    if not _NIP.fullmatch(digits):
        raise RegistryRefused("{what} is no NIP of ten digits", what=what)
    if sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11 != int(
        digits[9]
    ):
        raise RegistryRefused("{what} has another check digit than a NIP", what=what)
    return digits


def check_unit_id(what: str, text: str, nip: str) -> str:
    """Return an identifier of a unit: it begins with its city's NIP. Raises RegistryRefused."""
    if not _UNIT.fullmatch(text) or text[:10] != nip:
        raise RegistryRefused("{what} is the city's NIP, a hyphen and five digits", what=what)
    return text


def check_account(what: str, text: str) -> str:
    """Return a bank account without its spaces: an NRB, which is a Polish IBAN without "PL", or an IBAN, with
    the check digits of ISO 13616 (ISO/IEC 7064, MOD 97-10). Raises RegistryRefused.
    """
    account = re.sub(r"\s", "", text).upper()
    iban = f"PL{account}" if _NRB.fullmatch(account) else account
    if not _IBAN.fullmatch(iban):
        raise RegistryRefused("{what} is no NRB of 26 digits and no IBAN", what=what)
    figures = "".join(str(int(each, 36)) for each in iban[4:] + iban[:2])
    if 98 - int(f"{figures}00") % 97 != int(iban[2:4]):
        raise RegistryRefused("{what} has other check digits than an account", what=what)
    return account


async def set_seller(connection: Connection, actor: Actor, programme: int, seller: Seller) -> None:
    """Say who invoices for a programme, from the next document on."""
    nip = check_nip("the organiser's tax number", seller.nip)
    for what, text in (("the organiser's name", seller.name), ("the organiser's address", seller.address)):
        check_text(what, text, NAME_CHARACTERS_MAX)
    unit_id = seller.unit_id
    if seller.unit_name:
        check_text("the unit's name", seller.unit_name, NAME_CHARACTERS_MAX)
        check_text("the unit's address", seller.unit_address, NAME_CHARACTERS_MAX, least=0)
        if unit_id and "-" in unit_id and len(unit_id) == 16:
            check_unit_id("the unit's identifier", unit_id, nip)
        elif unit_id:
            unit_id = check_nip("the unit's identifier", unit_id)
    elif seller.unit_address or unit_id:
        raise RegistryRefused("a unit has a name")
    account = seller.bank_account.strip() and check_account("the bank account", seller.bank_account)
    check_number("the days to pay", seller.due_days, 0, DUE_DAYS_MAX)
    kept = seller._replace(nip=nip, unit_id=unit_id, bank_account=account)
    async with writing(connection, actor):
        await check_programme(connection, programme)
        await connection.execute(
            "insert into registry.invoice_seller (programme, nip, name, address, unit_name, unit_address, "
            "unit_id, bank_account, due_days) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
            "on conflict (programme) do update set (nip, name, address, unit_name, unit_address, unit_id, "
            "bank_account, due_days) = (excluded.nip, excluded.name, excluded.address, excluded.unit_name, "
            "excluded.unit_address, excluded.unit_id, excluded.bank_account, excluded.due_days)",
            programme,
            *kept,
        )


async def set_city(connection: Connection, actor: Actor, partner: int, city: City) -> None:
    """Say that a partner is a unit of a city, which is the buyer from the next document on."""
    nip = check_nip("the city's tax number", city.nip)
    check_text("the city's name", city.name, NAME_CHARACTERS_MAX)
    check_text("the city's address", city.address, NAME_CHARACTERS_MAX)
    if city.unit_id:
        check_unit_id("the unit's identifier", city.unit_id, nip)
    async with writing(connection, actor):
        programme = await check_partner(connection, partner)
        await connection.execute(
            "insert into registry.invoice_city (partner, programme, nip, name, address, unit_id) "
            "values ($1, $2, $3, $4, $5, $6) on conflict (partner) do update "
            "set (nip, name, address, unit_id) = (excluded.nip, excluded.name, excluded.address, "
            "excluded.unit_id)",
            partner,
            programme,
            *city._replace(nip=nip),
        )


async def the_seller(connection: Connection, programme: int) -> Seller:
    """Return who invoices for a programme. Raises NotInRegistry where nobody was named."""
    row = await connection.fetchrow(
        "select nip, name, address, unit_name, unit_address, unit_id, bank_account, due_days "
        "from registry.invoice_seller where programme = $1",
        programme,
    )
    if row is None:
        raise NotInRegistry(
            "nobody invoices for programme {programme} yet: name the organiser with `invoices seller`",
            programme=programme,
        )
    return Seller(*row)


async def cities_of(connection: Connection, programme: int) -> dict[int, City]:
    """Return the cities of those partners of a programme that are units of one."""
    rows = await connection.fetch(
        "select partner, nip, name, address, unit_id from registry.invoice_city where programme = $1",
        programme,
    )
    return {row[0]: City(*row[1:]) for row in rows}

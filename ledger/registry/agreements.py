"""Owns what a holder agreed to, and who may act for the holder: consents, proxies, parents and guardians.

Rows of schema `people`, which go with the person. What was withdrawn stays until then, with both moments.
Takes the owner's connection; every write takes its actor. No error repeats what was typed. Invariant: the
consent that a card needs is not withdrawn while the contract goes on, by whatever way it is asked for.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing
from ledger.registry.bounds import first_fault, text_fault
from ledger.registry.cards import the_card
from ledger.registry.contact import EMAIL_CHARACTERS_MAX, email_fault, phone_fault
from ledger.registry.going_on import going_on
from ledger.registry.sealed import key_of, place, seal, unseal
from ledger.registry.vault import Vault

DATA: Final = "data"
CONSENTS: Final = (DATA, "newsletter")
"""To the processing that a card needs (Zgierz § 13); to news by e-mail (§ 14)."""
ROLES: Final = ("proxy", "guardian")
REPRESENTATIVES_MAX: Final = 99
"""So many a holder has at a time."""
_SEALED: Final = ("name", "phone", "email")
_NUMBER: Final = "select nextval(pg_get_serial_sequence('people.representative', 'number'))"


class Representative(NamedTuple):
    """Who may act for a holder (Zgierz § 12, § 20, § 24), until a day (None: until it is ended)."""

    role: str
    name: str
    phone: str = ""
    email: str = ""
    until: date | None = None


def representative_fault(who: Representative, *, name_needed: bool = True) -> tuple[str, str] | None:
    """Return the column of a representative that cannot be so, and why; None where nothing is wrong."""
    return first_fault(
        {
            "name": text_fault(who.name, 200, least=int(name_needed)),
            "phone": text_fault(who.phone, 32, least=0) or phone_fault(who.phone),
            "email": text_fault(who.email, EMAIL_CHARACTERS_MAX, least=0) or email_fault(who.email),
        }
    )


def acting(representatives: Iterable[Mapping[str, Any]], day: date) -> set[tuple[str, str]]:
    """Role and name of those who act for a holder on a day."""
    return {
        (one["role"], one["name"]) for one in representatives if one["until"] is None or one["until"] >= day
    }


async def give_consent(connection: Connection, actor: Actor, token: int, kind: str) -> None:
    """Take a consent down, given now; what was given and withdrawn before stays beside it."""
    async with writing(connection, actor):
        account, programme = await _person(connection, token)
        given = await connection.fetchval(
            "insert into people.consent (account, programme, kind) "
            "select $1, $2, $3 where not exists ("
            "select from people.consent where account = $1 and kind = $3 and withdrawn_at is null) "
            "returning true",
            account,
            programme,
            _one_of("the consent", kind, CONSENTS),
        )
        if not given:
            raise RegistryRefused("that consent is given already")


async def withdraw_consent(connection: Connection, actor: Actor, token: int, kind: str) -> None:
    """Take down that a consent was withdrawn now.

    Raises RegistryRefused for the one that a card needs (Zgierz § 13; Żywiec § 3), while the contract goes
    on: no document says that its withdrawal ends the contract, and no card goes on without it. Who withdraws
    it resigns, or has the account deleted.
    """
    async with writing(connection, actor):
        account, _ = await _person(connection, token)
        if kind == DATA and await going_on(connection, [account]):
            raise RegistryRefused(
                "the card needs that consent: it ends by a resignation, or with the deletion of the account"
            )
        withdrawn = await connection.fetch(
            "update people.consent set withdrawn_at = clock_timestamp() "
            "where account = $1 and kind = $2 and withdrawn_at is null returning kind",
            account,
            _one_of("the consent", kind, CONSENTS),
        )
        if not withdrawn:
            raise NotInRegistry("there is no such consent")


async def add_representative(
    connection: Connection, actor: Actor, vault: Vault, token: int, who: Representative
) -> int:
    """Take down who may act for a holder; returns the number it is known by, which is nobody else's ever."""
    _one_of("the role", who.role, ROLES)
    if fault := representative_fault(who):
        raise RegistryRefused("{column} {why}", column=fault[0], why=fault[1])
    async with writing(connection, actor):
        account, programme = await _person(connection, token)
        there = "select count(*) from people.representative where account = $1"
        if await connection.fetchval(there, account) >= REPRESENTATIVES_MAX:
            raise RegistryRefused("a holder has {most} representatives at most", most=REPRESENTATIVES_MAX)
        number: int = await connection.fetchval(_NUMBER)
        key = await key_of(connection, vault, programme, account)
        at = _places(programme, account, number)
        await connection.execute(
            "insert into people.representative (account, programme, number, role, until, name, phone, email) "
            "overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8)",
            account,
            programme,
            number,
            who.role,
            who.until,
            *(seal(vault, key, getattr(who, column), at[column]) for column in _SEALED),
        )
    return number


async def end_representative(connection: Connection, actor: Actor, token: int, number: int) -> None:
    """Remove who may act for a holder no more. Raises NotInRegistry, also for one that has ended already."""
    async with writing(connection, actor):
        account, _ = await _person(connection, token)
        ended = await connection.fetch(
            "delete from people.representative where account = $1 and number = $2 returning number",
            account,
            number,
        )
        if not ended:
            raise NotInRegistry("there is no such representative, or not any more")


async def list_consents(connection: Connection, account: int) -> list[Any]:
    """Each time a consent was given, and when it was withdrawn, the newest first."""
    rows: list[Any] = await connection.fetch(
        "select kind, given_at, withdrawn_at from people.consent where account = $1 order by number desc",
        account,
    )
    return rows


async def list_agreements(
    connection: Connection, vault: Vault, token: int
) -> tuple[list[Any], list[dict[str, Any]]]:
    """The consents of a card's holder (`list_consents`), and who may act for the holder.

    Raises HolderErased where the holder's key was destroyed and the rows came back with an older database.
    """
    card = await the_card(connection, token)
    consents = await list_consents(connection, card["account"])
    rows = await connection.fetch(
        "select number, role, name, phone, email, until from people.representative where account = $1 "
        "order by number",
        card["account"],
    )
    representatives = []
    for row in rows:
        at = _places(card["programme"], card["account"], row["number"])
        opened = {column: unseal(vault, row[column], at[column]) for column in _SEALED}
        representatives.append({**row, **opened})
    return consents, representatives


def _places(programme: int, account: int, number: int) -> dict[str, bytes]:
    return {column: place(programme, account, f"representative.{number}.{column}") for column in _SEALED}


async def _person(connection: Connection, token: int) -> tuple[int, int]:
    card = await the_card(connection, token)
    if not await connection.fetchval("select true from people.person where account = $1", card["account"]):
        raise NotInRegistry("nobody is known by this card")
    return card["account"], card["programme"]


def _one_of(what: str, text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise RegistryRefused("{what} is none of {known}", what=what, known=known)
    return text

"""Owns what partners ask to have on offer: declared, then accepted into the drafts, refused or taken back.

A declaration holds terms as `offers` keeps them, and nothing follows from it until somebody else than who
declared it decides; accepted, it is the offer's draft, in the same transaction. Whose an offer is, and how
many declarations a partner may have, the database holds (migrations, 0094). What terms mean is the caller's
to check. Takes the owner's connection or a programme's; every write takes its actor.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, is_same_person, writing
from ledger.registry.bounds import ID_MAX, INT64_MAX, check_number, check_page, check_text
from ledger.registry.imports import Mode
from ledger.registry.offers import TERMS_CHARACTERS_MAX, NewOffer, import_offers, offer_versions

TEXT_CHARACTERS_MAX: Final = 500
"""Of what a partner says of a declaration, and of the reason it is decided with."""
OPEN_OF_PARTNER_MAX: Final = 50
OF_A_DAY_MAX: Final = 100
OUTLETS_MAX: Final = 64
_VIEW: Final = """select d.number, d.programme, d.partner, p.name as partner_name, d.offer, d.state,
    d.declared_at, d.declared_by, d.decided_at, d.decided_by, d.outlets, d.terms, d.note, d.reason
  from registry.offer_declaration d join registry.partner p on p.id = d.partner"""


class DeclarationState(IntEnum):
    """Where a declaration stands; all but the first are for good."""

    DECLARED = 0
    ACCEPTED = 1
    REFUSED = 2
    TAKEN_BACK = 3


class Declaration(NamedTuple):
    """What is declared: an offer's number, the outlets that its terms name, and the terms as `offers` keeps
    them; `note`: what the partner says of it.
    """

    programme: int
    offer: int
    outlets: Sequence[int]
    terms: str
    note: str = ""


async def next_offer(connection: Connection, programme: int) -> int:
    """Return a number that no offer of a programme has, nor one that is declared; only within `writing`."""
    number: int = await connection.fetchval(
        "select greatest((select max(number) from registry.offer where programme = $1), "
        "(select max(offer) from registry.offer_declaration where programme = $1), 0) + 1",
        programme,
    )
    if number > ID_MAX:
        raise RegistryRefused("there is no number left for another offer")
    return number


async def declare(connection: Connection, actor: Actor, partner: int, declaration: Declaration) -> int:
    """Take down what a partner of a programme declares; return the declaration's number.

    Raises RegistryRefused for another partner's offer, one that is declared already, and too many.
    """
    programme, offer, outlets, terms, note = declaration
    check_number("the number of a partner", partner, 1, ID_MAX)
    check_number("the number of an offer", offer, 1, ID_MAX)
    check_text("the note", note.replace("\n", " "), TEXT_CHARACTERS_MAX, least=0)
    if not 1 <= len(terms) <= TERMS_CHARACTERS_MAX or "\0" in terms or len(outlets) > OUTLETS_MAX:
        raise RegistryRefused("the terms are too long")
    async with writing(connection, actor):
        await _check_place(connection, partner, declaration)
        number: int = await connection.fetchval(
            "insert into registry.offer_declaration (programme, partner, offer, outlets, terms, note) "
            "values ($1, $2, $3, $4, $5, $6) returning number",
            programme,
            partner,
            offer,
            list(outlets),
            terms,
            note,
        )
    return number


async def _check_place(connection: Connection, partner: int, declaration: Declaration) -> None:
    """Say in words what the database would refuse."""
    found = await connection.fetchrow(
        """select exists (select from registry.partner where id = $2 and programme = $1) as has_partner,
            exists (select from registry.offer where programme = $1 and number = $3 and partner <> $2)
              or exists (select from registry.offer_declaration
                where programme = $1 and offer = $3 and partner <> $2 and state < 2) as is_strange,
            exists (select from registry.offer_declaration where programme = $1 and offer = $3 and state = 0)
              as is_declared,
            (select count(*) from registry.offer_declaration where partner = $2 and state = 0) as waiting,
            (select count(*) from registry.offer_declaration
              where partner = $2 and declared_at > now() - interval '1 day') as of_a_day,
            (select count(*) from registry.outlet where partner = $2 and id = any($4::int[])) as outlets""",
        declaration.programme,
        partner,
        declaration.offer,
        list(declaration.outlets),
    )
    assert found is not None
    if not found["has_partner"]:
        raise NotInRegistry(
            "there is no partner {partner} of programme {programme}",
            partner=partner,
            programme=declaration.programme,
        )
    if found["is_strange"]:
        raise RegistryRefused("offer {offer} is another partner's", offer=declaration.offer)
    if found["is_declared"]:
        raise RegistryRefused("offer {offer} is declared already, and not decided", offer=declaration.offer)
    if found["waiting"] >= OPEN_OF_PARTNER_MAX or found["of_a_day"] >= OF_A_DAY_MAX:
        raise RegistryRefused(
            "partner {partner} has declared enough: wait until some of it is decided", partner=partner
        )
    if found["outlets"] != len(set(declaration.outlets)):
        raise RegistryRefused("an outlet is none of partner {partner}", partner=partner)


async def open_declarations(
    connection: Connection, programme: int, *, after: int = 0, limit: int = 100
) -> list[Any]:
    """A page of the declarations that wait for a decision, the oldest first."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(
        f"{_VIEW} where d.programme = $1 and d.state = 0 and d.number > $2 order by d.number limit $3",
        programme,
        after,
        limit,
    )
    return rows


async def declarations_of(connection: Connection, partner: int, *, limit: int = 100) -> list[Any]:
    """The declarations of a partner, the newest first."""
    check_page(limit)
    rows: list[Any] = await connection.fetch(
        f"{_VIEW} where d.partner = $1 order by d.number desc limit $2", partner, limit
    )
    return rows


async def the_declaration(connection: Connection, number: int) -> Any:
    """One declaration. Raises NotInRegistry, also for one of a programme that the login may not see."""
    check_number("the number of a declaration", number, 1, INT64_MAX)
    row = await connection.fetchrow(f"{_VIEW} where d.number = $1", number)
    if row is None:
        raise NotInRegistry("there is no declaration {number}", number=number)
    return row


async def decide(connection: Connection, actor: Actor, number: int, accepted: bool, reason: str) -> Any:
    """Decide a declaration, by somebody else than who declared it; return it as it was.

    Accepted, its terms are the offer's draft, as if they had been imported. A refusal wants a reason. Raises
    NotInRegistry, RegistryRefused.
    """
    check_text("the reason", reason.replace("\n", " "), TEXT_CHARACTERS_MAX, least=0)
    if not accepted and not reason.strip():
        raise RegistryRefused("a refusal wants a reason, which the partner reads")
    async with writing(connection, actor):
        row = await _open_one(connection, number)
        if is_same_person(actor.name, row["declared_by"]):
            raise RegistryRefused("another one decides than who declared")
        if accepted:
            versions = await offer_versions(connection, row["programme"], row["offer"])
            if any(version["partner"] != row["partner"] for version in versions):
                raise RegistryRefused("offer {offer} is another partner's by now", offer=row["offer"])
            draft = NewOffer(row["offer"], row["partner"], row["outlets"], row["terms"])
            done = await import_offers(connection, actor, row["programme"], [draft], Mode.WHOLE)
            if done.refused:
                raise RegistryRefused(
                    "declaration {number}: {why}", number=number, why=done.refused[0].reason
                )
        state = DeclarationState.ACCEPTED if accepted else DeclarationState.REFUSED
        await _move(connection, number, state, reason)
    return row


async def take_back(connection: Connection, actor: Actor, partner: int, number: int) -> None:
    """Let a partner take a declaration of its own back. Raises NotInRegistry, RegistryRefused."""
    async with writing(connection, actor):
        row = await _open_one(connection, number)
        if row["partner"] != partner:
            raise NotInRegistry("there is no declaration {number}", number=number)
        await _move(connection, number, DeclarationState.TAKEN_BACK, "")


async def _open_one(connection: Connection, number: int) -> Any:
    row = await the_declaration(connection, number)
    if row["state"] != DeclarationState.DECLARED:
        raise RegistryRefused(
            "declaration {number} is {declaration_state} by now",
            number=number,
            declaration_state=DeclarationState(row["state"]).name.lower(),
        )
    return row


async def _move(connection: Connection, number: int, state: DeclarationState, reason: str) -> None:
    await connection.execute(
        "update registry.offer_declaration set state = $2, reason = $3 where number = $1",
        number,
        int(state),
        reason,
    )

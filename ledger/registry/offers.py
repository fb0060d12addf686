"""Owns the offers of partners and their versions: an operator's writes and views.

Takes the owner's connection. What terms mean is the caller's to check. A draft may be replaced; a version
that was published stays as it is, and a change of it, its withdrawal too, is the next version with a moment
of its own. Of the versions whose moment has come the latest holds, of two of one moment the higher (as with
rules). A change reaches the switch through the change feed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.phrase import Phrase
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second, writing
from ledger.registry.bounds import ID_MAX, check_number, check_page, first_fault, number_fault
from ledger.registry.imports import Import, Mode, Refusal, sort_out
from ledger.registry.partners import check_partner
from ledger.registry.programmes import YEARS, check_programme

TERMS_CHARACTERS_MAX: Final = 16_384
OFFERS_PER_PARTNER_MAX: Final = 500
"""Not withdrawn. A worker looks all of a partner's through when a terminal asks what holds for a card."""
_COLUMNS: Final = "number, version, partner, state, effective_from, terms"


class OfferState(IntEnum):
    """Of one version of an offer."""

    DRAFT = 0
    PUBLISHED = 1
    WITHDRAWN = 2


class NewOffer(NamedTuple):
    """Terms to be kept as a draft: the offer's number, its partner, the outlets they name, and their text."""

    number: int
    partner: int
    outlets: Sequence[int]
    terms: str


class _Newest(NamedTuple):
    version: int
    partner: int
    state: OfferState
    terms: str


async def import_offers(
    connection: Connection,
    actor: Actor,
    programme: int,
    offers: Iterable[NewOffer],
    mode: Mode = Mode.WHOLE,
) -> Import:
    """Keep offers of one programme as drafts, in one transaction.

    An offer whose newest version says the same is passed over; a draft there is replaced, else the draft is
    the next version. Refused are partners that are not the programme's, and outlets that are not the
    partner's.
    """
    sound, refused = sort_out(offers, lambda offer: offer.number, _fault)
    async with writing(connection, actor):
        await check_programme(connection, programme)
        for number, *why in await _misplaced(connection, programme, list(sound.values())):
            refused.append(Refusal(number, *why))
            del sound[number]
        newest = await _newest(connection, programme, list(sound))
        changed = [offer for offer in sound.values() if not _is_said(offer, newest.get(offer.number))]
        if changed and (mode is Mode.GOOD_ROWS or (mode is Mode.WHOLE and not refused)):
            await _keep_drafts(connection, programme, changed, newest)
            return Import(len(changed), len(sound) - len(changed), refused)
    return Import(len(changed) if mode is Mode.DRY_RUN else 0, len(sound) - len(changed), refused)


def _fault(offer: NewOffer) -> tuple[str, str] | None:
    is_text = 1 <= len(offer.terms) <= TERMS_CHARACTERS_MAX and "\0" not in offer.terms
    return first_fault(
        {
            "number": number_fault(offer.number, 1, ID_MAX),
            "partner": number_fault(offer.partner, 1, ID_MAX),
            "terms": ""
            if is_text
            else Phrase("must have at most {most} characters", most=TERMS_CHARACTERS_MAX),
        }
    )


async def _misplaced(
    connection: Connection, programme: int, offers: Sequence[NewOffer]
) -> list[tuple[int, str, Phrase]]:
    """Return number, column and reason of offers whose partner is not there, has no such outlet, or too many.

    What is already the partner's counts, whatever the import says of it.
    """
    partners = [offer.partner for offer in offers]
    rows = await connection.fetch(
        "select id from registry.partner where programme = $1 and id = any($2::int[])", programme, partners
    )
    known = {row["id"] for row in rows}
    rows = await connection.fetch(
        "select partner, id from registry.outlet where partner = any($1::int[])", partners
    )
    outlets = {(row["partner"], row["id"]) for row in rows}
    rows = await connection.fetch(
        "select partner, array_agg(number) as numbers from ("
        "select distinct on (number) number, partner, state from registry.offer "
        "where programme = $1 order by number, version desc) as newest "
        "where state <> 2 and partner = any($2::int[]) group by partner",
        programme,
        partners,
    )
    has = {row["partner"]: set(row["numbers"]) for row in rows}
    found = []
    for offer in offers:
        strange = [outlet for outlet in offer.outlets if (offer.partner, outlet) not in outlets]
        if offer.partner not in known:
            reason = Phrase(
                "there is no partner {partner} of programme {programme}",
                partner=offer.partner,
                programme=programme,
            )
            found.append((offer.number, "partner", reason))
        elif strange:
            reason = Phrase(
                "partner {partner} has no outlet {outlet}", partner=offer.partner, outlet=strange[0]
            )
            found.append((offer.number, "outlets", reason))
        else:
            numbers = has.setdefault(offer.partner, set())
            if offer.number not in numbers and len(numbers) >= OFFERS_PER_PARTNER_MAX:
                reason = Phrase(
                    "partner {partner} has {most} offers: withdraw some first",
                    partner=offer.partner,
                    most=OFFERS_PER_PARTNER_MAX,
                )
                found.append((offer.number, "partner", reason))
            else:
                numbers.add(offer.number)
    return found


async def _newest(connection: Connection, programme: int, numbers: list[int]) -> dict[int, _Newest]:
    rows = await connection.fetch(
        "select distinct on (number) number, version, partner, state, terms from registry.offer "
        "where programme = $1 and number = any($2::int[]) order by number, version desc",
        programme,
        numbers,
    )
    return {
        row["number"]: _Newest(row["version"], row["partner"], OfferState(row["state"]), row["terms"])
        for row in rows
    }


def _is_said(offer: NewOffer, newest: _Newest | None) -> bool:
    return newest is not None and newest.state is not OfferState.WITHDRAWN and newest.terms == offer.terms


async def _keep_drafts(
    connection: Connection, programme: int, offers: Sequence[NewOffer], newest: Mapping[int, _Newest]
) -> None:
    versions = []
    for offer in offers:
        before = newest.get(offer.number)
        versions.append(before.version + (before.state is not OfferState.DRAFT) if before else 1)
    await connection.execute(
        "insert into registry.offer (programme, number, version, partner, terms) "
        "select $1, * from unnest($2::int[], $3::int[], $4::int[], $5::text[]) "
        "on conflict (programme, number, version) "
        "do update set partner = excluded.partner, terms = excluded.terms",
        programme,
        [offer.number for offer in offers],
        versions,
        [offer.partner for offer in offers],
        [offer.terms for offer in offers],
    )


async def publish_draft(
    connection: Connection,
    actor: Actor,
    *,
    programme: int,
    number: int,
    effective_from: datetime,
    second_needed: bool = False,
) -> int:
    """Let an offer's draft hold from a moment on; return its version. NotInRegistry: it has no draft.

    `second_needed`: two persons do it, by the rules in force.
    """
    check_second(actor, "to publish an offer", needed=second_needed)
    async with writing(connection, actor):
        version: int | None = await connection.fetchval(
            "update registry.offer set state = 1, effective_from = $3, second_needed = $4 "
            "where programme = $1 and number = $2 and state = 0 returning version",
            programme,
            number,
            _moment(effective_from),
            second_needed,
        )
        if version is None:
            raise NotInRegistry("offer {number} has no draft", number=number)
    return version


async def withdraw_offer(
    connection: Connection,
    actor: Actor,
    *,
    programme: int,
    number: int,
    effective_from: datetime,
    second_needed: bool = False,
) -> int:
    """Let an offer hold no longer from a moment on, and give up its draft; return the new version.

    `second_needed`: two persons do it, by the rules in force. Raises NotInRegistry for an offer that was
    never published.
    """
    check_second(actor, "to withdraw an offer", needed=second_needed)
    async with writing(connection, actor):
        rows = await offer_versions(connection, programme, number)
        published = [row for row in rows if row["state"] == OfferState.PUBLISHED]
        if not published:
            raise NotInRegistry("offer {number} was never published", number=number)
        version: int = rows[0]["version"] + (rows[0]["state"] != OfferState.DRAFT)
        await connection.execute(
            "insert into registry.offer "
            "(programme, number, version, partner, state, effective_from, terms, second_needed) "
            "values ($1, $2, $3, $4, 2, $5, $6, $7) on conflict (programme, number, version) do update "
            "set partner = excluded.partner, state = 2, effective_from = $5, terms = excluded.terms, "
            "second_needed = $7",
            programme,
            number,
            version,
            published[0]["partner"],
            _moment(effective_from),
            published[0]["terms"],
            second_needed,
        )
    return version


async def as_they_stand(connection: Connection, programme: int, numbers: Collection[int]) -> dict[int, str]:
    """Each of these offers as it stands, by number, of those that are there: what is the same text was
    changed by nobody since.
    """
    rows = await connection.fetch(
        "select n as number, registry.offer_as_it_stands($1::smallint, n) as stands "
        "from unnest($2::int[]) as n",
        programme,
        list(numbers),
    )
    return {row["number"]: row["stands"] for row in rows if row["stands"] is not None}


def _moment(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise RegistryRefused("the moment from which an offer holds needs a time zone")
    check_number("the year from which an offer holds", moment.year, YEARS[0], YEARS[-1])
    return moment.astimezone(UTC)


async def offer_versions(connection: Connection, programme: int, number: int) -> list[Any]:
    """All versions of an offer, newest first."""
    check_number("the number of an offer", number, 1, ID_MAX)
    rows: list[Any] = await connection.fetch(
        f"select {_COLUMNS} from registry.offer where programme = $1 and number = $2 order by version desc",  # noqa: S608 a fixed list
        programme,
        number,
    )
    return rows


async def list_offers(
    connection: Connection,
    programme: int,
    *,
    after: int = 0,
    limit: int = 100,
    partner: int | None = None,
) -> list[Any]:
    """All versions of a page of offers with a number above `after`, by number, newest version first.

    Raises NotInRegistry for a partner who is not there.
    """
    check_page(limit, after)
    if partner is not None:
        await check_partner(connection, partner)
    rows: list[Any] = await connection.fetch(
        f"select {_COLUMNS} from registry.offer where programme = $1 and number in ("  # noqa: S608 a fixed list
        "select distinct number from registry.offer where programme = $1 and number > $2::bigint "
        "and ($4::bigint is null or partner = $4) order by number limit $3) order by number, version desc",
        programme,
        after,
        limit,
        partner,
    )
    return rows


async def drafts_of(connection: Connection, programme: int, limit: int = 100) -> list[Any]:
    """The drafts of a programme by number, and who wrote each."""
    check_page(limit)
    rows: list[Any] = await connection.fetch(
        f"select {_COLUMNS}, drafted_by from registry.offer where programme = $1 and state = 0 "  # noqa: S608 a fixed list
        "order by number limit $2",
        programme,
        limit,
    )
    return rows


async def published_terms(connection: Connection, programme: int, numbers: Collection[int]) -> list[Any]:
    """The terms of these offers, of the newest version that was ever published."""
    rows: list[Any] = await connection.fetch(
        "select distinct on (number) number, terms from registry.offer "
        "where programme = $1 and number = any($2::bigint[]) and state > 0 order by number, version desc",
        programme,
        list(numbers),
    )
    return rows


class Public(NamedTuple):
    """What a public list is made of: versions that were ever published, partners, outlets."""

    versions: list[Any]
    partners: list[Any]
    outlets: list[Any]


async def read_public(connection: Connection, programme: int) -> Public:
    """Everything that the public list of a programme is made of, by number."""
    return Public(
        await connection.fetch(
            f"select {_COLUMNS} from registry.offer where programme = $1 and state > 0 "  # noqa: S608 a fixed list
            "order by number, version",
            programme,
        ),
        await connection.fetch(
            "select id, name, status, main_partner from registry.partner where programme = $1 order by id",
            programme,
        ),
        await connection.fetch(
            "select o.id, o.partner, o.name, o.address from registry.outlet o "
            "join registry.partner p on p.id = o.partner where p.programme = $1 order by o.id",
            programme,
        ),
    )

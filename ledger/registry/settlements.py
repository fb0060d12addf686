"""Owns the writes of a month's end: statements kept, months closed, corrections entered.

What a statement holds is its maker's (`ledger.settlement`); here it is a document. That a closed month stays
as it was, and that months follow each other, the database holds (migrations, 0081). Invariant: a month that
was proposed to be closed is closed as it was proposed, and approved in the same write, or not at all. Takes
the owner's connection, or a programme's own role.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from ledger.errors import DatabaseContended, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second, writing
from ledger.registry.bounds import check_number, check_text
from ledger.registry.partners import check_partner
from ledger.registry.proposals import ProposalState, approve, newest

NET_GROSZE_MAX: Final = 100_000_000_000
ORIGIN_CHARACTERS_MAX: Final = 64
_NAMED: Final = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])|[A-Z0-9_]+/(20[0-9]{2})/(0[1-9]|1[0-2])/[0-9]+")
_KEEP: Final = """
insert into registry.statement (programme, month, partner, number, due_grosze, document)
  select $1, $2, s.partner, s.number, s.due, s.document::jsonb
    from unnest($3::int[], $4::text[], $5::bigint[], $6::text[]) as s(partner, number, due, document)
  on conflict (programme, month, partner) do update set
    number = excluded.number, due_grosze = excluded.due_grosze, document = excluded.document,
    computed_at = clock_timestamp()"""
_KEEP_SUMMARY: Final = """
insert into registry.settlement_summary (programme, month, summary) values ($1, $2, $3::text::jsonb)
  on conflict (programme, month) do update set summary = excluded.summary, computed_at = clock_timestamp()"""
_DROP: Final = """
delete from registry.statement where programme = $1 and month = $2 and not partner = any ($3::int[])"""
_CLOSE: Final = """
insert into registry.settlement_period (programme, month, first_id, through_id, zone, second_needed)
  values ($1, $2, $3, $4, $5, $6)
  returning (extract(epoch from closed_at) * 1000)::bigint"""
_CORRECTED: Final = """
select coalesce(max(number), 0) from registry.settlement_correction where programme = $1 and month = $2"""
_BEGUN: Final = """
select to_date($2 || '-01', 'YYYY-MM-DD') <= (now() at time zone registry.zone_of_v1($1, now()))::date"""


class Kept(NamedTuple):
    """A statement to keep, as a document."""

    partner: int
    number: str
    due_grosze: int
    document: str


class NewCorrection(NamedTuple):
    """What is set right: a net sum, its rate of VAT in percent, and what it is of: a month, or a text."""

    net_grosze: int
    vat_rate: int
    origin: str = ""


class Documents(NamedTuple):
    """All that a month came to: the organiser's summary, as a document, and the statements."""

    summary: str
    statements: Sequence[Kept]


class Closing(NamedTuple):
    """A month to close: its ids, both inclusive, and whose clock its days were read on.

    corrected: the newest correction it was computed with. second_needed: two persons close it, by the rules.
    proposal: what is approved with it; 0: it was not proposed.
    """

    first_id: int
    through_id: int
    zone: str
    second_needed: bool
    corrected: int
    proposal: int = 0


async def keep_documents(
    connection: Connection, actor: Actor, programme: int, month: str, documents: Documents
) -> None:
    """Keep what an open month came to; it takes the place of what was kept before."""
    async with writing(connection, actor):
        await _keep(connection, programme, month, documents)


async def close_month(
    connection: Connection, actor: Actor, programme: int, month: str, closing: tuple[Closing, Documents]
) -> int:
    """Keep what a month came to for ever; returns when it was closed, in ms since 1970.

    Raises DatabaseContended where a correction came that it was computed without; RegistryRefused where it is
    not what was proposed, or this person may not approve that.
    """
    period, documents = closing
    async with writing(connection, actor):
        if await connection.fetchval(_CORRECTED, programme, month) != period.corrected:
            raise DatabaseContended("a correction was entered while the month was computed")
        await _keep(connection, programme, month, documents)
        if not period.proposal:
            waiting = await newest(connection, programme, "close_month", month, open_only=True)
            if waiting is not None and waiting["state"] == ProposalState.PROPOSED:
                raise RegistryRefused(
                    "a proposal to close {month} waits at the desk: decide that", month=month
                )
        else:
            proposal = await approve(connection, actor, period.proposal)
            agreed = msgspec.json.decode(proposal["terms"])
            if agreed.get("digest") != await month_digest(connection, programme, month):
                raise RegistryRefused(
                    "the month is not what was proposed any more: refuse that, compute it and propose it anew"
                )
        at_ms: int = await connection.fetchval(_CLOSE, programme, month, *period[:4])
    return at_ms


async def month_digest(connection: Connection, programme: int, month: str) -> str | None:
    """All that a month comes to as it is kept, as one value; None: it was never computed."""
    digest: str | None = await connection.fetchval(
        "select registry.month_digest_v1($1, $2)", programme, month
    )
    return digest


async def check_begun(connection: Connection, programme: int, month: str) -> None:
    """Raise RegistryRefused for a month that is to come, by the programme's clock."""
    if not await connection.fetchval(_BEGUN, programme, month):
        raise RegistryRefused("month {month} has not begun yet", month=month)


async def check_open(connection: Connection, programme: int, month: str) -> None:
    """Raise RegistryRefused for a month that nothing is entered in: to come, closed, or before a closed
    one.
    """
    await check_begun(connection, programme, month)
    if await connection.fetchval(
        "select true from registry.settlement_period where programme = $1 and month >= $2", programme, month
    ):
        raise RegistryRefused("month {month} is closed: enter it in one that is open", month=month)


def named_month(origin: str) -> str:
    """Return the month that an origin names, as "2026-10" or by the number of a statement; "" without one."""
    found = _NAMED.fullmatch(origin)
    return "-".join(filter(None, found.groups())) if found else ""


def check_correction(actor: Actor, month: str, net_grosze: int, origin: str) -> None:
    """Raise RegistryRefused for a sum, an origin or a want of a reason that no correction has."""
    check_number("the sum of a correction", net_grosze, -NET_GROSZE_MAX, NET_GROSZE_MAX)
    check_text("what it sets right", origin, ORIGIN_CHARACTERS_MAX, least=0)
    if not net_grosze or not actor.reason.strip():
        raise RegistryRefused("a correction has a sum that is not 0, and a reason, which is kept")
    if (named := named_month(origin)) > month:
        raise RegistryRefused("month {month} is later than that of the correction", month=named)


async def enter_correction(
    connection: Connection,
    actor: Actor,
    partner: int,
    month: str,
    what: NewCorrection,
    *,
    second_needed: bool = True,
) -> int:
    """Enter a correction of a partner's account in an open month.

    Wants a reason, and by the rules a second person, who stay in the trail. Returns its number.
    """
    check_correction(actor, month, what.net_grosze, what.origin)
    check_second(actor, "a correction", needed=second_needed)
    async with writing(connection, actor):
        programme = await check_partner(connection, partner)
        await check_open(connection, programme, month)
        number: int = await connection.fetchval(
            "insert into registry.settlement_correction "
            "(programme, partner, month, net_grosze, vat_rate, origin, second_needed) "
            "values ($1, $2, $3, $4, $5, $6, $7) returning number",
            programme,
            partner,
            month,
            *what,
            second_needed,
        )
    return number


async def _keep(connection: Connection, programme: int, month: str, documents: Documents) -> None:
    statements = documents.statements
    await connection.execute(_DROP, programme, month, [kept.partner for kept in statements])
    await connection.execute(_KEEP, programme, month, *_columns(statements))
    await connection.execute(_KEEP_SUMMARY, programme, month, documents.summary)


def _columns(statements: Sequence[Kept]) -> tuple[list[int], list[str], list[int], list[str]]:
    return (
        [kept.partner for kept in statements],
        [kept.number for kept in statements],
        [kept.due_grosze for kept in statements],
        [kept.document for kept in statements],
    )

"""Owns the writes of a month's end: statements kept, months closed, corrections entered.

What a statement holds is its maker's (`ledger.settlement`); here it is a document. That a closed month stays
as it was, and that months follow each other, the database holds (migrations, 0081). Takes the owner's
connection, or a programme's own role.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.errors import DatabaseContended, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, check_second, writing
from ledger.registry.bounds import check_number, check_text
from ledger.registry.partners import check_partner

NET_GROSZE_MAX: Final = 100_000_000_000
ORIGIN_CHARACTERS_MAX: Final = 64
_KEEP: Final = """
insert into registry.statement (programme, month, partner, number, due_grosze, document)
  select $1, $2, s.partner, s.number, s.due, s.document::jsonb
    from unnest($3::int[], $4::text[], $5::bigint[], $6::text[]) as s(partner, number, due, document)
  on conflict (programme, month, partner) do update set
    number = excluded.number, due_grosze = excluded.due_grosze, document = excluded.document,
    computed_at = clock_timestamp()"""
_CLOSE: Final = """
insert into registry.settlement_period (programme, month, first_id, through_id, zone, summary, second_needed)
  values ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
  returning (extract(epoch from closed_at) * 1000)::bigint"""
_CORRECTED: Final = """
select coalesce(max(number), 0) from registry.settlement_correction where programme = $1 and month = $2"""


class Kept(NamedTuple):
    """A statement to keep, as a document."""

    partner: int
    number: str
    due_grosze: int
    document: str


class Closing(NamedTuple):
    """A month to close: its ids, both inclusive, whose clock its days were read on, and the summary.

    corrected: the newest correction it was computed with. second_needed: two persons close it, by the rules.
    """

    first_id: int
    through_id: int
    zone: str
    summary: str
    corrected: int
    second_needed: bool = True


async def keep_statements(
    connection: Connection, actor: Actor, programme: int, month: str, statements: Sequence[Kept]
) -> None:
    """Keep the statements of an open month; they take the place of those kept before."""
    async with writing(connection, actor):
        await connection.execute(_KEEP, programme, month, *_columns(statements))


async def close_month(
    connection: Connection, actor: Actor, programme: int, month: str, closing: tuple[Closing, Sequence[Kept]]
) -> int:
    """Keep the statements of a month for ever; returns when it was closed, in ms since 1970.

    Raises DatabaseContended where a correction came that they were computed without.
    """
    period, statements = closing
    async with writing(connection, actor):
        if await connection.fetchval(_CORRECTED, programme, month) != period.corrected:
            raise DatabaseContended("a correction was entered while the month was computed")
        await connection.execute(_KEEP, programme, month, *_columns(statements))
        at_ms: int = await connection.fetchval(_CLOSE, programme, month, *period[:4], period.second_needed)
    return at_ms


async def enter_correction(
    connection: Connection,
    actor: Actor,
    partner: int,
    month: str,
    net_grosze: int,
    *,
    origin: str = "",
    second_needed: bool = True,
) -> int:
    """Enter a correction of a partner's account in an open month, net; `origin`: what it sets right.

    Wants a reason, and by the rules a second person, who stay in the trail. Returns its number.
    """
    check_number("the sum of a correction", net_grosze, -NET_GROSZE_MAX, NET_GROSZE_MAX)
    check_text("what it sets right", origin, ORIGIN_CHARACTERS_MAX, least=0)
    if not net_grosze:
        raise RegistryRefused("a correction of nothing sets nothing right")
    if not actor.reason.strip():
        raise RegistryRefused("a correction wants a reason, which is kept")
    check_second(actor, "a correction", needed=second_needed)
    async with writing(connection, actor):
        programme = await check_partner(connection, partner)
        if await connection.fetchval(
            "select true from registry.settlement_period where programme = $1 and month >= $2",
            programme,
            month,
        ):
            raise RegistryRefused("month {month} is closed: enter it in one that is open", month=month)
        number: int = await connection.fetchval(
            "insert into registry.settlement_correction "
            "(programme, partner, month, net_grosze, origin, second_needed) "
            "values ($1, $2, $3, $4, $5, $6) returning number",
            programme,
            partner,
            month,
            net_grosze,
            origin,
            second_needed,
        )
    return number


def _columns(statements: Sequence[Kept]) -> tuple[list[int], list[str], list[int], list[str]]:
    return (
        [kept.partner for kept in statements],
        [kept.number for kept in statements],
        [kept.due_grosze for kept in statements],
        [kept.document for kept in statements],
    )

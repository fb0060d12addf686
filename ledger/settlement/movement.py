"""Owns the reading of what a month moved: sums of postings and journal by partner and day.

A month is a range of transaction ids (migrations, 0081). What takes a sale of an earlier month back names
that month. Reads through schema office, so a programme's own role settles its own. Must not know prices.
"""

from datetime import date
from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.settlement.leases import Contract, Spell

_MOVED: Final = "select * from office.moved_v1($1, $2, $3, $4)"
# What campaigns gave beside a partner's sales, less what they took back: points of the organiser. A bonus is
# of the month it was posted in; where its sale is of an earlier one, closed or not, it names that.
_BONUSES: Final = "select * from office.bonuses_v1($1, $2, $3, $4)"
# When terminals were active within a month, where they stood then: by the trail of the registry.
_SPELLS: Final = """
select t.id, (a.after ->> 'partner')::int, (a.after ->> 'outlet')::int, greatest(a.at, $2::timestamptz),
    least(coalesce(b.at, 'infinity'), $3::timestamptz)
  from registry.terminal t join registry.partner p on p.id = t.partner and p.programme = $1
  join registry.audit a on a.object = 'terminal' and a.key = t.id::text and a.at < $3
    and a.after ->> 'status' = '0'
  left join lateral (select b.at from registry.audit b
    where b.object = 'terminal' and b.key = a.key and b.id > a.id order by b.id limit 1) b on true
  where b.at is null or b.at > $2"""
_CONTRACTS: Final = """
select c.partner, c.number, c.outlet, c.starts_on, c.ends_on, c.with_services from registry.partner_contract c
  where c.programme = $1 and c.state in (3, 4) and c.starts_on < $3 and (c.ends_on is null or c.ends_on >= $2)
  order by 1, 2"""
_PARTIES: Final = """
select p.id, coalesce(nullif(d.legal_name, ''), p.name), coalesce(d.tax_id, ''), coalesce(d.address, '')
  from registry.partner p left join registry.partner_details d on d.partner = p.id where p.programme = $1"""
_CORRECTIONS: Final = """
select number, partner, net_grosze, vat_rate, origin, reason from registry.settlement_correction
  where programme = $1 and month = $2 order by number"""
_FEES: Final = """
select count(*)::int, coalesce(sum(grosze), 0)::bigint, (select coalesce(sum(p.grosze), 0)::bigint
    from registry.card_fee_payment p where p.programme = $1 and p.at >= $2 and p.at < $3)
  from registry.card_fee where programme = $1 and grosze > 0 and owed_at >= $2 and owed_at < $3"""


class Moved(NamedTuple):
    """What one business day moved at a partner, of sales by one version of the rules; origin: the earlier
    month whose sales it takes back, or empty. Points, rebates and discounts are net of what was taken back.
    """

    partner: int
    day: date
    origin: str
    version: int
    earns: int
    issued: int
    redemptions: int
    redeemed: int
    rebates_grosze: int
    uses: int
    discounts_grosze: int
    refunds: int
    reversals: int


class Party(NamedTuple):
    """A partner as documents name it."""

    name: str
    tax_id: str
    address: str


class Bonus(NamedTuple):
    """Points of campaigns beside a partner's sales, net of what was taken back; origin: the earlier month of
    the sales, or empty.
    """

    partner: int
    origin: str
    points: int


class Correction(NamedTuple):
    """What somebody set right."""

    number: int
    partner: int
    net_grosze: int
    vat_rate: int
    origin: str
    reason: str


class Span(NamedTuple):
    """A month of a programme: its ids, both inclusive, and its clock. `code`: the programme's."""

    programme: int
    code: str
    month: str
    first_id: int
    through_id: int
    zone: str


class Month(NamedTuple):
    """All that a month's statements are made of."""

    span: Span
    moved: list[Moved]
    contracts: list[Contract]
    spells: list[Spell]
    parties: dict[int, Party]
    corrections: list[Correction]
    bonuses: list[Bonus]
    fees: tuple[int, int, int]
    """How many duplicates that cost something were handed over, what they cost, and what was paid of such
    fees, whenever they were owed, less what was taken back, whenever that was paid; in grosze.
    """


async def read_month(connection: Connection, span: Span) -> Month:
    """Read a month of a programme, from one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        begins, ends = await connection.fetchrow(
            "select to_timestamp(($1::bigint >> 22) / 1000.0), "
            "to_timestamp((($2::bigint + 1) >> 22) / 1000.0)",
            span.first_id,
            span.through_id,
        )
        first_day, next_day = await connection.fetchrow(
            "select d, (d + interval '1 month')::date from to_date($1 || '-01', 'YYYY-MM-DD') as d",
            span.month,
        )
        programme = span.programme

        async def rows(sql: str, *arguments: object) -> list[Any]:
            found: list[Any] = await connection.fetch(sql, programme, *arguments)
            return found

        fees = await connection.fetchrow(_FEES, programme, begins, ends)
        return Month(
            span,
            [Moved(*row) for row in await rows(_MOVED, span.first_id, span.through_id, span.zone)],
            [Contract(*row) for row in await rows(_CONTRACTS, first_day, next_day)],
            [Spell(*row) for row in await rows(_SPELLS, begins, ends)],
            {row[0]: Party(*row[1:]) for row in await rows(_PARTIES)},
            [Correction(*row) for row in await rows(_CORRECTIONS, span.month)],
            [Bonus(*row) for row in await rows(_BONUSES, span.first_id, span.through_id, span.zone)],
            (fees[0], fees[1], fees[2]),
        )

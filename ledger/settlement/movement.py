"""Owns the reading of what a month moved: sums of postings and journal by partner and day, set-based.

A month is a range of transaction ids (migrations, 0081). What takes a sale of an earlier month back names
that month. Reads through schema office, so a programme's own role settles its own. Must not know prices.
"""

from datetime import date
from typing import Any, Final, NamedTuple

from ledger.postgres.database import Connection

# Points and discounts are what stands in postings; how often, and of what, is what stands in the journal.
_MOVED: Final = """
with leg as (
  select p.bucket, p.transaction_id, s.account >> 3 as partner,
      sum(case when s.account & 7 = 1 then -s.n else 0 end) as issued,
      sum(case when s.account & 7 = 2 then s.n else 0 end) as redeemed,
      sum(case when s.account & 7 = 5 then -s.n else 0 end) as discount
    from office.posting p
    cross join lateral (values (p.debit, -p.points), (p.credit, p.points)) as s(account, n)
    where p.bucket = any($2::int[]) and p.transaction_id between $3 and $4
      and ((p.unit = 0 and s.account & 7 in (1, 2)) or (p.unit = 2 and s.account & 7 = 5))
    group by 1, 2, 3
), entry as (
  select j.bucket, j.transaction_id, j.kind, j.rules_version, j.amount_grosze, j.original_stan,
      coalesce(j.original_terminal, j.terminal) as original_terminal, j.counter_account >> 3 as partner
    from office.journal j
    where j.bucket = any($2::int[]) and j.transaction_id between $3 and $4 and j.code = 0
      and j.kind not in (0, 7)
), moved as (
  select coalesce(l.partner, e.partner) as partner, coalesce(l.transaction_id, e.transaction_id) as id,
      e.bucket, e.kind, e.rules_version, e.amount_grosze, e.original_stan, e.original_terminal,
      coalesce(l.issued, 0) as issued, coalesce(l.redeemed, 0) as redeemed,
      coalesce(l.discount, 0) as discount
    from entry e full join leg l on l.bucket = e.bucket and l.transaction_id = e.transaction_id
), named as (
  select m.*, o.kind as original_kind, o.amount_grosze as original_grosze,
      coalesce(o.rules_version, m.rules_version, 0) as version,
      case when o.transaction_id < $3
        then to_char(to_timestamp((o.transaction_id >> 22) / 1000.0) at time zone $5, 'YYYY-MM')
        else '' end as origin
    from moved m left join lateral (
      select j.kind, j.amount_grosze, j.rules_version, j.transaction_id from office.journal j
        where m.original_stan > 0 and j.bucket = m.bucket and j.terminal = m.original_terminal
          and j.stan = m.original_stan limit 1) o on true
)
select n.partner::int, (to_timestamp((n.id >> 22) / 1000.0) at time zone $5)::date, n.origin, n.version::int,
    count(*) filter (where n.kind in (1, 2))::int, sum(n.issued)::bigint,
    count(*) filter (where n.kind = 3)::int, sum(n.redeemed)::bigint,
    sum(case when n.redeemed = 0 then 0 when n.kind = 3 then n.amount_grosze
        when n.original_kind = 3 then -n.original_grosze else 0 end)::bigint,
    count(*) filter (where n.kind in (8, 9))::int, sum(n.discount)::bigint,
    count(*) filter (where n.kind = 10)::int, count(*) filter (where n.kind = 4)::int
  from named n join registry.partner p on p.id = n.partner and p.programme = $1
  group by 1, 2, 3, 4 order by 1, 2, 3, 4"""
# What campaigns gave beside a partner's sales, less what they took back: points of the organiser.
_BONUSES: Final = """
select b.partner, sum(b.points)::bigint from office.bonus b
  where b.bucket = any($2::int[]) and b.programme = $1 and b.transaction_id between $3 and $4
  group by 1 having sum(b.points) <> 0"""
# A terminal is leased in a month in which it was active at any moment, by the trail of the registry.
_LEASED: Final = """
select t.partner, count(*)::int
  from registry.terminal t join registry.partner p on p.id = t.partner and p.programme = $1
  where exists (
    select from registry.audit a where a.object = 'terminal' and a.key = t.id::text and a.at < $3
      and a.after ->> 'status' = '0' and not exists (
        select from registry.audit b
          where b.object = 'terminal' and b.key = a.key and b.id > a.id and b.at <= $2))
  group by 1"""
_CONTRACTS: Final = """
select c.partner, c.starts_on, c.ends_on, c.with_services from registry.partner_contract c
  where c.programme = $1 and c.state in (3, 4) and c.starts_on < $3 and (c.ends_on is null or c.ends_on >= $2)
  order by 1, 2"""
_PARTIES: Final = """
select p.id, coalesce(nullif(d.legal_name, ''), p.name), coalesce(d.tax_id, ''), coalesce(d.address, '')
  from registry.partner p left join registry.partner_details d on d.partner = p.id where p.programme = $1"""
_CORRECTIONS: Final = """
select number, partner, net_grosze, origin from registry.settlement_correction
  where programme = $1 and month = $2 order by number"""
_FEES: Final = """
select count(*)::int, coalesce(sum(grosze), 0)::bigint from registry.card_fee
  where programme = $1 and grosze > 0 and decided_at >= $2 and decided_at < $3"""


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


class Contract(NamedTuple):
    """A contract that ran on a day of the month."""

    partner: int
    starts_on: date
    ends_on: date | None
    with_services: bool


class Party(NamedTuple):
    """A partner as documents name it."""

    name: str
    tax_id: str
    address: str


class Correction(NamedTuple):
    """What somebody set right."""

    number: int
    partner: int
    net_grosze: int
    origin: str


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
    terminals: dict[int, int]
    parties: dict[int, Party]
    corrections: list[Correction]
    bonuses: dict[int, int]
    """Points of campaigns by partner, net of what was taken back."""
    fees: tuple[int, int]
    """How many duplicates cost something, and what they cost, in grosze."""


async def read_month(connection: Connection, span: Span) -> Month:
    """Read a month of a programme, from one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        buckets = list(range(await connection.fetchval("select buckets from registry.layout")))
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
            [Moved(*row) for row in await rows(_MOVED, buckets, span.first_id, span.through_id, span.zone)],
            [Contract(*row) for row in await rows(_CONTRACTS, first_day, next_day)],
            {row[0]: row[1] for row in await rows(_LEASED, begins, ends)},
            {row[0]: Party(*row[1:]) for row in await rows(_PARTIES)},
            [Correction(*row) for row in await rows(_CORRECTIONS, span.month)],
            dict(await rows(_BONUSES, buckets, span.first_id, span.through_id)),
            (fees[0], fees[1]),
        )

"""Owns the views of statements as they are kept: which months there are, a page of one, what it comes to.

Of an open month that is what the last run made. Takes the owner's connection, or a programme's own role.
"""

from typing import Any, Final

from ledger.postgres.database import Connection
from ledger.registry.bounds import check_page

MONTHS_MAX: Final = 120
_MONTHS: Final = """
select month, max(p.closed_at) as closed_at, count(s.partner) as statements, max(s.computed_at) as computed_at
  from (select month, partner, computed_at from registry.statement where programme = $1) as s
  full join (select month, closed_at from registry.settlement_period where programme = $1) as p using (month)
  group by month order by month desc limit $2"""
_PAGE: Final = """
select partner, number, due_grosze, document ->> 'partner_name' as name from registry.statement
  where programme = $1 and month = $2 and partner > $3::bigint order by partner limit $4"""
_SUMS: Final = """
select count(*) as statements, coalesce(sum((document ->> 'net_grosze')::bigint), 0)::bigint as net_grosze,
    coalesce(sum((document ->> 'vat_grosze')::bigint), 0)::bigint as vat_grosze,
    coalesce(sum((document ->> 'gross_grosze')::bigint), 0)::bigint as gross_grosze,
    coalesce(sum((document ->> 'rebates_grosze')::bigint), 0)::bigint as rebates_grosze,
    coalesce(sum(due_grosze), 0)::bigint as due_grosze
  from registry.statement where programme = $1 and month = $2"""
_LINES: Final = """
select l.kind, sum(l.quantity)::bigint as quantity, l.unit_grosze, sum(l.net_grosze)::bigint as net_grosze,
    l.vat_rate, l.origin
  from registry.statement s
  cross join lateral (
    select e ->> 'kind' as kind, (e ->> 'quantity')::bigint as quantity,
        (e ->> 'net_grosze')::bigint as net_grosze,
        case when e ->> 'kind' in ('points_bought', 'lease') then (e ->> 'unit_grosze')::bigint else 0 end
          as unit_grosze, (e ->> 'vat_rate')::int as vat_rate, coalesce(e ->> 'origin', '') as origin
      from jsonb_array_elements(s.document -> 'lines') as e) as l
  where s.programme = $1 and s.month = $2
  group by l.kind, l.unit_grosze, l.vat_rate, l.origin
  order by l.kind, l.origin, l.unit_grosze"""


async def months_of_partner(connection: Connection, programme: int, partner: int) -> list[Any]:
    """The statements of a partner, the newest first: month, number, what is due, whether it is closed."""
    rows: list[Any] = await connection.fetch(
        "select month, s.number, s.due_grosze, p.closed_at is not null as is_closed "
        "from registry.statement s left join registry.settlement_period p using (programme, month) "
        "where s.programme = $1 and s.partner = $2 order by month desc limit $3",
        programme,
        partner,
        MONTHS_MAX,
    )
    return rows


async def kept_months(connection: Connection, programme: int) -> list[Any]:
    """The months that were settled or closed, the newest first."""
    rows: list[Any] = await connection.fetch(_MONTHS, programme, MONTHS_MAX)
    return rows


async def kept_page(
    connection: Connection, programme: int, month: str, *, after: int = 0, limit: int = 100
) -> list[Any]:
    """A page of a month's statements, by partner: number, name, what is due."""
    check_page(limit, after)
    rows: list[Any] = await connection.fetch(_PAGE, programme, month, after, limit)
    return rows


async def kept_sums(connection: Connection, programme: int, month: str) -> Any:
    """What a month's statements come to together; 0 of everything where there is none."""
    return await connection.fetchrow(_SUMS, programme, month)


async def kept_lines(connection: Connection, programme: int, month: str) -> list[Any]:
    """The lines of a month's statements together, by kind, origin and price."""
    rows: list[Any] = await connection.fetch(_LINES, programme, month)
    return rows

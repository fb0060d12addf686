"""Owns the views of statements as they are kept: which months there are, and a page of one.

Of an open month that is what the last run made. Takes the owner's connection, or a programme's own role.
"""

from typing import Any, Final

from ledger.postgres.database import Connection
from ledger.registry.bounds import check_page

MONTHS_MAX: Final = 120
_MONTHS: Final = """
select month, p.closed_at, (summary ->> 'statements')::int as statements, computed_at
  from registry.settlement_summary left join registry.settlement_period p using (programme, month)
  where programme = $1 order by month desc limit $2"""
_PAGE: Final = """
select partner, number, due_grosze, document ->> 'partner_name' as name from registry.statement
  where programme = $1 and month = $2 and partner > $3::bigint order by partner limit $4"""


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

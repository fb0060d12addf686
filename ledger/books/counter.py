"""Owns what a holder is told of a card account's past: the counter of benefits ("licznik korzyści"; Zgierz
§ 19).

Read through schema office, with a programme's rights or all of them. A page is named by how many rows are
newer, never by a row: no number that somebody types leads into another account. Changes nothing.
"""

from typing import Final

import msgspec

from ledger.books.posting import bucket_of
from ledger.books.statements import NEWEST_ROW
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

ROWS_MAX: Final = 5_000
"""So far back the counter goes: thirteen uses a day for a year."""
_COUNTER: Final = """
select c.accepted_at_ms, c.kind, c.code, c.points, c.balance, c.amount_grosze,
    coalesce(c.discount_grosze, 0), coalesce(c.offer, 0), coalesce(t.partner, 0), coalesce(p.name, ''),
    coalesce(o.name, '')
  from office.chain_v1($1, $2, $3, least($4::int, $6::int)) with ordinality as c
    left join registry.terminal t on t.id = c.terminal
    left join registry.partner p on p.id = t.partner
    left join registry.outlet o on o.id = t.outlet
  where c.ordinality > $5 order by c.ordinality"""


class CounterRow(msgspec.Struct, frozen=True, gc=False):
    """One entry: when, what, what came of it (`code` 0: approved), and where. `offer`, `partner` 0: none."""

    at_ms: int
    kind: int
    code: int
    points: int
    balance: int
    amount_grosze: int
    discount_grosze: int
    offer: int
    partner: int
    partner_name: str
    outlet_name: str


async def read_counter(
    connection: Connection, account: int, *, newer: int = 0, limit: int = 50
) -> list[CounterRow]:
    """A page of an account's entries, newest first: those after so many `newer` ones."""
    if not (0 <= newer <= ROWS_MAX and 1 <= limit <= ROWS_MAX):
        raise RegistryRefused("the counter goes back {most} entries", most=ROWS_MAX)
    bucket = bucket_of(account, await layout_buckets(connection))
    head = await connection.fetchrow(NEWEST_ROW, bucket, account)
    if head is None:
        return []
    rows = await connection.fetch(_COUNTER, bucket, *head, newer + limit, newer, ROWS_MAX)
    return [CounterRow(*row) for row in rows]

"""Owns the reading of quotas: what is left of each. Takes the service's connection, and changes nothing.

What a use may take is decided where it is posted; this is what a terminal is told beforehand. Knows nothing
of offers or calendars: a `QuotaLeg` names owner, quota, period and limit.
"""

from collections.abc import Sequence
from typing import Final

from ledger.books.posting import QuotaLeg
from ledger.books.rows import array_literal
from ledger.postgres.database import Connection
from ledger.registry.reads import layout_buckets

LEFT: Final = """
select greatest(u.allowed + coalesce((
    select sum(q.balance) from generate_series(0, $1 - 1) as b(bucket)
      cross join lateral (select q.balance from ledger.quota q
        where q.bucket = b.bucket and q.period = u.period and q.quota = u.quota and q.owner = u.owner
        limit 1) q
      where u.owner & 7 <> 0 or b.bucket = ledger.bucket_of(u.owner, $1)), 0), 0)::int
  from unnest($2::text::bigint[], $3::text::int[], $4::text::int[], $5::text::int[])
    with ordinality as u(owner, quota, period, allowed, n)
  order by u.n"""


async def uses_left(connection: Connection, quotas: Sequence[QuotaLeg]) -> list[int]:
    """What is left of each, in the order given (>= 0); of a wide one: in all buckets together."""
    if not quotas:
        return []
    buckets = await layout_buckets(connection)
    columns = map(array_literal, zip(*quotas, strict=True))
    return [row[0] for row in await connection.fetch(LEFT, buckets, *columns)]

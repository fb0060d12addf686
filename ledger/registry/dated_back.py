"""Owns the dating back of a registry that stands for a past which was simulated: never of one that is real.

The trail and the contracts' days are held by triggers; they are off within the transaction alone. Takes the
owner's connection. Must not know who simulates, or what.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing

_HELD: Final = (("partner_contract", "contract_moves"), ("audit", "audit_stays"))
_OPEN: Final = """insert into ledger.account (bucket, id)
  select ledger.bucket_of(a, l.buckets), a from registry.layout l cross join unnest($1::bigint[]) as a"""
_CONTRACTS: Final = """insert into registry.partner_contract as c
    (partner, number, programme, outlet, state, declared_on, verify_by, verified_on, starts_on, months_min,
     ends_on, with_services)
  select n.partner, n.number, p.programme, n.outlet, case when n.ends_on is null then 3 else 4 end,
      n.starts_on, n.starts_on + 14, n.starts_on, n.starts_on, 12, n.ends_on, n.services
    from unnest($1::int[], $2::int[], $3::int[], $4::date[], $5::date[], $6::boolean[])
      as n(partner, number, outlet, starts_on, ends_on, services)
    join registry.partner p on p.id = n.partner order by n.partner, n.number
  on conflict (partner, number) do update set state = excluded.state, starts_on = excluded.starts_on,
    verified_on = excluded.starts_on, declared_on = excluded.starts_on,
    verify_by = excluded.starts_on + 14, ends_on = excluded.ends_on, with_services = excluded.with_services"""
_TERMINALS: Final = "update registry.audit set at = $1 where object = 'terminal'"


class Begun(NamedTuple):
    """A contract: its number with the partner, the outlet it is about (None: all others), its first and last
    day, and whether the partner uses other services, too. Number 1 is there and of the partner as a whole.
    """

    partner: int
    number: int
    outlet: int | None
    starts_on: date
    ends_on: date | None
    with_services: bool


async def date_back(
    connection: Connection,
    actor: Actor,
    contracts: Sequence[Begun],
    terminals_since: datetime,
    accounts: Sequence[int],
) -> None:
    """Have contracts begun and all terminals been there before they were entered; open the accounts of cards
    that are no part of the registry.
    """
    async with writing(connection, actor):
        for table, trigger in _HELD:
            await connection.execute(f"alter table registry.{table} disable trigger {trigger}")
        await connection.execute(_CONTRACTS, *map(list, zip(*contracts, strict=True)))
        await connection.execute(_TERMINALS, terminals_since)
        await connection.execute(_OPEN, accounts)
        for table, trigger in _HELD:
            await connection.execute(f"alter table registry.{table} enable trigger {trigger}")

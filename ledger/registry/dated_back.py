"""Owns the dating back of a registry that stands for a past which was simulated: never of one that is real.

The trail and the contracts' days are held by triggers; they are off within the transaction alone. Takes the
owner's connection. Must not know who simulates, or what.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from ledger.postgres.database import Connection
from ledger.registry.audit import Actor, writing

_HELD: Final = (("partner_contract", "contract_moves"), ("audit", "audit_stays"))
_OPEN: Final = """insert into ledger.account (bucket, id)
  select ledger.bucket_of(a, l.buckets), a from registry.layout l cross join unnest($1::bigint[]) as a"""
_CONTRACTS: Final = """update registry.partner_contract c set starts_on = n.starts_on,
    verified_on = n.starts_on, declared_on = n.starts_on, verify_by = n.starts_on + 14,
    with_services = n.services
  from unnest($1::int[], $2::date[], $3::boolean[]) as n(partner, starts_on, services)
  where c.partner = n.partner"""
_TERMINALS: Final = "update registry.audit set at = $1 where object = 'terminal'"


class Begun(NamedTuple):
    """Since when a contract runs, and whether the partner uses other services, too."""

    starts_on: date
    with_services: bool


async def date_back(
    connection: Connection,
    actor: Actor,
    contracts: Mapping[int, Begun],
    terminals_since: datetime,
    accounts: Sequence[int],
) -> None:
    """Have contracts (by partner) begun and all terminals been there before they were entered; open the
    accounts of cards that are no part of the registry.
    """
    async with writing(connection, actor):
        for table, trigger in _HELD:
            await connection.execute(f"alter table registry.{table} disable trigger {trigger}")
        await connection.execute(
            _CONTRACTS,
            list(contracts),
            [begun.starts_on for begun in contracts.values()],
            [begun.with_services for begun in contracts.values()],
        )
        await connection.execute(_TERMINALS, terminals_since)
        await connection.execute(_OPEN, accounts)
        for table, trigger in _HELD:
            await connection.execute(f"alter table registry.{table} enable trigger {trigger}")

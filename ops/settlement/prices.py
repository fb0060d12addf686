"""What a programme's rules say that partners pay, as a settlement takes it.

Owns the reading of it from every version of the rules.
"""

from __future__ import annotations

from ledger.postgres.database import Connection
from ledger.registry.programmes import list_rules
from ledger.settlement.prices import Lease, Prices, Version
from ledger.settlement.vat import BASIC_RATE
from switch.rules.programme import Rules, parse_rules


async def prices_of(connection: Connection, programme: int) -> Prices:
    """Return the prices of a programme, by the versions of its rules."""
    return Prices(
        Version(
            row["version"],
            row["effective_from"],
            rules.settlement.point_price_grosze if rules.settlement is not None else None,
            rules.settlement.vat_percent if rules.settlement is not None else BASIC_RATE,
            _lease_of(rules),
        )
        for row in await list_rules(connection, programme)
        for rules in (parse_rules(row["rules_toml"]),)
    )


def _lease_of(rules: Rules) -> Lease | None:
    if rules.lease is None:
        return None
    return Lease(
        tuple((price.from_month, price.monthly_grosze) for price in rules.lease.prices),
        rules.lease.with_services_grosze,
    )

"""What a programme's rules say that partners pay, as a settlement takes it.

Owns the reading: the price of a point by the version of the rules a sale was decided by; VAT and lease by the
version in force when the month ended.
"""

from __future__ import annotations

from ledger.postgres.database import Connection
from ledger.registry.programmes import list_rules
from ledger.settlement.closing import month_ends
from ledger.settlement.prices import VAT_RATE, Lease, Prices
from switch.rules.programme import parse_rules


async def prices_of(connection: Connection, programme: int, month: str) -> Prices:
    """Return the prices of a month of a programme; without rules it has none."""
    versions = [
        (row["version"], row["effective_from"], parse_rules(row["rules_toml"]))
        for row in await list_rules(connection, programme)
    ]
    points = {
        number: rules.settlement.point_price_grosze
        for number, _, rules in versions
        if rules.settlement is not None
    }
    ended = await month_ends(connection, programme, month)
    begun = [(since, number, rules) for number, since, rules in versions if since < ended]
    if not begun:
        return Prices(points)
    rules = max(begun, key=lambda version: version[:2])[2]
    lease = rules.lease
    return Prices(
        points,
        rules.settlement.vat_percent if rules.settlement is not None else VAT_RATE,
        None
        if lease is None
        else Lease(
            tuple((price.from_month, price.monthly_grosze) for price in lease.prices),
            lease.with_services_grosze,
        ),
    )

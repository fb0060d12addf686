"""Who a statement is from: the organiser of a programme, as documents name it, and by whose clock.

Owns the finding of it: whoever invoices, and the programme by its name where nobody was named yet.
"""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.invoice_parties import the_seller
from ledger.registry.programmes import list_programmes, list_zones


class Organiser(NamedTuple):
    """An organiser; address and NIP are empty where nobody invoices yet. `zone`: its programme's clock."""

    name: str
    address: str = ""
    nip: str = ""
    zone: tzinfo = UTC


async def organiser_of(connection: Connection, programme: int) -> Organiser:
    """Return the organiser of a programme as it is named now. Raises NotInRegistry."""
    zones = {row["id"]: ZoneInfo(row["zone"]) for row in await list_zones(connection)}
    try:
        seller = await the_seller(connection, programme)
    except NotInRegistry:
        names = {row["id"]: row["name"] for row in await list_programmes(connection)}
        if programme not in names:
            raise NotInRegistry("there is no programme {programme}", programme=programme) from None
        return Organiser(names[programme], zone=zones[programme])
    return Organiser(seller.name, seller.address, seller.nip, zones[programme])

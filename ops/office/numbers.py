"""A card by its number: which of the programmes here it is of.

Owns the trying: each programme has a pepper of its own, so a number has one token for each, and at most
one of them is a card's. Must not keep a number. Only an office with the rights of all programmes can look so.
"""

from __future__ import annotations

from typing import Any

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.cards import find_cards
from ledger.registry.installation import check_master_key
from ledger.registry.programmes import list_programmes
from ledger.registry.secrets import MasterKey
from protocol import mask_card


async def card_of(connection: Connection, master: MasterKey, digits: str) -> Any:
    """Return the card with this number as the registry has it. Raises NotInRegistry, or SecretsError."""
    await check_master_key(connection, master)
    programmes = [row["id"] for row in await list_programmes(connection)]
    rows = await find_cards(connection, [master.pepper(programme).token(digits) for programme in programmes])
    if not rows:
        raise NotInRegistry(f"there is no card {mask_card(digits)} here: is it of another installation?")
    return rows[0]

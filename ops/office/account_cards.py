"""The card by which the registry finds an account: most of its writes name one.

Owns which of an account's cards that is. Must not know what is written.
"""

from __future__ import annotations

from typing import Any

from ledger.errors import NotInRegistry, RegistryRefused
from ledger.postgres.database import Connection
from ledger.registry.card_states import ENDED, CardStatus
from ledger.registry.cards import list_cards
from ledger.registry.duplicates import Carrier


async def newest_card(connection: Connection, account: int) -> Any:
    """Return the newest plastic of an account that has not ended. Raises RegistryRefused without one."""
    rows = await list_cards(connection, account=account)
    going = [row for row in rows if _goes_on(row) and row["carrier"] == Carrier.PLASTIC]
    if not going:
        raise RegistryRefused("this holder has no card that goes on")
    return max(going, key=lambda row: row["issue"])


async def any_card(connection: Connection, account: int) -> Any:
    """Return the newest card of an account that has not ended, else the newest: who was a holder still has
    data, consents and representatives. Raises NotInRegistry where it never had one.
    """
    rows = await list_cards(connection, account=account)
    if not rows:
        raise NotInRegistry("this account has no card")
    return ([row for row in rows if _goes_on(row)] or rows)[-1]


def _goes_on(row: Any) -> bool:
    return CardStatus(row["status"]) not in ENDED

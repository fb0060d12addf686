"""A card by its number: which of the programmes here it is of.

Owns the trying: each programme has peppers of its own, so a number has tokens for each, and at most one of
all is a card's. Must not keep a number. Only an office with the rights of all programmes can look so.
"""

from __future__ import annotations

from typing import Any

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection
from ledger.registry.audit import Actor
from ledger.registry.cards import find_cards
from ledger.registry.installation import check_master_key
from ledger.registry.numbers import Numbers
from ledger.registry.secrets import MasterKey
from protocol import mask_card


async def card_of(connection: Connection, master: MasterKey, digits: str) -> Any:
    """Return the card with this number as the registry has it. Raises NotInRegistry, or SecretsError."""
    await check_master_key(connection, master)
    numbers = await Numbers.of_all(connection, master)
    rows = await find_cards(connection, [token for each in numbers for token in each.tokens(digits)])
    if not rows:
        raise NotInRegistry(
            "there is no card {card} here: is it of another installation?", card=mask_card(digits)
        )
    return rows[0]


async def card_to_change(connection: Connection, actor: Actor, master: MasterKey, digits: str) -> Any:
    """Return the card with this number, which is under the newest pepper of its programme from now on: what
    is done with it next is not undone by its token. Raises as `card_of`.
    """
    card = await card_of(connection, master, digits)
    numbers = await Numbers.of(connection, master, card["programme"])
    numbers.token(digits)
    return await card_of(connection, master, digits) if await numbers.reenter(connection, actor) else card

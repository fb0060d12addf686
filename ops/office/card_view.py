"""Cards as terminals judge them: until when they are valid, by their own last day or that of the contract.

Owns this view of the registry's rows. Must not write SQL, nor change anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ledger.postgres.database import Connection, Database
from ledger.registry.holders import find_holder
from ledger.registry.programmes import today_of


async def judged(database: Database, cards: Sequence[Any]) -> list[dict[str, Any]]:
    """Return cards with `contract_ends_on`, `valid_until`, and whether that `is_over` in their programme."""

    async def job(connection: Connection) -> tuple[dict[int, date | None], dict[int, date]]:
        ends = {}
        for account in {card["account"] for card in cards}:
            holder = await find_holder(connection, account)
            ends[account] = holder and holder["contract_ends_on"]
        return ends, {
            programme: await today_of(connection, programme)
            for programme in {card["programme"] for card in cards}
        }

    return judged_by(cards, *await database.run(job))


def judged_by(
    cards: Sequence[Any], ends: Mapping[int, date | None], days: Mapping[int, date]
) -> list[dict[str, Any]]:
    """As `judged`, where it is known when the contract of each account ends, and which day it is in each
    programme.
    """
    shown = []
    for card in cards:
        ends_on = ends[card["account"]]
        until = min((day for day in (card["expires_on"], ends_on) if day), default=None)
        is_over = until is not None and until < days[card["programme"]]
        shown.append({**card, "contract_ends_on": ends_on, "valid_until": until, "is_over": is_over})
    return shown

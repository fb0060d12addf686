"""Cards as terminals judge them: until when they are valid, by their own last day or that of a notice.

Owns this view of the registry's rows. Must not write SQL, nor change anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ledger.errors import NotInRegistry
from ledger.postgres.database import Connection, Database
from ledger.registry.holders import find_holder
from ops.office.rules_in_force import today, version_in_force


async def judged(database: Database, cards: Sequence[Any]) -> list[dict[str, Any]]:
    """Return cards with `notice_ends_on`, `valid_until`, and whether that `is_over` in their programme."""

    async def notices(connection: Connection) -> dict[int, date | None]:
        found = {}
        for account in {card["account"] for card in cards}:
            holder = await find_holder(connection, account)
            found[account] = holder and holder["notice_ends_on"]
        return found

    ends = await database.run(notices)
    days = {programme: await _today(database, programme) for programme in {c["programme"] for c in cards}}
    shown = []
    for card in cards:
        notice = ends[card["account"]]
        until = min((day for day in (card["expires_on"], notice) if day), default=None)
        is_over = until is not None and until < days[card["programme"]]
        shown.append({**card, "notice_ends_on": notice, "valid_until": until, "is_over": is_over})
    return shown


async def _today(database: Database, programme: int) -> date:
    try:
        return today(await version_in_force(database, programme))
    except NotInRegistry:
        return date.today()

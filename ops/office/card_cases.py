"""The organiser's work with what terminals reported of cards: looked at, confirmed or lifted.

Owns the use cases. Must not write SQL (`ledger.registry.card_cases` does) nor ask or print anything.
Invariant: no case is decided without a reason.
"""

from __future__ import annotations

from ledger.postgres.database import Database
from ledger.registry.audit import Actor
from ledger.registry.card_cases import CaseState, Decided, decide_case
from ops.office.acting import with_reason


async def confirm(database: Database, actor: Actor, number: int) -> Decided:
    """The report was right: the card stays stopped."""
    with_reason(actor)
    return await database.run(lambda c: decide_case(c, actor, number, CaseState.CONFIRMED))


async def lift(database: Database, actor: Actor, number: int) -> Decided:
    """The report was wrong: the card becomes what it was before it."""
    with_reason(actor)
    return await database.run(lambda c: decide_case(c, actor, number, CaseState.LIFTED))

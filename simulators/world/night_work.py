"""What the database of a world does by the clock, though only the office knows the days: birthdays, notices.

Owns the answers to the two statements of the keeper that need dates of birth (the store has none). Must not
know where the days come from: a `WorldLedger` is told what to do. Importing it makes the answers known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.registry.holders import END_NOTICES
from ledger.registry.kinds import ADVANCE
from simulators.world.books import WorldLedger
from simulators.world.memory.statements import HANDLERS, Rows

if TYPE_CHECKING:
    from simulators.world.memory.connection import MemoryConnection

_DONE: Final[Rows] = [("",)]


def _advance_kinds(connection: MemoryConnection) -> Rows:
    assert isinstance(connection.ledger, WorldLedger)
    connection.ledger.advance_kinds()
    return _DONE


HANDLERS.update({ADVANCE: _advance_kinds, END_NOTICES: lambda _: _DONE})

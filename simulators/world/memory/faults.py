"""Owns what may befall a statement on its way: the store is slow, refuses, loses its answer or its
connection.

What befalls which statement is the injected object's choice; how it looks to asyncpg's callers is
`connection`'s. Knows nothing of either.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

if TYPE_CHECKING:
    from simulators.world.memory.connection import MemoryConnection

CONNECT: Final = "connect"
BEGIN: Final = "begin"
COMMIT: Final = "commit"
"""What is no statement of anybody: the making of a connection, and the bounds of a transaction."""


class Ending(Enum):
    """How a statement ends for who asked."""

    ANSWERED = auto()
    REFUSED = auto()
    """By the server, and nothing was done; the connection is as good as before."""
    LOST_BEFORE = auto()
    """The connection is lost, and nothing was done."""
    LOST_AFTER = auto()
    """The connection is lost, and all was done."""
    SILENT_BEFORE = auto()
    """No answer ever comes, to this and all later ones on this connection; nothing was done."""
    SILENT_AFTER = auto()
    """No answer ever comes, and all was done."""
    DOUBTFUL = auto()
    """Done and answered, but with the warning of a server that could not wait for its standby."""


class Strike(msgspec.Struct, frozen=True):
    """What befalls one statement. delay_s: the server is at it for so long, whoever has gone meanwhile.

    sqlstate, constraint: of an ending REFUSED.
    """

    ending: Ending = Ending.ANSWERED
    delay_s: float = 0.0
    sqlstate: str = "40001"
    constraint: str = ""


NOT_DONE: Final = frozenset({Ending.REFUSED, Ending.LOST_BEFORE, Ending.SILENT_BEFORE})


class Faults(Protocol):
    """Chooses what befalls statements."""

    def strike(self, connection: MemoryConnection, statement: str) -> Strike | None:
        """What befalls a statement that comes over this connection; None: nothing.

        `statement` is its text (`POST_BATCH`, …), or CONNECT, BEGIN, COMMIT. What comes within a read-only
        transaction after its BEGIN is not asked about: it is one look.
        """

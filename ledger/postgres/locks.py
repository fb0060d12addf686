"""Owns the numbers of the advisory locks: each stands here with what it is for, and nowhere else.

Who waits for what depends on them: two uses of one number would wait for each other. Migrations name them as
bare numbers, which a test compares with these. Knows nothing of who takes one, or for how long.
"""

from typing import Final, NamedTuple


class AdvisoryLock(NamedTuple):
    """A lock by two numbers; written into a statement it is both."""

    space: int
    number: int

    def __str__(self) -> str:
        return f"{self.space}, {self.number}"


SPACE: Final = 1667854707
NODE_SPACE: Final = SPACE + 1
"""One lock for each node number: a live worker has it (`ledger.books.node`)."""
NOTICE_SPACE: Final = SPACE + 2
"""One lock for each programme: whoever sends its notices has it (`ledger.registry.notices`)."""
INVOICE_SPACE: Final = SPACE + 3
"""One lock for each programme: whoever sends its documents has it (`ledger.registry.invoice_deliveries`)."""

MIGRATIONS: Final = AdvisoryLock(SPACE, 0)
"""Of two that migrate, one at a time."""
REGISTRY_WRITE: Final = AdvisoryLock(SPACE, 1)
"""Every write to the registry, so that its numbers become visible in order."""
ROLL_UP: Final = AdvisoryLock(SPACE, 2)
"""Closing ids and rolling them up, and whoever takes the roll-ups away."""
LAYOUT: Final = AdvisoryLock(SPACE, 3)
"""Shared by whoever posts, exclusive for who changes the number of buckets."""
KEEPER: Final = AdvisoryLock(SPACE, 4)
"""The one session that does the periodic work."""
PROGRAMME_ROLES: Final = AdvisoryLock(SPACE, 5)
"""Of two that make the role of a programme, one at a time."""
HAND: Final = AdvisoryLock(SPACE, 6)
"""Of the office's own postings (`ledger.books.hand`), one transaction at a time."""

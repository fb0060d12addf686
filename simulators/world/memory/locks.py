"""Owns the locks that sessions hold by number (advisory locks): each has one holder, and ends with it.

Knows nothing of what a lock is for.
"""

from __future__ import annotations

from typing import TypeAlias

Number: TypeAlias = tuple[int, ...]


class Locks:
    """Locks by number; a holder is any object, and may take what it holds again."""

    def __init__(self) -> None:
        self._holders: dict[Number, object] = {}

    def try_take(self, number: Number, holder: object) -> bool:
        """Take a lock unless somebody else holds it; return whether it is the holder's now."""
        return self._holders.setdefault(number, holder) is holder

    def holds(self, number: Number, holder: object) -> bool:
        """Whether it is the holder's."""
        return self._holders.get(number) is holder

    def end(self, holder: object) -> None:
        """Give back all that a holder has."""
        for number in [number for number, found in self._holders.items() if found is holder]:
            del self._holders[number]

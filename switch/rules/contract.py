"""The contracts of a partner, as its terminals meet them: on which days they run, and about whom.

Owns both. Pure. Must not know what was agreed besides, nor in which state the registry shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class Contract(NamedTuple):
    """The first and last day of a contract (days since 1970-01-01; None: without an end) and the outlet it is
    about; 0: the partner as a whole.
    """

    outlet: int
    first_day: int
    last_day: int | None


class Contracts:
    """Those of one partner, by number, past ones too.

    Remembers who is covered on the day last asked for: each sale asks.
    """

    __slots__ = ("_by_number", "_covered", "_day")

    def __init__(self, *contracts: Contract) -> None:
        self._by_number = dict(enumerate(contracts, start=1))
        self._day: int | None = None
        self._covered: frozenset[int] = frozenset()

    def put(self, number: int, contract: Contract) -> None:
        """Take in a contract, or what it is now."""
        self._by_number[number] = contract
        self._day = None

    def cover(self, outlet: int, day: int) -> bool:
        """Whether one of them, about the partner or the outlet (0: none), runs on a day."""
        if day != self._day:
            self._day = day
            self._covered = frozenset(
                about
                for about, first_day, last_day in self._by_number.values()
                if first_day <= day and (last_day is None or day <= last_day)
            )
        return 0 in self._covered or outlet in self._covered

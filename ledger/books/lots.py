"""Owns which of a card's points are left, lot by lot: each credit is a lot, the oldest is spent first.

Pure: an account's rows of the journal in their order, and what is left of each lot after them. Knows neither
days nor rules: when a lot ends the caller says. Invariant: the lots less the debt are the account's balance.

What is paired: a redemption with the lots that it took; undone, the points go back into those. A sale that is
undone takes its own lot first, and what of it was spent already from the oldest. Below zero a debt stands,
which the next points pay first. An expiry takes what has ended, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

Id: TypeAlias = tuple[int, int]
Ends: TypeAlias = Callable[[int, int], int | None]
"""The last day (since 1970) of points awarded at a moment (ms) under a version of the rules; None: never."""
NEVER_DAY: Final = 2**31 - 1


class Move(NamedTuple):
    """One row that changed an account's points. `original`: the id that it undoes, in part or whole; None:
    nothing. `expired_on`: of an expiry, the day it was posted.
    """

    id: Id
    points: int
    original: Id | None
    at_ms: int
    rules_version: int
    expired_on: int | None = None


class Lot:
    """Points awarded together: until which day they hold (None: for ever), and how many are left."""

    __slots__ = ("last_day", "left")

    def __init__(self, last_day: int | None, left: int) -> None:
        self.last_day = last_day
        self.left = left

    def has_ended(self, day: int) -> bool:
        """Whether its term is over on a day: the last day belongs to it."""
        return self.last_day is not None and self.last_day < day


class _Part:
    """So many points that a debit took of a lot; None: of none, it is owed."""

    __slots__ = ("lot", "points")

    def __init__(self, lot: Lot | None, points: int) -> None:
        self.lot = lot
        self.points = points


class Lots:
    """The lots of one account, oldest first, as they stand after the moves so far."""

    def __init__(self, ends: Ends) -> None:
        self._ends = ends
        self._lots: list[Lot] = []
        self._spent = 0  # the first so many lots are empty
        self._of_sale: dict[Id, Lot] = {}
        self._taken: dict[Id, list[_Part]] = {}
        self._owed: list[tuple[list[_Part], _Part]] = []

    @classmethod
    def after(cls, moves: Iterable[Move], ends: Ends) -> Lots:
        """Return the lots after all moves of an account, in the order of its journal."""
        lots = cls(ends)
        for move in moves:
            lots.move(move)
        return lots

    @property
    def balance(self) -> int:
        """What the account's balance is."""
        return sum(lot.left for lot in self._lots) - sum(part.points for _, part in self._owed)

    def due(self, day: int) -> int:
        """How many points have ended by a day and are still there."""
        return sum(lot.left for lot in self._lots if lot.has_ended(day))

    def next_day(self) -> int:
        """The first day on which something of what is left now has ended; NEVER_DAY: none."""
        days = (lot.last_day + 1 for lot in self._lots if lot.left and lot.last_day is not None)
        return min(days, default=NEVER_DAY)

    def move(self, move: Move) -> None:
        """Carry one row out."""
        if move.expired_on is not None:
            self._expire(-move.points, move.expired_on)
        elif move.points > 0:
            self._credit(move)
        elif move.points < 0:
            self._debit(move)

    def _credit(self, move: Move) -> None:
        taken = self._taken.pop(move.original, None) if move.original else None
        if taken is None:
            lot = Lot(self._ends(move.at_ms, move.rules_version), move.points)
            self._lots.append(lot)
            self._of_sale[move.id] = lot
        else:
            for part in taken:
                if part.lot is not None:
                    part.lot.left += part.points
            self._spent = 0
            self._owed = [(parts, part) for parts, part in self._owed if parts is not taken]
        self._pay()

    def _pay(self) -> None:
        """Pay what is owed, the oldest debt first, of the oldest points."""
        while self._owed and (lot := self._oldest()) is not None:
            parts, part = self._owed[0]
            paid = min(part.points, lot.left)
            lot.left -= paid
            part.points -= paid
            parts.append(_Part(lot, paid))
            if not part.points:
                parts.remove(part)
                del self._owed[0]

    def _debit(self, move: Move) -> None:
        points = -move.points
        parts = self._taken.setdefault(move.id, [])
        sold = self._of_sale.get(move.original) if move.original else None
        if sold is not None:
            points -= self._take(parts, sold, points)
        while points and (lot := self._oldest()) is not None:
            points -= self._take(parts, lot, points)
        if points:
            part = _Part(None, points)
            parts.append(part)
            self._owed.append((parts, part))

    @staticmethod
    def _take(parts: list[_Part], lot: Lot, points: int) -> int:
        taken = min(points, lot.left)
        lot.left -= taken
        parts.append(_Part(lot, taken))
        return taken

    def _oldest(self) -> Lot | None:
        while self._spent < len(self._lots) and not self._lots[self._spent].left:
            self._spent += 1
        return self._lots[self._spent] if self._spent < len(self._lots) else None

    def _expire(self, points: int, day: int) -> None:
        for lot in self._lots:
            if lot.has_ended(day):
                taken = min(points, lot.left)
                lot.left -= taken
                points -= taken

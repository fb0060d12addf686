"""What was posted today, counted slice by slice, so that no look reads more than so many rows.

Owns where the count stands and how much time a slice takes. Must not know SQL (`ledger.books.lately`) nor
words. Invariants: a moment is counted once; what is younger than `SETTLED_MS`, and may still be joined by
what commits late, is counted anew each time; a day that has changed begins anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ledger.books.lately import Posted

SETTLED_MS: Final = 60_000
ROWS_MAX: Final = 20_000
"""So many rows are read at a time, of each bucket; after as many the rest is left for the next time."""
SLICES_MAX: Final = 16
WINDOW_MS_MAX: Final = 86_400_000
WINDOW_MS_FIRST: Final = 3_600_000

Read = Callable[[int, int, Mapping[int, int], int], Awaitable[Sequence[Posted] | None]]
"""Reads what was posted from … until …, by days, at most so many rows; None where there are more."""


class Sum(NamedTuple):
    """What came to an account's kind, and by how many postings."""

    amount: int = 0
    postings: int = 0


class Counted(NamedTuple):
    """The sums by (programme, account kind), and up to which moment they are complete (ms since 1970)."""

    sums: Mapping[tuple[int, int], Sum]
    until_ms: int


class Today:
    """The count of one day."""

    def __init__(self) -> None:
        self._days: dict[int, int] | None = None
        self._settled: dict[tuple[int, int], Sum] = {}
        self._settled_ms = 0
        self._window_ms = WINDOW_MS_FIRST

    async def count(self, read: Read, days: Mapping[int, int], now_ms: int) -> Counted:
        """Go on counting; `days`: by programme, since when it is today there."""
        if dict(days) != self._days:
            self._days = dict(days)
            self._settled, self._settled_ms = {}, min(days.values(), default=now_ms)
        rows = 0
        for _ in range(SLICES_MAX):
            if rows >= ROWS_MAX or self._settled_ms >= now_ms - SETTLED_MS:
                break
            until_ms = min(self._settled_ms + self._window_ms, now_ms - SETTLED_MS)
            posted = await read(self._settled_ms, until_ms, days, ROWS_MAX)
            if posted is None:
                self._window_ms = max(1, self._window_ms // 2)
                rows += ROWS_MAX
                continue
            rows += sum(row.postings for row in posted)
            self._settled, self._settled_ms = add(self._settled, posted), until_ms
            self._window_ms = min(2 * self._window_ms, WINDOW_MS_MAX)
        if self._settled_ms < now_ms - SETTLED_MS:
            return Counted(self._settled, self._settled_ms)
        posted = await read(self._settled_ms, now_ms + SETTLED_MS, days, ROWS_MAX)
        if posted is None:
            return Counted(self._settled, self._settled_ms)
        return Counted(add(self._settled, posted), now_ms)


def add(sums: Mapping[tuple[int, int], Sum], posted: Sequence[Posted]) -> dict[tuple[int, int], Sum]:
    """Return sums with more added."""
    added = dict(sums)
    for row in posted:
        key = row.programme, row.account_kind
        amount, postings = added.get(key, Sum())
        added[key] = Sum(amount + row.amount, postings + row.postings)
    return added

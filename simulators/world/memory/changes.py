"""Owns a table whose changes are numbered, as the registry's are: rows by key, each with its newest change.

Knows nothing of what a row says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
R = TypeVar("R")


class Changes(Generic[K, R]):
    """Rows by key. What changed last stands last, so a read of what is new costs what is new."""

    def __init__(self) -> None:
        self.rows: dict[K, R] = {}
        self._numbers: dict[K, int] = {}

    @property
    def newest(self) -> int | None:
        """The number of the newest change; None: there is no row."""
        return next(reversed(self._numbers.values()), None)

    def put(self, key: K, row: R, number: int) -> None:
        """Write a row, new or in the place of what stood there."""
        self._numbers.pop(key, None)
        self._numbers[key] = number
        self.rows[key] = row

    def number_of(self, key: K) -> int:
        """The number of a row's newest change."""
        return self._numbers[key]

    def after(self, since: int) -> list[R]:
        """The rows changed after a number, in order of their keys."""
        return [self.rows[key] for key in sorted(self._keys_after(since))]  # type: ignore[type-var]

    def _keys_after(self, since: int) -> Iterator[K]:
        for key, number in reversed(self._numbers.items()):
            if number <= since:
                return
            yield key

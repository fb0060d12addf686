"""How a limit of all cards is divided: each bucket of card accounts has a share, and parts of shares move.

Owns the shares and the names under which the store counts limits. Must not know uses (`books`) nor when a
part of a share is moved: it is told. Invariant: the shares of a limit, and what is on its way between two,
come to the limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

Key: TypeAlias = tuple[object, ...]
"""What names a limit and its period: the auditor's own name of it, or the store's."""


def _the_only_one(_: int) -> int:
    return 0


class Shares:
    """The shares of so many buckets; `bucket_of` tells where an account is."""

    def __init__(self, buckets: int = 1, bucket_of: Callable[[int], int] = _the_only_one) -> None:
        self._buckets = buckets
        self.bucket_of = bucket_of
        self._moved: Counter[tuple[Key, int]] = Counter()
        self._on_its_way: Counter[Key] = Counter()
        self._ours: dict[Key, Key] = {}

    @property
    def are_divided(self) -> bool:
        """Whether there is more than one bucket."""
        return self._buckets > 1

    def name(self, theirs: Sequence[Key], ours: Sequence[Key]) -> None:
        """Learn under which names the store counts the limits of all cards that one sale is counted by."""
        if len(theirs) == len(ours):
            self._ours.update(zip(theirs, ours, strict=True))

    def of(self, key: Key, bucket: int, allowed: int) -> int:
        """Return what may be used in a bucket of a limit of so many uses."""
        part, odd = divmod(allowed, self._buckets)
        return part + (bucket < odd) + self._moved[key, bucket]

    def buckets(self) -> range:
        """Return the numbers of all buckets."""
        return range(self._buckets)

    def move(self, theirs: Key, bucket: int, uses: int) -> bool:
        """Let a bucket's share become larger, or smaller (< 0), and return whether that may be: a limit that
        somebody was counted by, and no more taken than was given.
        """
        key = self._ours.get(theirs)
        if key is None:
            return False
        self._moved[key, bucket] += uses
        self._on_its_way[key] -= uses
        return self._on_its_way[key] >= 0

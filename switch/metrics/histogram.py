"""Distributions: counted once, read in two shapes.

Owns a histogram of plain integers whose cells are cut at the bounds of the classic buckets and at those of
Prometheus' native ones (schema 3: eight to a doubling), so that one bisection counts a value for both,
exactly. Must not know what is measured.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from math import ceil, log2
from typing import Final, NamedTuple

SCHEMA: Final = 3
"""Of the native buckets: each is 2^(1/8) times as wide as the one below, so a quantile is right to 4.5 %."""
PER_DOUBLING: Final = 2**SCHEMA


class Shape(NamedTuple):
    """Where a histogram is cut: the classic bounds, and the powers of two between which native buckets lie.

    What is not above `2**low` is one native bucket, the "zero bucket".
    """

    bounds: tuple[float, ...]
    low: int
    high: int


class Native(NamedTuple):
    """Native buckets: how many values were not above `zero_threshold`, and how many in each bucket.

    The bucket of index i holds what is above 2^((i-1)/8) and not above 2^(i/8); only those that hold any.
    """

    zero_threshold: float
    zero_count: int
    buckets: list[tuple[int, int]]


class Histogram:
    """A histogram of plain integers; `add` costs one bisection."""

    __slots__ = ("_beyond", "_edges", "_shape", "_top", "counts", "total")

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        low, high = shape.low * PER_DOUBLING, shape.high * PER_DOUBLING
        self._edges = sorted({*shape.bounds, *(edge(index) for index in range(low, high + 1))})
        assert self._edges[-1] == edge(high), "every classic bound lies below the highest native one"
        self._top = len(self._edges)
        self._beyond: Counter[int] = Counter()
        """Above the last edge: native buckets that were not thought of."""
        self.counts = [0] * (self._top + 1)
        """By cell: not above its edge, above the one before."""
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value (upper bounds are inclusive, as Prometheus has it)."""
        cell = bisect_left(self._edges, value)
        self.counts[cell] += 1
        self.total += value
        if cell == self._top:
            self._beyond[index_of(value)] += 1

    def add_all(self, values: list[float]) -> None:
        """Count many at once: cheaper than one by one, for sorted they are counted cell by cell."""
        values.sort()
        edges, counts, top, below, count = self._edges, self.counts, self._top, 0, len(values)
        while below < count:
            cell = bisect_left(edges, values[below])
            if cell == top:
                counts[cell] += count - below
                self._beyond.update(map(index_of, values[below:]))
                break
            reached = bisect_right(values, edges[cell], below)
            counts[cell] += reached - below
            below = reached
        self.total += sum(values)

    @property
    def count(self) -> int:
        """How many values were counted."""
        return sum(self.counts)

    def classic(self) -> list[tuple[float, int]]:
        """The classic buckets: each bound, and how many values were not above it."""
        rows, reached, bounds = [], 0, iter(self._shape.bounds)
        bound = next(bounds, None)
        for cell_edge, count in zip(self._edges, self.counts, strict=False):
            reached += count
            if cell_edge == bound:
                rows.append((cell_edge, reached))
                bound = next(bounds, None)
        return rows

    def native(self) -> Native:
        """The native buckets."""
        lowest = edge(self._shape.low * PER_DOUBLING)
        zero_count, index = 0, self._shape.low * PER_DOUBLING
        buckets: Counter[int] = Counter()
        for cell_edge, count in zip(self._edges, self.counts, strict=False):
            if cell_edge <= lowest:
                zero_count += count
                continue
            if cell_edge > edge(index):
                index += 1
            if count:
                buckets[index] += count
        buckets.update(self._beyond)
        return Native(lowest, zero_count, sorted(buckets.items()))


def edge(index: int) -> float:
    """Return the upper bound of a native bucket."""
    return float(2.0 ** (index / PER_DOUBLING))


def index_of(value: float) -> int:
    """Return the native bucket of a positive value."""
    return ceil(log2(value) * PER_DOUBLING)

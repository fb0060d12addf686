"""Latencies in a few hundred counters: cheap to add to, to merge over processes and to write as JSON.

Owns the bucketing: whole microseconds, 32 buckets per power of two, so that a percentile is at most 3 % too
high. Must not know: what is measured.
"""

from typing import Final

import msgspec

_LINEAR_BITS: Final = 6
_HALF: Final = 1 << (_LINEAR_BITS - 1)


class Summary(msgspec.Struct, frozen=True):
    """Percentiles in microseconds; all zero when nothing was measured."""

    count: int
    p50_us: int
    p95_us: int
    p99_us: int
    max_us: int


class Histogram:
    """Counts durations. `buckets` maps a bucket's number to its count; `max_us` is exact."""

    __slots__ = ("buckets", "max_us")

    def __init__(self, buckets: dict[int, int] | None = None, max_us: int = 0) -> None:
        self.buckets: dict[int, int] = dict(buckets or {})
        self.max_us = max_us

    def add(self, seconds: float) -> None:
        """Count one duration (negative ones count as zero)."""
        micros = max(0, int(seconds * 1_000_000))
        shift = max(0, micros.bit_length() - _LINEAR_BITS)
        bucket = shift * _HALF + (micros >> shift)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.max_us = max(self.max_us, micros)

    def merge(self, other: "Histogram") -> None:
        """Add another histogram's counts to this one."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.max_us = max(self.max_us, other.max_us)

    def since(self, before: "Histogram") -> "Histogram":
        """Return what was counted after `before`, an earlier copy of this histogram."""
        grown = {b: count - before.buckets.get(b, 0) for b, count in self.buckets.items()}
        return Histogram({b: count for b, count in grown.items() if count}, self.max_us)

    def percentile_us(self, percent: float) -> int:
        """Return the upper end of the bucket in which the percentile lies; 0 when nothing was counted."""
        rank = sum(self.buckets.values()) * percent / 100
        reached = 0
        for bucket in sorted(self.buckets):
            reached += self.buckets[bucket]
            if reached >= rank:
                return min(self.max_us, _upper_us(bucket))
        return self.max_us

    def summary(self) -> Summary:
        """Return count, percentiles and maximum."""
        return Summary(
            sum(self.buckets.values()),
            self.percentile_us(50),
            self.percentile_us(95),
            self.percentile_us(99),
            self.max_us,
        )


def _upper_us(bucket: int) -> int:
    shift = max(0, bucket // _HALF - 1)
    return ((bucket - shift * _HALF + 1) << shift) - 1

"""What the figures of all workers come to: rates since the last look, latencies of the last seconds, levels.

Owns the arithmetic. Pure. Must not know words nor where figures come from. Invariants: a counter that went
back is a worker that began anew, and counts from nothing; a worker that was not there before, or is gone,
makes no rate; what no worker tells is None, never 0.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ops.web.board.scrape import Reading

LATENCY_LOOKS: Final = 10
"""A latency is of the last so many looks, a second each."""
KINDS: Final = {
    "earn": ("Earn", "EarnAdvice"),
    "redeem": ("Redeem",),
    "benefit": ("BenefitUse", "BenefitAdvice"),
    "back": ("Refund", "Reversal"),
    "ask": ("Balance", "Verify", "Quote", "Status", "Totals"),
}
"""The types a rate is shown of, and their messages; all others are "other"."""
OTHER: Final = "other"
TYPES: Final = (*KINDS, OTHER)
TYPE_OF: Final = {message: kind for kind, messages in KINDS.items() for message in messages}

REPLIES: Final = "cityswitch_replies_total"
DURATION: Final = "cityswitch_request_duration_seconds"
POSTINGS: Final = "cityswitch_batch_postings"
COMMIT: Final = "cityswitch_commit_duration_seconds"

Look = Mapping[str, Reading]
"""What one look at all workers found, by address."""


class Rates(NamedTuple):
    """What happened between two looks, a second; of what is not told, None."""

    by_type: dict[str, float] | None
    batches: float | None
    batch_size: float | None
    p50_s: float | None
    p99_s: float | None
    commit_p99_s: float | None

    @property
    def total(self) -> float | None:
        """All replies a second."""
        return None if self.by_type is None else math.fsum(self.by_type.values())


NO_RATES: Final = Rates(None, None, None, None, None, None)


class Looks:
    """The last looks, newest last."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=LATENCY_LOOKS + 1)

    def add(self, look: Look) -> None:
        """Add the newest."""
        self._looks.append(look)

    def forget(self) -> None:
        """Begin anew: nobody has looked for a while, and what was between is no rate."""
        self._looks.clear()

    def rates(self) -> Rates:
        """Return what happened since the look before, and of latencies since some looks ago."""
        if len(self._looks) < 2:
            return NO_RATES
        newest, before, earliest = self._looks[-1], self._looks[-2], self._looks[0]
        batches = self._per_s(newest, before, lambda reading: reading.sum(f"{POSTINGS}_count"))
        postings = self._per_s(newest, before, lambda reading: reading.sum(f"{POSTINGS}_sum"))
        requests = growth_of_buckets(newest, earliest, DURATION)
        return Rates(
            by_type=self._by_type(newest, before),
            batches=batches,
            batch_size=postings / batches if batches and postings is not None else None,
            p50_s=quantile(0.5, requests),
            p99_s=quantile(0.99, requests),
            commit_p99_s=quantile(0.99, growth_of_buckets(newest, earliest, COMMIT)),
        )

    def _per_s(self, newest: Look, before: Look, read: Callable[[Reading], float | None]) -> float | None:
        parts = []
        for reading, earlier in pairs(newest, before):
            now, then = read(reading), read(earlier)
            if now is not None:
                parts.append(growth(now, then or 0.0) / (reading.at_s - earlier.at_s))
        return math.fsum(parts) if parts else None

    def _by_type(self, newest: Look, before: Look) -> dict[str, float] | None:
        known = list(pairs(newest, before))
        if not known:
            return None
        sums = dict.fromkeys(TYPES, 0.0)
        for reading, earlier in known:
            then = earlier.by(REPLIES, "message", "code")
            for key, now in reading.by(REPLIES, "message", "code").items():
                kind = TYPE_OF.get(key[0], OTHER)
                sums[kind] += growth(now, then.get(key, 0.0)) / (reading.at_s - earlier.at_s)
        return sums


def pairs(newest: Look, before: Look) -> Iterable[tuple[Reading, Reading]]:
    """Yield of each worker in both looks what it told then and now."""
    for address, reading in newest.items():
        earlier = before.get(address)
        if earlier is not None and reading.at_s > earlier.at_s:
            yield reading, earlier


def growth(now: float, then: float) -> float:
    """Return by how much a counter has grown; one that went back has begun anew."""
    return now - then if now >= then else now


def growth_of_buckets(newest: Look, before: Look, name: str) -> dict[float, float]:
    """Return by how much a histogram's cumulative counts have grown, all workers together."""
    grown: dict[float, float] = {}
    for reading, earlier in pairs(newest, before):
        now, then = reading.buckets(name), earlier.buckets(name)
        began_anew = any(now.get(bound, 0.0) < count for bound, count in then.items())
        for bound, count in now.items():
            grown[bound] = grown.get(bound, 0.0) + count - (0.0 if began_anew else then.get(bound, 0.0))
    return grown


def quantile(share: float, buckets: Mapping[float, float]) -> float | None:
    """Return a quantile of a histogram, as Prometheus estimates it; None of nothing.

    Within its bucket the values are taken to lie evenly; above the last bound it is that bound.
    """
    bounds = sorted(buckets)
    if not bounds or buckets[bounds[-1]] <= 0:
        return None
    wanted = share * buckets[bounds[-1]]
    below, count_below = 0.0, 0.0
    for bound in bounds:
        count = buckets[bound]
        if count >= wanted and count > count_below:
            if math.isinf(bound):
                return below
            return below + (bound - below) * (wanted - count_below) / (count - count_below)
        below, count_below = bound if not math.isinf(bound) else below, count
    return below


def total(look: Look, name: str) -> float | None:
    """Return the sum over all workers, None where none tells it."""
    found = [value for reading in look.values() if (value := reading.sum(name)) is not None]
    return math.fsum(found) if found else None


def results(look: Look) -> Counter[int]:
    """Return how often each result code was replied since each worker began."""
    counts: Counter[int] = Counter()
    for reading in look.values():
        for (code,), value in reading.by(REPLIES, "code").items():
            if code.isdecimal():
                counts[int(code)] += int(value)
    return counts


def labelled(look: Look, name: str, label: str) -> dict[str, float]:
    """Return the greatest figure over all workers by a label: of what only the elected one tells."""
    found: dict[str, float] = {}
    for reading in look.values():
        for labels, value in reading.samples(name):
            key = labels.get(label, "")
            found[key] = max(value, found.get(key, -math.inf))
    return found


def least(look: Look, name: str) -> float | None:
    """Return the smallest figure over all workers, None where none tells it."""
    values: Sequence[float] = [sample.value for reading in look.values() for sample in reading.samples(name)]
    return min(values) if values else None

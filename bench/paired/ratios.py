"""What rounds of pairs come to: the median ratio of new ÷ base, how well it is known, and the verdict.

Owns the arithmetic. Must not know how a sample was taken. Invariants: a ratio is taken within a pair, whose
two windows lie next to each other in time; whether it is worse is said only where chance does not explain it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Final

from bench.throughput.goals import Goal
from bench.throughput.rounds import Spread, spread

FIRST: Final = "d5b569b"
"""The first version: what every later one is held to."""
FIRST_GOAL: Final = Goal("rate ÷ that of the first version", 1.0, 1.1)
TOLERANCE: Final = 0.05
"""A median is known when 95 % of such runs would have it within this; worse by less is not called worse."""
CONFIDENCE: Final = 0.95
PAIRS_MIN: Final = 6
"""Of fewer, not even least and most are 95 % sure to have the median between them."""


@dataclass(frozen=True)
class Ratio:
    """The pairs' ratios of one figure; a ceiling is better the smaller it is (CPU), others the greater."""

    name: str
    values: tuple[float, ...]
    is_ceiling: bool = False
    goal: Goal | None = None

    @property
    def spread(self) -> Spread:
        """Median, least and most."""
        return spread(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """Between what the true median lies, 19 times in 20; least and most while there are few pairs."""
        return interval(self.values)

    @property
    def is_known(self) -> bool:
        """Whether enough pairs were taken to tell a change of 5 %."""
        if len(self.values) < PAIRS_MIN:
            return False
        low, high = self.interval
        return (high - low) / 2 <= TOLERANCE * median(self.values)

    @property
    def is_worse(self) -> bool:
        """Whether new is worse than base by more than the tolerance, and not by chance."""
        if len(self.values) < PAIRS_MIN:
            return False
        low, high = self.interval
        middle = median(self.values)
        return (
            (middle > 1 + TOLERANCE and low > 1) if self.is_ceiling else middle < 1 - TOLERANCE and high < 1
        )

    @property
    def is_missed(self) -> bool:
        """Whether it is not what it must be: its own goal says so, whatever is worse or not."""
        return (
            self.goal is not None
            and bool(self.values)
            and not self.goal.is_met(median(self.values), self.goal.must)
        )

    @property
    def verdict(self) -> str:
        """What the ratio says, and whether its goal is reached, in a word."""
        if self.goal is None or not self.values:
            return self._compared
        return f"{self._compared}; {self.goal.verdict(median(self.values))}"

    @property
    def _compared(self) -> str:
        if len(self.values) < PAIRS_MIN:
            return "too few pairs"
        if self.is_worse:
            return "**worse**"
        low, high = self.interval
        if low <= 1 <= high:
            return "the same" if self.is_known else "not known to 5 %"
        return "better" if (high < 1) is self.is_ceiling else "a little worse"


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the order statistics that hold the median with 95 % confidence; at least, all."""
    ordered = sorted(values)
    count = len(ordered)
    outside, drop = 0.0, 0
    while drop < count // 2:
        outside += 2 * comb(count, drop) / 2**count
        if outside > 1 - CONFIDENCE:
            break
        drop += 1
    first = max(0, drop - 1)
    return ordered[first], ordered[count - 1 - first]


def table(ratios: Sequence[Ratio]) -> list[str]:
    """Return the lines of the table of ratios."""
    lines = [
        "| new ÷ base | median | known to lie in | min–max | pairs | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for ratio in ratios:
        middle, least, most = ratio.spread
        low, high = ratio.interval
        lines.append(
            f"| {ratio.name} | {middle:.3f} | {low:.3f}–{high:.3f} | {least:.3f}–{most:.3f} |"
            f" {len(ratio.values)} | {ratio.verdict} |"
        )
    return lines

"""Lanes in turn, round after round, and what comes of their samples: medians, min–max, ratios within a round.

Owns the interleaving and the arithmetic. Must not know what a lane does. Invariant: a ratio is taken between
samples of the same round, a minute or two apart, and then the median of these ratios: an absolute figure of a
shared machine swings, a ratio does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import trio

from bench.local_switch import say
from bench.throughput.driver import Timing
from bench.throughput.lanes import Lane, Sample
from bench.throughput.stage import Stage
from simulators.fleet.histogram import Histogram


class Spread(NamedTuple):
    """A median, and between what it lies."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(median(values), min(values), max(values))


class Rounds:
    """All samples of a run, by lane; the n-th samples of all lanes are one round."""

    def __init__(self) -> None:
        self.samples: dict[str, list[Sample]] = {}

    async def run(
        self, stage: Stage, lanes: Sequence[Lane], timing: Timing, count: int, stop: trio.Event
    ) -> None:
        """Measure every lane `count` times in turn; `stop` ends it, and a round begun is not kept."""
        for number in range(count):
            so_far: dict[str, Sample] = {}
            for lane in lanes:
                if stop.is_set():
                    return
                so_far[lane.name] = sample = await lane.sample(stage, timing, so_far)
                say(f"round {number + 1}/{count}: {lane.name}: {describe(sample)}")
            for name, sample in so_far.items():
                self.samples.setdefault(name, []).append(sample)

    def rates(self, lane: str) -> Spread:
        """Return the spread of a lane's rate."""
        return spread([sample.rate_per_s for sample in self.samples[lane]])

    def cpu_us(self, lane: str, process: str) -> Spread | None:
        """Return the spread of a process' CPU a request, or None where the lane has no such process."""
        values = [sample.cpu_us[process] for sample in self.samples[lane] if process in sample.cpu_us]
        return spread(values) if values else None

    def fact(self, lane: str, name: str) -> Spread:
        """Return the spread of one fact of a lane."""
        return spread([sample.facts[name] for sample in self.samples[lane]])

    def latency(self, lane: str) -> Histogram:
        """Return the latencies of all rounds of a lane together."""
        merged = Histogram()
        for sample in self.samples[lane]:
            merged.merge(Histogram(sample.latency, sample.latency_max_us))
        return merged

    def best(self, lanes: Sequence[str]) -> str:
        """Return the lane with the highest median rate."""
        return max(lanes, key=lambda lane: self.rates(lane).median)

    def ratio(self, over: str, under: str, value: Callable[[Sample], float]) -> Spread:
        """Return the spread over the rounds of `value` of one lane ÷ that of another."""
        pairs = zip(self.samples[over], self.samples[under], strict=True)
        return spread([value(above) / value(below) for above, below in pairs])


def describe(sample: Sample) -> str:
    """Return a sample in one line."""
    parts = [f"{sample.rate_per_s:,.0f}/s"]
    parts += [f"{name} {used:.1f} µs" for name, used in sample.cpu_us.items()]
    if sample.latency:
        histogram = Histogram(sample.latency, sample.latency_max_us)
        parts += [f"p{percent:g} {histogram.percentile_us(percent) / 1_000:.2f} ms" for percent in (50, 99)]
    parts += [f"{name} {value:,.4g}" for name, value in sample.facts.items() if value]
    return ", ".join(parts)

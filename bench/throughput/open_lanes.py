"""The open-loop lanes: latency at a real city's peak and at shares of the capacity, and overload.

Owns what is offered and what is read from the reports. Must not know goals. The capacity is the closed-loop
rate of the same round, measured some seconds before.
"""

from __future__ import annotations

import math
from typing import Final

import trio

from bench.local_switch import HOST
from bench.throughput.driver import DIRECT, GENERATOR, Driven, Timing, drive
from bench.throughput.lanes import (
    SWITCH_1,
    SWITCH_1_CONCENTRATED,
    Lane,
    Round,
    Sample,
    direct_order,
    sample_of,
)
from bench.throughput.load_order import BIN_S, Bin, DirectReport, Load, LoadReport, Phase
from bench.throughput.processes import memory_bytes
from bench.throughput.stage import Stage

CITY_RATE_PER_S: Final = 50.0
CITY_WINDOWS: Final = 3
"""At 50/s a window is so many times as long as others: a p99 needs requests."""
TERMINALS: Final = 300
DEPTH_MAX: Final = 64
"""Requests a connection may have in flight (switch.config); what is due beyond is dropped by the terminal."""
BURST: Final = 16
"""Overload comes as the concentrators send whose rate is the capacity: a request at a time costs both sides a
system call each, and would tell of these."""
OVERLOAD: Final = 2.0
AFTER_LOAD: Final = 0.5
AFTER_WINDOWS: Final = 1
RECOVERED_S: Final = 0.25
"""Recovered: no reply later than this after its request was due, for good."""
MEMORY_POLL_S: Final = 0.1
MIB: Final = 1 << 20


def open_load(stage: Stage, phases: list[Phase], burst: int = 1) -> Load:
    """Return the order of an open loop against the switch of one worker."""
    requests = sum(phase.seconds * phase.rate_per_s for phase in phases)
    return Load(
        host=HOST,
        port=stage.servers["switch 1"].port,
        speaks="switch",
        seed=stage.population.seed,
        cards=stage.population.cards,
        partners=stage.population.partners,
        terminals=TERMINALS,
        depth=DEPTH_MAX,
        burst=burst,
        stan_first=stage.next_stans(),
        sealed_ahead=math.ceil(requests / TERMINALS) + burst,
        phases=phases,
    )


async def drive_open(stage: Stage, timing: Timing, phases: list[Phase], burst: int = 1) -> Driven[LoadReport]:
    """Run an open loop; the phases cover warm-up and window."""
    clocks = {"server": stage.servers["switch 1"].clock, "Postgres": stage.postgres_clock}
    return await drive(GENERATOR, open_load(stage, phases, burst), LoadReport, timing, clocks)


class LatencyLane:
    """Open loop at a fixed rate, or at a share of this round's closed-loop rate."""

    def __init__(self, *, rate_per_s: float = 0.0, share: float = 0.0) -> None:
        self._rate_per_s = rate_per_s
        self._share = share

    async def __call__(self, stage: Stage, timing: Timing, so_far: Round) -> Sample:
        """Measure one round."""
        rate_per_s = self._rate_per_s or so_far[SWITCH_1].rate_per_s * self._share
        if self._rate_per_s:
            timing = Timing(timing.warm_up_s, timing.seconds * CITY_WINDOWS)
        phases = [Phase(timing.warm_up_s + timing.seconds, rate_per_s)]
        driven = await drive_open(stage, timing, phases)
        return _with_latency(driven)


def _with_latency(driven: Driven[LoadReport]) -> Sample:
    report = driven.report
    sample = sample_of(driven, report.replies, report.seconds)
    sample.latency, sample.latency_max_us = report.buckets, report.latency_max_us
    sample.facts["sent late, ms at most"] = report.late_max_s * 1_000
    sample.facts["dropped"] = report.dropped
    sample.facts["refused"] = sum(count for code, count in report.codes.items() if code)
    return sample


async def measure_commit(stage: Stage, timing: Timing, _: Round) -> Sample:
    """One fsynced commit of the same rows, directly, at the same 50 a second."""
    timing = Timing(timing.warm_up_s, timing.seconds * CITY_WINDOWS)
    made = int((timing.warm_up_s + timing.seconds) * CITY_RATE_PER_S) + 1
    order = direct_order(stage, connections=1, batch=1, made_ahead=made, rate_per_s=CITY_RATE_PER_S)
    clocks = {"Postgres": stage.postgres_clock}
    driven = await drive(DIRECT, order, DirectReport, timing, clocks)
    sample = sample_of(driven, driven.report.postings, driven.report.seconds)
    sample.latency, sample.latency_max_us = driven.report.buckets, driven.report.latency_max_us
    return sample


async def measure_overload(stage: Stage, timing: Timing, so_far: Round) -> Sample:
    """Twice the best closed-loop rate for a window, then half of it: rate kept, memory, time to recover."""
    capacity = max(so_far[lane].rate_per_s for lane in (SWITCH_1, SWITCH_1_CONCENTRATED))
    offered_s = timing.warm_up_s + timing.seconds
    after_s = timing.seconds * AFTER_WINDOWS
    phases = [Phase(offered_s, capacity * OVERLOAD), Phase(after_s, capacity * AFTER_LOAD)]
    pids = stage.servers["switch 1"].pids
    before = memory_bytes(pids)
    peak = before
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            nonlocal peak
            while True:
                peak = max(peak, memory_bytes(pids))
                await trio.sleep(MEMORY_POLL_S)

        nursery.start_soon(watch)
        driven = await drive_open(stage, timing, phases, BURST)
        nursery.cancel_scope.cancel()
    sample = _with_latency(driven)
    sample.facts |= {
        "offered/s": capacity * OVERLOAD,
        "rate kept": sample.rate_per_s / capacity,
        "recovered after, s": recovered_after_s(driven.report.bins, offered_s),
        "memory before, MiB": before / MIB,
        "memory at most, MiB": peak / MIB,
    }
    return sample


def recovered_after_s(bins: list[Bin], load_end_s: float) -> float:
    """Return how long after the load's end the last slot with a reply too late was over; 0: none was."""
    late = [number for number, slot in enumerate(bins) if slot.latency_max_s > RECOVERED_S or slot.refused]
    return max(0.0, (late[-1] + 1) * BIN_S - load_end_s) if late else 0.0


CITY: Final = "latency at 50/s"
COMMIT: Final = "one commit, direct, at 50/s"
HALF: Final = "latency at 50 % of capacity"
HIGH: Final = "latency at 80 % of capacity"
OVERLOADED: Final = "overload: twice the capacity offered"


def open_lanes() -> list[Lane]:
    """Return lane e and the overload lane, in the order they take turns."""
    switch = ("switch 1",)
    return [
        Lane(COMMIT, (), measure_commit),
        Lane(CITY, switch, LatencyLane(rate_per_s=CITY_RATE_PER_S)),
        Lane(HALF, switch, LatencyLane(share=0.5)),
        Lane(HIGH, switch, LatencyLane(share=0.8)),
        Lane(OVERLOADED, switch, measure_overload),
    ]

"""The load generator's open loop: requests are due at fixed times, whatever has been answered.

Owns pacing, and latencies counted from the moment a request was due, not from when it could be sent: what a
slow switch keeps from being sent counts against it (coordinated omission). Must not know how frames are made
or read. Invariant: every request due in the window is counted, answered late or not; one that its terminal
could not take, having `depth` unanswered already, is counted as dropped.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from itertools import cycle

from bench.throughput.generator import READY_MAX, Traffic
from bench.throughput.lines import LoadLine
from bench.throughput.load_order import BIN_S, Bin, Load, LoadReport, Phase, Window
from simulators.fleet.histogram import Histogram

NEVER = float("inf")
PACE_S = 0.000_25
"""It wakes no more often: woken for each of 60,000 a second it took the processor from what it measures.
Latencies still count from when a request is due; one may be this much longer, read as late as that."""


def due_times(start_s: float, phases: list[Phase], burst: int = 1) -> Iterator[float]:
    """Yield when each burst of requests is due: evenly spaced within each phase."""
    for phase in phases:
        bursts_per_s = phase.rate_per_s / burst
        for number in range(round(phase.seconds * bursts_per_s)):
            yield start_s + number / bursts_per_s
        start_s += phase.seconds


class OpenLoop(Traffic):
    """Requests at the rates of the order's phases, spread over the connections in turn."""

    def __init__(
        self, load: Load, lines: list[LoadLine], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(load, lines, clock)
        self._due_at: dict[int, list[float]] = {line.fd: [] for line in lines}
        for line in lines:
            line.stans = []
        self._histogram = Histogram()
        self._replies = self._dropped = 0
        self._late_max_s = 0.0

    def _drive(self, window: Window) -> LoadReport:
        self._window = window
        seconds = sum(phase.seconds for phase in self._load.phases)
        self._bins = [Bin() for _ in range(round(seconds / BIN_S) + 1)]
        dues = due_times(window.start_s, self._load.phases, self._load.burst)
        turn = cycle(self._lines)
        clock = self._clock
        descriptor = [self._epoll.fileno()]
        due = next(dues, NEVER)
        while due is not NEVER:
            now = clock()
            while due <= now:
                self._request(next(turn), due, now)
                due = next(dues, NEVER)
            time.sleep(max(0.0, now + PACE_S - clock()))
            # select() waits by the microsecond, epoll.poll() by the millisecond.
            wait_s = max(0.0, due - clock()) if due is not NEVER else 0.0
            select.select(descriptor, (), (), wait_s)
            for fd, events in self._epoll.poll(0, READY_MAX):
                line = self._by_fd[fd]
                if events & select.EPOLLOUT:
                    self._flush(line)
                self._take(line)
        self._drain()
        report = self._report(self._replies, window.end_s - window.begin_s)
        report.dropped = self._dropped
        report.late_max_s = self._late_max_s
        report.buckets, report.latency_max_us = self._histogram.buckets, self._histogram.max_us
        report.bins = self._bins
        return report

    def _request(self, line: LoadLine, due: float, now: float) -> None:
        count = min(self._load.burst, self._load.depth - (line.sent - line.answered))
        self._dropped += self._load.burst - count
        if not count:
            return
        self._late_max_s = max(self._late_max_s, now - due)
        self._due_at[line.fd] += [due] * count
        self._send(line, count)

    def _take(self, line: LoadLine) -> None:
        """Read once and note the latency of every approval, from when its request was due."""
        refused = sum(self._codes.values())
        count = line.receive(self._codes)
        if not count:
            return
        now = self._clock()
        window, stan_first = self._window, self._load.stan_first
        due_at = self._due_at[line.fd]
        slot = self._bins[min(int((now - window.start_s) / BIN_S), len(self._bins) - 1)]
        slot.replies += count
        slot.refused += sum(self._codes.values()) - refused
        assert line.stans is not None
        if window.begin_s <= now < window.end_s:
            self._replies += len(line.stans)
        for stan in line.stans:
            due = due_at[stan - stan_first]
            slot.latency_max_s = max(slot.latency_max_s, now - due)
            if window.begin_s <= due < window.end_s:
                self._histogram.add(now - due)
        line.stans.clear()

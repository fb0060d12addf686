"""The load generator's closed loop: so many requests always in flight on every connection.

Owns what both loops share (one epoll object, full sockets, the end of a run) and the closed one; the open one
is in `open_loop`. Must not know how frames are made (`sealing`) or read (`lines`). No event loop: a request
costs a read, a write and about a microsecond of counting. Invariant: a run ends with every request answered,
or fails.
"""

from __future__ import annotations

import gc
import select
import time
from collections.abc import Callable
from typing import Final

from bench.throughput.lines import LoadLine
from bench.throughput.load_order import Load, LoadReport, Window
from bench.throughput.sealing import LoadFailed

READY_MAX: Final = 1_024
POLL_S: Final = 0.02
DRAIN_S_MAX: Final = 15.0


class Traffic:
    """The open lines of one load; `clock` is the time all of the load goes by."""

    def __init__(
        self, load: Load, lines: list[LoadLine], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._clock = clock
        self._lines = lines
        self._by_fd = {line.fd: line for line in lines}
        self._codes: dict[int, int] = {}
        self._epoll = select.epoll()
        for line in lines:
            self._epoll.register(line.fd, select.EPOLLIN)

    def run(self, window: Window) -> LoadReport:
        """Load the server and report. Raises `LoadFailed`."""
        # Nothing here makes cycles; a collection would walk all sealed frames in the middle of the window.
        gc.disable()
        time.sleep(max(0.0, window.start_s - self._clock()))
        try:
            return self._drive(window)
        finally:
            gc.enable()
            self._epoll.close()

    def _drive(self, window: Window) -> LoadReport:
        raise AssertionError("each loop has its own")

    def _send(self, line: LoadLine, count: int) -> None:
        if not line.send(count):
            self._flush(line)

    def _flush(self, line: LoadLine) -> None:
        """Write what is due and let epoll tell when a full socket takes more."""
        behind = not line.flush()
        self._epoll.modify(line.fd, select.EPOLLIN | (select.EPOLLOUT if behind else 0))

    def _drain(self) -> None:
        """Take the answers to what is in flight."""
        until = self._clock() + DRAIN_S_MAX
        while self._in_flight() and self._clock() < until:
            for fd, events in self._epoll.poll(POLL_S, READY_MAX):
                line = self._by_fd[fd]
                if events & select.EPOLLOUT:
                    self._flush(line)
                self._take(line)
        if left := self._in_flight():
            raise LoadFailed(f"{left} requests were not answered within {DRAIN_S_MAX:g} s")

    def _take(self, line: LoadLine) -> None:
        line.receive(self._codes)

    def _in_flight(self) -> int:
        return sum(line.sent - line.answered for line in self._lines)

    def _report(self, replies: int, seconds: float) -> LoadReport:
        lines = self._lines
        answered = sum(line.answered for line in lines)
        codes = dict(self._codes)
        if self._load.speaks == "switch":
            codes[0] = answered - sum(codes.values())
        return LoadReport(
            replies=replies,
            seconds=seconds,
            codes=codes,
            sent=sum(line.sent for line in lines),
            answered=answered,
            verified=sum(line.verified for line in lines),
            sealed_late=sum(line.sealed_late for line in lines),
        )


class ClosedLoop(Traffic):
    """`depth` requests in flight per connection: each reply is answered with the next request."""

    def _drive(self, window: Window) -> LoadReport:
        for line in self._lines:
            self._send(line, self._load.depth)
        self._exchange(window.begin_s)
        began = self._clock()
        replies = self._exchange(window.end_s)
        ended = self._clock()
        self._drain()
        return self._report(replies, ended - began)

    def _exchange(self, until: float) -> int:
        """Exchange until the time has come; return the replies."""
        poll, by_fd, codes = self._epoll.poll, self._by_fd, self._codes
        clock, replies = self._clock, 0
        while clock() < until:
            for fd, events in poll(POLL_S, READY_MAX):
                line = by_fd[fd]
                if events & select.EPOLLOUT:
                    self._flush(line)
                if count := line.receive(codes):
                    replies += count
                    if not line.send(count):
                        self._flush(line)
        return replies

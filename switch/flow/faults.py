"""What peers can bring about in the operator's log, at a bounded rate.

Owns what has been logged lately. Must not know sockets. Pure: reads no clock. Invariant: in a minute each
fault of a source and a terminal gets one line at most, and all of them together `LINES_PER_MINUTE_MAX`; what
was left out is in the next line's `times` or in the counts of /metrics.
"""

from __future__ import annotations

import structlog

log = structlog.get_logger()

MINUTE_S = 60.0
LINES_PER_MINUTE_MAX = 600

Fault = tuple[str, str, int]
"""Source, reason, number of the terminal (as claimed, where it is not proved; 0: none)."""


class FaultLog:
    """Lines of one worker."""

    def __init__(self) -> None:
        self._minute_began = 0.0
        self._times: dict[Fault, int] = {}
        self._times_before: dict[Fault, int] = {}

    def note(
        self,
        event: str,
        source: str,
        reason: str,
        now: float,
        *,
        terminal: int = 0,
        is_ours: bool = False,
        **more: object,
    ) -> None:
        """Log a fault unless it was logged within the minute; `times`: how often since its last line.

        `is_ours`: it is an error of this machine, which peers only bring to light.
        """
        if now - self._minute_began >= MINUTE_S:
            self._minute_began = now
            self._times_before, self._times = self._times, {}
        fault = (source, reason, terminal)
        if fault in self._times:
            self._times[fault] += 1
        elif len(self._times) < LINES_PER_MINUTE_MAX:
            self._times[fault] = 1
            times = self._times_before.get(fault, 1)
            say = log.error if is_ours else log.warning
            say(event, source=source, reason=reason, terminal=terminal or None, times=times, **more)

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
        self, event: str, source: str, reason: str, now: float, *, terminal: int, **more: object
    ) -> None:
        """Log a peer's fault unless it was within the minute; `times`: how often since its last line."""
        if times := self._times_to_tell((source, reason, terminal), now):
            log.warning(event, source=source, reason=reason, terminal=terminal or None, times=times, **more)

    def note_own(self, event: str, problem: str, now: float) -> None:
        """Log an error of this machine that peers bring to light, at the same rate."""
        if times := self._times_to_tell(("", problem, 0), now):
            log.error(event, problem=problem, times=times)

    def _times_to_tell(self, fault: Fault, now: float) -> int:
        """Count a fault; return what its line is to say, 0 where it has had its line already."""
        if now - self._minute_began >= MINUTE_S:
            self._minute_began = now
            self._times_before, self._times = self._times, {}
        if fault in self._times:
            self._times[fault] += 1
            return 0
        if len(self._times) >= LINES_PER_MINUTE_MAX:
            return 0
        self._times[fault] = 1
        return self._times_before.get(fault, 1)

"""What peers can bring about in the operator's log, at a bounded rate.

Owns what has been logged lately. Must not know sockets. Pure: reads no clock. Invariants: in a minute each
fault of a source and a terminal gets one line at most; who is known by his key, who only names a terminal
there is, who names none, and this machine have a budget each, so that none can spend another's; one source of
those who have proved nothing has a part of it only. What was left out is in the next line's `times` or in the
counts of /metrics.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum

import structlog

log = structlog.get_logger()

MINUTE_S = 60.0
LINES_PER_MINUTE_MAX = 300
"""Of each budget."""
LINES_OF_A_SOURCE_MAX = 60
"""Of one address that has proved nothing."""


class Whose(Enum):
    """Whose fault it is, which decides whose lines it takes."""

    CUSTOMER = "customer"
    """A terminal that has proved its key."""
    CLAIMED = "claimed"
    """Somebody who names a terminal that there is, and has not proved to be it."""
    STRANGER = "stranger"
    """Anybody else."""
    OURS = "ours"
    """This machine."""


Fault = tuple[str, str, int]
"""Source, reason, number of the terminal (as claimed, where it is not proved; 0: none)."""


class FaultLog:
    """Lines of one worker."""

    def __init__(self) -> None:
        self._minute_began = 0.0
        self._times: dict[Fault, int] = {}
        self._times_before: dict[Fault, int] = {}
        self._lines: Counter[Whose] = Counter()
        self._lines_of: Counter[str] = Counter()

    def note(
        self, whose: Whose, event: str, source: str, reason: str, now: float, *, terminal: int, **more: object
    ) -> None:
        """Log a peer's fault unless it was within the minute; `times`: how often since its last line."""
        if times := self._times_to_tell(whose, (source, reason, terminal), now):
            log.warning(event, source=source, reason=reason, terminal=terminal or None, times=times, **more)

    def note_own(self, event: str, problem: str, now: float) -> None:
        """Log an error of this machine that peers bring to light, at the same rate."""
        if times := self._times_to_tell(Whose.OURS, ("", problem, 0), now):
            log.error(event, problem=problem, times=times)

    def _times_to_tell(self, whose: Whose, fault: Fault, now: float) -> int:
        """Count a fault; return what its line is to say, 0 where it gets none."""
        if now - self._minute_began >= MINUTE_S:
            self._minute_began = now
            self._times_before, self._times = self._times, {}
            self._lines.clear()
            self._lines_of.clear()
        if fault in self._times:
            self._times[fault] += 1
            return 0
        if not self._may_have_a_line(whose, fault[0]):
            return 0
        self._times[fault] = 1
        return self._times_before.get(fault, 1)

    def _may_have_a_line(self, whose: Whose, source: str) -> bool:
        if self._lines[whose] >= LINES_PER_MINUTE_MAX:
            return False
        if whose in (Whose.CLAIMED, Whose.STRANGER):
            if self._lines_of[source] >= LINES_OF_A_SOURCE_MAX:
                return False
            self._lines_of[source] += 1
        self._lines[whose] += 1
        return True

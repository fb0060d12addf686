"""Owns what is said of trouble with the database: when it begins, once a minute while it lasts, when it is
over.

Whoever fails says so as often as it likes and says when it works again; the log has few lines. Trouble lasts
as long as anybody has it. Knows nothing of what fails.
"""

import logging
from typing import Final

import trio

REPEAT_S: Final = 60.0
_log = logging.getLogger(__name__)


class Outage:
    """The trouble of several parties, told to the log as one. `what` names it there."""

    def __init__(self, what: str = "database") -> None:
        self._what = what
        self._reasons: dict[object, str] = {}
        self._failures = 0
        self._since_s = 0.0
        self._told_s = 0.0

    def failed(self, who: object, reason: str) -> None:
        """Somebody cannot do its work, again or still."""
        now_s = trio.current_time()
        if not self._reasons:
            self._since_s = self._told_s = now_s
            self._failures = 0
            _log.warning(f"{self._what}_trouble", extra={"reason": reason})
        elif now_s - self._told_s >= REPEAT_S:
            self._told_s = now_s
            _log.warning(f"{self._what}_trouble_goes_on", extra={"reason": reason, **self._figures()})
        self._failures += 1
        self._reasons[who] = reason

    def works(self, who: object) -> None:
        """Somebody's work goes well; told often, and mostly no news."""
        if who not in self._reasons:
            return
        del self._reasons[who]
        if not self._reasons:
            _log.info(f"{self._what}_trouble_over", extra=self._figures())

    def reason(self, who: object) -> str | None:
        """Why somebody cannot do its work; None if it can."""
        return self._reasons.get(who)

    def _figures(self) -> dict[str, object]:
        return {"seconds": round(trio.current_time() - self._since_s, 1), "failures": self._failures}

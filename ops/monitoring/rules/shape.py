"""What a rule is, and how its times are written.

Owns the shape of recording rules and alerts. Must not know any metric. Invariants: every time of a rule goes
through `Times`, so that the drill can shorten all of them by one factor; an alert has all its annotations.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RUNBOOKS: Final = "docs/runbooks"
"""Where the pages are; `runbook_url` begins with it (docs/runbooks/README.md tells how to change that)."""
WINDOW_S_MIN: Final = 5.0
"""The shortest window of a rate in the drill: five readings, one a second."""
_UNIT_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Severity(StrEnum):
    """Who is told."""

    PAGE = "page"
    """Somebody gets up: cashiers or holders of cards feel it now, or will before morning."""
    TICKET = "ticket"
    """Somebody looks at it on the next working day."""
    INFO = "info"
    """Good to know; nobody is called."""
    NONE = "none"
    """The watchdog: it is missed when it does not come."""


@dataclass(frozen=True)
class Times:
    """Writes the times of rules, divided by `factor` (1: as they are meant)."""

    factor: float = 1.0

    def seconds(self, text: str) -> float:
        """Return a time like "5m" in seconds, shortened."""
        found = re.fullmatch(r"(\d+)([smhd])", text)
        assert found is not None, text
        return int(found[1]) * _UNIT_S[found[2]] / self.factor

    def window(self, text: str) -> str:
        """Write the window of a rate; never below `WINDOW_S_MIN`."""
        return text if self.factor == 1 else _written(max(self.seconds(text), WINDOW_S_MIN))

    def hold(self, text: str) -> str:
        """Write for how long something has to be so."""
        return text if self.factor == 1 else _written(self.seconds(text))

    def threshold(self, text: str) -> str:
        """Write an age, as a number of seconds, that is compared with a figure of the same kind."""
        return f"{self.seconds(text):g}"


def _written(seconds: float) -> str:
    return f"{round(seconds * 1_000)}ms"


@dataclass(frozen=True)
class Recording:
    """A series that Prometheus computes from others; `name` is level:metric:operations."""

    name: str
    expr: str


@dataclass(frozen=True)
class Alert:
    """One alert. `hold`: for how long its expression has to be true before anybody is told."""

    name: str
    expr: str
    hold: str
    severity: Severity
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        """The page of this alert, from the root of the repository."""
        return f"{RUNBOOKS}/{self.name}.md"


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated together, in this order."""

    name: str
    rules: tuple[Recording | Alert, ...]

"""The table the drill prints: one line for each alert.

Owns the words of what could not be fired. Must not know how a fault is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

NOT_FIRED: Final = {
    "CityswitchTerminalsSilent": "not fired: silent is who was heard at this hour one and two weeks ago",
}
"""Alerts no real fault can fire within minutes on one machine, and why."""


@dataclass(frozen=True)
class Line:
    """What became of one alert. Times in seconds; None: it did not."""

    alert: str
    fault: str
    fired_s: float | None
    cleared_s: float | None
    commands: int
    failed: Sequence[str]
    is_expected: bool = True

    @property
    def is_good(self) -> bool:
        """Whether it fired and ended, and its runbook could be walked."""
        came = self.fired_s is not None and self.cleared_s is not None
        return (came or not self.is_expected) and not self.failed


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a Markdown table."""
    rows = [("alert", "real fault", "fired after", "cleared after", "runbook's commands")]
    for line in lines:
        walked = f"{line.commands - len(line.failed)} of {line.commands}" if line.commands else "–"
        rows.append((line.alert, line.fault, _s(line, line.fired_s), _s(line, line.cleared_s), walked))
    rows.insert(1, ("---", "---", "---:", "---:", "---:"))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _s(line: Line, seconds: float | None) -> str:
    if seconds is not None:
        return f"{seconds:.0f} s"
    return "**did not**" if line.is_expected else "–"

"""What the doctor says of one thing it looked at.

Owns the type. Must not look at anything. Invariant: whatever is not "ok" names what it endangers and a cure.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Level = Literal["ok", "warning", "danger"]
LEVELS: Final[tuple[Level, ...]] = ("ok", "warning", "danger")


class Finding(msgspec.Struct, frozen=True):
    """One check: how bad it is, what was seen, what that endangers, and the cure in a line."""

    check: str
    level: Level
    seen: str
    endangers: str = ""
    cure: str = ""

    def __post_init__(self) -> None:
        """Nobody is told of a danger without being told what to do."""
        assert self.level == "ok" or (self.endangers and self.cure), self.check


def graded(value: float, warn_from: float, danger_from: float) -> Level:
    """Return how bad a value is of which more is worse."""
    return "danger" if value >= danger_from else "warning" if value >= warn_from else "ok"


def worst(findings: list[Finding]) -> Level:
    """Return the worst level there is among the findings."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")

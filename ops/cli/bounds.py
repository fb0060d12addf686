"""Bounds of numbers on the command line.

Owns the validator. Invariant: what is not a number between the bounds, NaN and infinities too, is refused as
a matter of usage before a command begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

DAY_S: Final = 86_400.0
MONTH_S: Final = 31 * DAY_S
RATE_MAX: Final = 1_000_000


def between(low: float, high: float) -> Callable[[Any, float], None]:
    """Return a validator of cyclopts' that takes numbers from `low` to `high`."""

    def validate(_type: Any, value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"must be between {low:g} and {high:g}.")

    return validate

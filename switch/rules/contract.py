"""A contract of a partner, as a terminal meets it: on which days it runs, and about whom.

Owns both. Pure. Must not know what was agreed besides, nor in which state the registry shows it.
"""

from __future__ import annotations

from typing import NamedTuple


class Contract(NamedTuple):
    """The first and last day of a contract (days since 1970-01-01; None: without an end) and the outlet it is
    about; 0: the partner as a whole.
    """

    outlet: int
    first_day: int
    last_day: int | None

    def covers(self, outlet: int, day: int) -> bool:
        """Whether it is about a terminal of this outlet on a day."""
        if self.outlet not in (0, outlet) or day < self.first_day:
            return False
        return self.last_day is None or day <= self.last_day

"""Of which ages somebody is, as a neighbour would say.

Owns the bands of Zgierz § 16 in plain words, to say what was met; nothing is decided by them.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from simulators.world.year import circumstances as why_
from simulators.world.year.days import age
from simulators.world.year.people import Resident

BANDS: Final = (
    (why_.CHILD, 0, 6),
    (why_.JUNIOR, 7, 12),
    (why_.YOUTH, 13, 18),
    (why_.ADULT, 18, 60),
    (why_.SENIOR, 61, 150),
)
TURNS: Final = (7, 13, 18, 19, 61)
"""Birthdays on which somebody is of another band than the day before."""
_OF_AGE: Final = {
    years: tuple(name for name, first, last in BANDS if first <= years <= last)
    + {18: (why_.AT_18,), 60: (why_.AT_60,)}.get(years, ())
    for years in range(-1, 151)
}


def who_is(person: Resident, day: date) -> tuple[str, ...]:
    """Return the bands somebody is in; of who has no age there, none."""
    if person.born_on is None:
        return ("nobody's age",)
    found = _OF_AGE[age(person.born_on, day)]
    return (*found, why_.WARD) if person.has_guardian and why_.ADULT in found else found or ("unborn",)

"""Who holds the cards of a simulated city: born when, with which flags, entitled until when.

Owns how these are spread over the cards: ages over all bands, one in five a family, one in seven a SENIOR,
one in 250 whose entitlement has ended. Computed from the index, nothing is stored. Must not know a rule:
which kind somebody is of follows from the date of birth by the programme's own. Nobody here is a person.
"""

from datetime import date, timedelta
from typing import Final, NamedTuple

from simulators.city.places import Place
from simulators.city.population import Peculiarity, Population

_YOUNGEST_BORN: Final = date(2025, 12, 31)
_BIRTHDAYS: Final = 960
_DAYS_BETWEEN: Final = 36
"""960 days of birth, 36 days apart: ages from 0 to 95."""
_STRIDE: Final = 379
"""Coprime to the birthdays, so that neighbouring cards have holders of every age."""
ENTITLED_UNTIL: Final = date(2049, 5, 31)
LAPSED_ON: Final = date(2024, 5, 31)
"""Zgierz § 21: without a proof the entitlement of the first applicants ended so."""

FAMILY: Final = 0b01
SENIOR: Final = 0b10
FLAG_OF: Final = {"family": FAMILY, "senior": SENIOR}
_FAMILY_EVERY: Final = 5
_SENIOR_EVERY: Final = 7

_NEAR_DAYS: Final = 2


class Holder(NamedTuple):
    """What decides about the holder of a card; None where the city keeps no such thing."""

    flags: int
    born_on: date | None
    entitled_until: date | None

    @property
    def is_kept(self) -> bool:
        """Whether the registry has anything to keep."""
        return bool(self.flags or self.born_on or self.entitled_until)


def holder_of(population: Population, index: int) -> Holder:
    """Return the holder of card `index`."""
    place: Place = population.place
    flags = FAMILY * (index % _FAMILY_EVERY == 0) | SENIOR * (index % _SENIOR_EVERY == 0)
    days = index * _STRIDE % _BIRTHDAYS * _DAYS_BETWEEN
    born_on = _YOUNGEST_BORN - timedelta(days=days) if place.has_holders else None
    is_lapsed = population.peculiarity(index) is Peculiarity.LAPSED
    until = (LAPSED_ON if is_lapsed else ENTITLED_UNTIL) if place.is_lapsing else None
    return Holder(flags & place.flags, born_on, until)


_AGES: Final = {"child": (0, 6), "junior": (7, 12), "youth": (13, 18), "adult": (18, 60), "senior": (61, 150)}
"""Zgierz § 16, in completed years; at 18 both hold. Said again here: what checks must not ask the checked."""


def kinds_on(holder: Holder, day: date) -> frozenset[str]:
    """Return the codes of the kinds somebody is of on a day."""
    born = holder.born_on
    if born is None:
        return frozenset()
    age = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    return frozenset(code for code, (first, last) in _AGES.items() if first <= age <= last)


def has_birthday(holder: Holder, day: date) -> bool:
    """Whether a birthday is so near that a clock or a time zone may decide."""
    born = holder.born_on
    if born is None:
        return False
    # 365 days are a year of 365 places; a leap day moves them by one, which is within what is near.
    apart = abs(born.timetuple().tm_yday - day.timetuple().tm_yday)
    return min(apart, 365 - apart) <= _NEAR_DAYS

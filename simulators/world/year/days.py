"""The days of one year on the clocks of a city: when each begins, how long it is, which nights are odd.

Owns local time in the year, from the zone's own table. Must not know a programme. Invariant: a moment (ms
since 1970) is reached by adding what has really passed since midnight, so an hour shown twice is there twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

ZONE: Final = ZoneInfo("Europe/Warsaw")
HOUR_MS: Final = 3_600_000
DAY: Final = timedelta(days=1)


def midnight_ms(day: date) -> int:
    """Return the moment a day begins."""
    return at_ms(day, 0)


def at_ms(day: date, hour: int, minute: int = 0, *, again: bool = False) -> int:
    """Return the moment the city's clocks show a time; `again`: of a time shown twice the second."""
    shown = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE, fold=int(again))
    return round(shown.timestamp() * 1_000)


def day_of(moment_ms: int) -> date:
    """Return the day the city's calendar shows."""
    return datetime.fromtimestamp(moment_ms / 1_000, UTC).astimezone(ZONE).date()


class Day(msgspec.Struct, frozen=True):
    """One day: `begins_ms` its midnight, `hours` how many it has (23, 24 or 25)."""

    date: date
    begins_ms: int
    hours: int

    @property
    def is_longest(self) -> bool:
        """Whether an hour is shown twice in its small hours."""
        return self.hours == 25

    @property
    def is_shortest(self) -> bool:
        """Whether an hour is left out."""
        return self.hours == 23


def days_of(year: int, last: date | None = None) -> Iterator[Day]:
    """Yield the days of a year, up to `last`."""
    day = date(year, 1, 1)
    while day.year == year and (last is None or day <= last):
        begins_ms = midnight_ms(day)
        yield Day(day, begins_ms, (midnight_ms(day + DAY) - begins_ms) // HOUR_MS)
        day += DAY


def is_leap(year: int) -> bool:
    """Whether a year has a 29 February."""
    return (date(year, 3, 1) - DAY).day == 29


def years_later(day: date, years: int) -> date:
    """Return the day of the same number so many years later; for 29 February else the 28th."""
    last = 28 if (day.month, day.day) == (2, 29) and not is_leap(day.year + years) else day.day
    return date(day.year + years, day.month, last)


def birthday_in(born: date, year: int) -> date:
    """Return a birthday."""
    return years_later(born, year - born.year)


def age(born: date, day: date) -> int:
    """Return the birthdays somebody has had, the first one after a year."""
    return day.year - born.year - (day < birthday_in(born, day.year))

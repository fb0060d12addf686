"""Days, terms and periods that the rules of a programme speak of.

Owns the counting of days: ages and the kinds of holder that follow from them, the ends of terms, the periods
of quotas, hours of the day. Pure, and without a time zone: which day and minute it is, `calendar.py` says. A
day is a `datetime.date`, or a number of days since 1970-01-01 (`day_number`) where it is kept by the million.
Invariant: of every function there is a slow twin in tests/switch/test_dates.py, which says it in other words.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import MAXYEAR, date, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

EPOCH_ORDINAL: Final = 719_163  # date(1970, 1, 1).toordinal()
MINUTES_A_DAY: Final = 24 * 60
EVERY_DAY: Final = 0b111_1111
"""All seven days of a week: bit 0 is Monday."""
ONE_DAY: Final = timedelta(days=1)


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to a day."""
    return day.toordinal() - EPOCH_ORDINAL


def day_of_number(number: int) -> date:
    """Return the day that is so many days after 1970-01-01."""
    return date.fromordinal(number + EPOCH_ORDINAL)


def _same_day(year: int, month: int, day: int) -> date:
    """The day of that number in a month, or the month's last."""
    return date(year, month, min(day, monthrange(year, month)[1]))


# Ages and kinds of holder.


def birthday(born: date, year: int) -> date:
    """Return the birthday in a year; who was born on 29 February has it on the 28th in other years."""
    return _same_day(year, born.month, born.day)


def age_on(born: date, day: date) -> int:
    """Return the completed years of life on a day; an age is reached as its birthday begins.

    Civil Code, art. 112. Negative before the birth.
    """
    return day.year - born.year - (day < birthday(born, day.year))


class Band(NamedTuple):
    """One kind of holder by age: from the birthday that completes `from_age` years until the last day before
    the one that completes `to_age` + 1; None: for life. `bit` is its place in a set of kinds (0..15).
    """

    bit: int
    from_age: int
    to_age: int | None


Overlap: TypeAlias = Literal["both", "older", "younger"]
"""Who is in two bands at once is of both kinds, or of that for older or for younger people alone."""


def kinds_at_age(bands: Sequence[Band], overlap: Overlap, age: int) -> int:
    """Return the set of kinds (a bit mask) of somebody of that age."""
    fitting = [band for band in bands if band.from_age <= age and (band.to_age is None or age <= band.to_age)]
    if overlap != "both" and fitting:
        pick = max if overlap == "older" else min
        fitting = [pick(fitting, key=lambda band: (band.from_age, band.bit))]
    mask = 0
    for band in fitting:
        mask |= 1 << band.bit
    return mask


def kinds_on(bands: Sequence[Band], overlap: Overlap, born: date, day: date) -> int:
    """Return the set of kinds (a bit mask) of somebody born on a day, on another; 0 before the birth."""
    return kinds_at_age(bands, overlap, age_on(born, day))


def kind_steps(bands: Sequence[Band], overlap: Overlap) -> list[tuple[int, int]]:
    """Return from which completed year of life on which set of kinds holds, where it changes."""
    ages = {0} | {band.from_age for band in bands}
    ages |= {band.to_age + 1 for band in bands if band.to_age is not None}
    steps: list[tuple[int, int]] = []
    for age in sorted(ages):
        kinds = kinds_at_age(bands, overlap, age)
        if kinds != (steps[-1][1] if steps else 0):
            steps.append((age, kinds))
    return steps


def changes_of_kinds(bands: Sequence[Band], overlap: Overlap, born: date) -> Iterator[tuple[date, int]]:
    """Yield each day on which the set of kinds changes, from the birth on, with the set from then on."""
    for age, kinds in kind_steps(bands, overlap):
        if born.year + age <= MAXYEAR:
            yield birthday(born, born.year + age), kinds


def kinds_around(
    bands: Sequence[Band], overlap: Overlap, born: date, day: date
) -> tuple[tuple[date, int] | None, tuple[date, int] | None]:
    """Return what has to be kept instead of a date of birth to judge a day and those near it.

    The newest change up to that day and the first after it, each with the set from then on; None: none.
    """
    newest = following = None
    for change in changes_of_kinds(bands, overlap, born):
        if change[0] > day:
            following = change
            break
        newest = change
    return newest, following


# Terms.


def end_of_term(start: date, *, months: int) -> date:
    """Return the last day of a term of months that begins on a day; that day belongs to the term.

    Civil Code, art. 112: the day of the same number in the last month, or, where it has none, its last day.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return _same_day(year, month + 1, start.day)


def end_after_tax_year(tax_year: int, *, years: int, month: int, day: int) -> date:
    """Return the last day that proof of the tax of a year entitles to: a day of the year so many years later.

    Zgierz § 20: until the end of May each year, on proof for the year before; proof for 2023, to be shown by
    31 May 2024, entitles until 31 May 2025, thus `years` = 2.
    """
    return _same_day(tax_year + years, month, day)


# Periods of quotas.


class Period(IntEnum):
    """What a quota counts within."""

    DAY = 0
    WEEK = 1
    MONTH = 2
    YEAR = 3
    EVER = 4


@lru_cache(maxsize=256)  # asked for each use of a benefit, of few days
def period_of(period: int, number: int) -> int:
    """Return the number of the period a day (days since 1970) lies in.

    The day itself, its Monday (days since 1970), year · 12 + month − 1, the year, or 0.
    """
    if period == Period.DAY:
        return number
    if period == Period.WEEK:
        return number - (number + 3) % 7  # 1970-01-01 was a Thursday
    if period == Period.EVER:
        return 0
    day = day_of_number(number)
    return day.year * 12 + day.month - 1 if period == Period.MONTH else day.year


def period_days(period: Period, of: int) -> tuple[date, date] | None:
    """Return the first and the last day of a period by its number; None for EVER."""
    if period == Period.EVER:
        return None
    if period == Period.YEAR:
        return date(of, 1, 1), date(of, 12, 31)
    if period == Period.MONTH:
        year, month = of // 12, of % 12 + 1
        return date(year, month, 1), _same_day(year, month, 31)
    first = day_of_number(of)
    return first, first + (6 if period == Period.WEEK else 0) * ONE_DAY


# Hours of the day.


class Hours(NamedTuple):
    """When something holds, on the wall clock: from a minute of the day until another, which is outside.

    At or before `from_minute`, `until_minute` is the next day's: 22:00 to 02:00, and from a minute until the
    same is a whole day. `days` are those it begins on: bit 0 is Monday.
    """

    from_minute: int = 0
    until_minute: int = MINUTES_A_DAY
    days: int = EVERY_DAY


def began_on(hours: Hours, number: int, minute: int) -> int | None:
    """Return the day (since 1970) on which hours began that a minute of a day lies in; None: it lies in none.

    What the clock shows decides: an hour that it shows twice in autumn counts both times, and of one that it
    leaves out in spring there is no minute that could be asked for.
    """
    from_minute, until_minute, days = hours
    if from_minute < until_minute:
        is_inside, began = from_minute <= minute < until_minute, number
    else:
        is_inside = minute >= from_minute or minute < until_minute
        began = number if minute >= from_minute else number - 1
    return began if is_inside and days >> (began + 3) % 7 & 1 else None

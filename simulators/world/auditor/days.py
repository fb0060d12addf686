"""Days, hours and birthdays, counted the plain way.

Owns the calendar of a time zone and the terms of the Civil Code. Must not know a programme. Every offset from
UTC is a whole number of quarters of an hour and changes on one, so a quarter is looked up once.
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
_QUARTER_MS = 900_000
_EPOCH = date(1970, 1, 1).toordinal()


class Clock:
    """What the clocks on the walls of one zone show."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._offsets_ms: dict[int, int] = {}
        self._dates: dict[int, date] = {}

    def wall_ms(self, at_ms: int) -> int:
        """Return ms since 1970 as if the wall's clock were UTC's."""
        quarter = at_ms // _QUARTER_MS
        offset_ms = self._offsets_ms.get(quarter)
        if offset_ms is None:
            shown = datetime.fromtimestamp(quarter * _QUARTER_MS // 1_000, UTC).astimezone(self._zone)
            offset_ms = round((shown.utcoffset() or timedelta()).total_seconds() * 1_000)
            self._offsets_ms[quarter] = offset_ms
        return at_ms + offset_ms

    def shows(self, at_ms: int) -> tuple[date, int]:
        """Return the date the calendar on the wall shows, and the minutes since its midnight: 0 to 1439."""
        number, rest_ms = divmod(self.wall_ms(at_ms), DAY_MS)
        day = self._dates.get(number)
        if day is None:
            day = self._dates[number] = date.fromordinal(_EPOCH + number)
        return day, rest_ms // 60_000


def same_day_in(year: int, month: int, day: int) -> date:
    """Return that day of a year, or the last of the month where it has no such day (Civil Code, art. 112)."""
    try:
        return date(year, month, day)
    except ValueError:
        return date(year, month, calendar.monthrange(year, month)[1])


def after_months(day: date, months: int) -> date:
    """Return the last day of a term of months: of the same number, or the last of its month."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return same_day_in(year, month, day.day)


def age_on(born: date, day: date) -> int:
    """Return the birthdays there were; -1 before the birth. Born on 29 February: else the 28th."""
    if day < born:
        return -1
    years = day.year - born.year
    return years if same_day_in(day.year, born.month, born.day) <= day else years - 1


def period_of(day: date, every: str) -> tuple[int, ...]:
    """Return what names the day, week (from Monday), month or year of a day; for ever: nothing."""
    if every == "week":
        monday = day - timedelta(days=day.weekday())
        return monday.year, monday.month, monday.day
    whole = (day.year, day.month, day.day)
    return whole[: {"ever": 0, "year": 1, "month": 2, "day": 3}[every]]

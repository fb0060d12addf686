"""Which day and hour it is for a card: the city's own, not the server's.

Owns the turn from moment to day, minute and printed time in one time zone (`dates.py` counts from there). A
card that is valid until a date is valid until midnight in the city.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from switch.rules.dates import EPOCH_ORDINAL


class CalendarError(Exception):
    """The time zone's name is unknown."""


class Calendar:
    """Days since 1970-01-01 in one time zone.

    Remembers the two days last asked for, today and that of late sales: asking costs a comparison.
    """

    def __init__(self, time_zone: str) -> None:
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise CalendarError(f"no such time zone: {time_zone!r}") from error
        self._minute, self._text = -1, ""
        self._wall_minute, self._wall = -1, (0, 0)
        self._last = self._other = (0, 0, 0)  # from, until (ms since 1970), day

    def day(self, at_ms: int) -> int:
        """The day of a moment in ms since the epoch."""
        from_ms, until_ms, day = self._last
        if from_ms <= at_ms < until_ms:
            return day
        self._last, self._other = self._other, self._last
        from_ms, until_ms, day = self._last
        if not from_ms <= at_ms < until_ms:
            ordinal = datetime.fromtimestamp(at_ms // 1000, self._zone).toordinal()
            day = ordinal - EPOCH_ORDINAL
            self._last = (max(self._midnights_ms(ordinal)), min(self._midnights_ms(ordinal + 1)), day)
        return day

    def wall(self, at_ms: int) -> tuple[int, int]:
        """The day (since 1970) and its minute, 0..1439, that the city's clocks show at a moment."""
        minute = at_ms // 60_000
        if minute != self._wall_minute:
            local = datetime.fromtimestamp(minute * 60, self._zone)
            self._wall = local.toordinal() - EPOCH_ORDINAL, local.hour * 60 + local.minute
            self._wall_minute = minute
        return self._wall

    def text(self, at_ms: int) -> str:
        """A moment as the city's clocks show it, to the minute: "2026-12-31 23:59"."""
        minute = at_ms // 60_000
        if minute != self._minute:
            self._minute = minute
            self._text = f"{datetime.fromtimestamp(minute * 60, self._zone):%Y-%m-%d %H:%M}"
        return self._text

    def _midnights_ms(self, ordinal: int) -> tuple[int, int]:
        """The moments that can be the midnight a day begins with: clocks may jump over it, or show it twice.

        What lies between two such is worked out anew each time it is asked for; all else is remembered.
        """
        midnight = datetime.fromordinal(ordinal).replace(tzinfo=self._zone)
        return int(midnight.timestamp() * 1000), int(midnight.replace(fold=1).timestamp() * 1000)

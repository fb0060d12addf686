"""Which day it is for a card: the city's own calendar day, not the server's.

Owns the turn from wall clock to day. A card that is valid until a date is valid until midnight in the city.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


class CalendarError(Exception):
    """The time zone's name is unknown."""


class Calendar:
    """Days since 1970-01-01 in one time zone; remembers the present day: asking costs a comparison."""

    def __init__(self, time_zone: str) -> None:
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise CalendarError(f"no such time zone: {time_zone!r}") from error
        self._day = 0
        self._from_ms = self._until_ms = 0

    def day(self, now_ms: int) -> int:
        """The day of a moment in ms since the epoch."""
        if not self._from_ms <= now_ms < self._until_ms:
            date = datetime.fromtimestamp(now_ms / 1000, self._zone).date()
            self._day = date.toordinal() - EPOCH_ORDINAL
            self._from_ms = self._midnight_ms(date.toordinal())
            self._until_ms = self._midnight_ms((date + timedelta(days=1)).toordinal())
        return self._day

    def _midnight_ms(self, ordinal: int) -> int:
        midnight = datetime.fromordinal(ordinal).replace(tzinfo=self._zone)
        return int(midnight.timestamp() * 1000)

"""The programmes of the model of cards, and what of their rules decides there."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta


def in_months(day: date, months: int) -> date:
    """The day of the same number so many months later, or the month's last (Civil Code, art. 112)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


@dataclass(eq=False)
class City:
    """A programme, and what of its rules decides here."""

    number: int
    prefix: str
    validity_months: int = 0
    notice_months: int = 0
    retains: bool = False
    needs_proof: bool = False
    further_carriers: bool = False
    pepper: int = 0
    former: int | None = None

    def last_day(self, today: date) -> date | None:
        return in_months(today, self.validity_months) if self.validity_months else None

    def notice_until(self, given: date) -> date:
        return in_months(given, self.notice_months) if self.notice_months else given - timedelta(days=1)

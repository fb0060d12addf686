"""Owns the limits of uses that random requests are made with: of a card or of all, by day to for ever.

Knows nothing of offers. Periods are numbered as `ledger.books.posting.QuotaLeg` says, in UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from ledger.books.posting import AccountKind, QuotaLeg, account_id

_EPOCH: Final = date(1970, 1, 1).toordinal()
_MS: Final = 1_000


def _day(today: date) -> int:
    return today.toordinal() - _EPOCH


def _week(today: date) -> int:
    return _day(today) - today.weekday()


def _month(today: date) -> int:
    return today.year * 12 + today.month - 1


def _year(today: date) -> int:
    return today.year


def _ever(_: date) -> int:
    return 0


class Limit(NamedTuple):
    """So many uses in a period; wide: of all cards together."""

    number: int
    is_wide: bool
    period: Callable[[date], int]
    uses_allowed: int


LIMITS: Final = (
    Limit(1, False, _day, 1),
    Limit(2, False, _week, 4),
    Limit(10 << 3, False, _day, 2),
    Limit(10 << 3 | 1, False, _month, 3),
    Limit(11 << 3, False, _year, 5),
    Limit(12 << 3, False, _ever, 12),
    Limit(13 << 3, False, _day, 0),
    Limit(3, True, _day, 9),
    Limit(14 << 3, True, _week, 30),
    Limit(15 << 3, True, _month, 70),
    Limit(16 << 3, True, _ever, 400),
)


def leg_of(limit: Limit, programme: int, account: int, at_ms: int, more: int) -> QuotaLeg:
    """One use of a limit at a moment; `more`: what the rules in force allow above (below) the limit."""
    owner = account_id(programme, AccountKind.ORGANISER) if limit.is_wide else account
    today = datetime.fromtimestamp(at_ms / _MS, UTC).date()
    return QuotaLeg(owner, limit.number, limit.period(today), max(limit.uses_allowed + more, 0))

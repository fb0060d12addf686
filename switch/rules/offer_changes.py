"""Whether a new version of an offer is worse for anybody than the one before.

Owns the comparison, which decides whether a change has to be announced (Zgierz § 34) or may hold at once.
Pure. Invariant: "no worse" is said only where every holder gets as much, at every outlet and moment, as often
and on no harder condition; what cannot be compared counts as worse.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from switch.rules.dates import MINUTES_A_DAY
from switch.rules.offers import (
    DAYS,
    AmountOff,
    AnyBenefit,
    FixedPrice,
    FreeEntry,
    Hours,
    Limit,
    Offer,
    Percent,
    Privilege,
    SecondFree,
    parse_hours,
)

MINUTES_A_WEEK = 7 * MINUTES_A_DAY


def worse_keys(old: Offer, new: Offer) -> list[str]:
    """Return the keys by which the new version is, or may be, worse for somebody than the old one."""
    verdicts = {
        "partner": new.partner == old.partner,
        "outlets": not new.outlets or set() < set(old.outlets) <= set(new.outlets),
        "benefits": all(any(_covers(new, b, old, a) for b in new.benefits) for a in old.benefits),
        "from": _day(new.from_day, date.min) <= _day(old.from_day, date.min),
        "to": _day(new.to_day, date.max) >= _day(old.to_day, date.max),
        "hours": _minutes(old) <= _minutes(new),
        "combines": new.combines is True or new.combines == old.combines,
        "confirm": set(new.confirm) <= set(old.confirm),
        "limits": all(any(_is_looser(b, a) for a in old.limits) for b in new.limits),
        "max_discount_grosze": _is_capped_no_lower(old, new),
    }
    return [key for key, is_no_worse in verdicts.items() if not is_no_worse]


def _day(day: date | None, missing: date) -> date:
    return missing if day is None else day


def _minutes(offer: Offer) -> set[int]:
    """Return the minutes of a week in which an offer holds."""
    open_at: set[int] = set()
    for start, until in [parse_hours(text) for text in offer.hours] or [Hours(0, MINUTES_A_DAY)]:
        length = until - start if until > start else until + MINUTES_A_DAY - start
        for day in _days(offer):
            begin = day * MINUTES_A_DAY + start
            open_at.update(minute % MINUTES_A_WEEK for minute in range(begin, begin + length))
    return open_at


def _days(offer: Offer) -> Iterator[int]:
    return (DAYS.index(day) for day in offer.days or DAYS)


def _is_looser(new: Limit, old: Limit) -> bool:
    return (new.per, new.every) == (old.per, old.every) and new.uses >= old.uses


def _is_capped_no_lower(old: Offer, new: Offer) -> bool:
    if new.max_discount_grosze is None:
        return True
    return old.max_discount_grosze is not None and new.max_discount_grosze >= old.max_discount_grosze


def _covers(new: Offer, b: AnyBenefit, old: Offer, a: AnyBenefit) -> bool:
    """Whether whoever has benefit `a` of the old version has at least as much by `b` of the new one."""
    for wide, narrow in ((b.kinds, a.kinds), (b.flags, a.flags)):
        if wide and not (narrow and set(narrow) <= set(wide)):
            return False
    if isinstance(b, Privilege):
        return isinstance(a, Privilege) and (new.name, new.text) == (old.name, old.text)
    return _is_worth_as_much(b, a)


def _is_worth_as_much(b: AnyBenefit, a: AnyBenefit) -> bool:
    """Whether `b` takes off at least as much as `a`, whatever the amount."""
    if isinstance(b, FreeEntry):
        return not isinstance(a, Privilege)
    if isinstance(b, Percent):
        return isinstance(a, Percent) and b.hundredths >= a.hundredths
    if isinstance(b, FixedPrice):
        return isinstance(a, FixedPrice) and b.price_grosze <= a.price_grosze
    if isinstance(b, AmountOff):
        return isinstance(a, AmountOff) and b.off_grosze >= a.off_grosze
    return isinstance(b, SecondFree) and isinstance(a, SecondFree)

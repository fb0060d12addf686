"""An offer, read from an offers file: whom it is for, when it holds, what it takes off (docs/offers.md).

Owns what is taken from an offers file. Must not know what a holder used before, nor how the switch reads it.
Money is counted in fractions and rounded once, half a grosz up.
"""

from __future__ import annotations

import math
import tomllib
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from simulators.world.auditor.programme import ALONE, GUARDIAN, PHOTO, Limit, Rules

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CONFIRM = {"photo_id": PHOTO, "guardian_id": GUARDIAN, "no_other_discount": ALONE}
_KINDS = ("percent", "fixed_price", "amount_off", "free_entry", "second_free", "privilege")
_WITHOUT_PRICE = ("free_entry", "privilege")
_EVERY_HOUR = [(0, 1_440)]


class Benefit:
    """One benefit of an offer, and whom it is for."""

    __slots__ = ("flags", "kind", "kinds", "part", "raw")

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.kind: str = raw["kind"]
        self.part = Fraction(str(raw.get("percent", 0)).replace(",", ".")) / 100
        self.kinds = frozenset(raw.get("for", ()))
        self.flags = frozenset(raw.get("flags", ()))

    def is_for(self, kinds: frozenset[str], flags: frozenset[str]) -> bool:
        """Whether a holder has one of each list; an empty list is for everybody."""
        return (not self.kinds or bool(self.kinds & kinds)) and (not self.flags or bool(self.flags & flags))

    def takes_off(self, price: int) -> int:
        """Return the discount on a price, in grosze."""
        match self.kind:
            case "percent":
                return math.floor(price * self.part + Fraction(1, 2))
            case "fixed_price":
                return price - min(price, int(self.raw["price_grosze"]))
            case "amount_off":
                return price - max(0, price - int(self.raw["off_grosze"]))
            case "free_entry":
                return price
            case "second_free":
                return math.floor(Fraction(price, 2))
        return 0


class Offer:
    """One version of an offer that holds somewhere."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.number: int = raw["number"]
        self.partner: int = raw["partner"]
        self.names: dict[str, str] = raw["name"]
        self.outlets = frozenset(raw.get("outlets", ()))
        self.benefits = [Benefit(one) for one in raw["benefits"]]
        self.first: date = raw.get("from", date.min)
        self.last: date = raw.get("to", date.max)
        self.days = frozenset(_DAYS.index(day) for day in raw.get("days", _DAYS))
        self.hours = [_hours(text) for text in raw.get("hours", ())] or _EVERY_HOUR
        whole = (self.first, self.last, len(self.days), self.hours)
        self._is_always = whole == (date.min, date.max, len(_DAYS), _EVERY_HOUR)
        self.combines: bool | None = raw.get("combines")
        self.confirm = sum(_CONFIRM[name] for name in raw.get("confirm", ()))
        self.max_discount: int | None = raw.get("max_discount_grosze")
        self.limits = [
            Limit(
                (self.number, limit["per"], limit["every"]),
                {"uses": limit["uses"]},
                every=limit["every"],
                is_wide=limit["per"] == "offer",
            )
            for limit in raw.get("limits", ())
        ]

    def holds(self, day: date, minute: int) -> bool:
        """Whether it holds at a minute of a day. Hours past midnight belong to the day they begin on."""
        if self._is_always:
            return True
        return self._begins_on(day, minute) or self._begins_on(day - timedelta(days=1), minute + 1_440)

    def is_over(self, day: date, minute: int) -> bool:
        """Whether no day of it is left at a minute of a day. Hours past midnight are the day before's."""
        runs_on = any(until > minute + 1_440 for _, until in self.hours)
        begin = max(self.first, day - timedelta(days=runs_on))
        days_left = min((self.last - begin).days + 1, 7)
        return not any((begin.weekday() + ahead) % 7 in self.days for ahead in range(days_left))

    def _begins_on(self, day: date, minute: int) -> bool:
        is_day = self.first <= day <= self.last and day.weekday() in self.days
        return is_day and any(start <= minute < until for start, until in self.hours)

    def for_whom(self, kinds: frozenset[str], flags: frozenset[str]) -> list[Benefit]:
        """Return the benefits that are for a holder."""
        return [one for one in self.benefits if one.is_for(kinds, flags)]

    def discount(self, fitting: list[Benefit], price: int) -> int:
        """Return what the best of these takes off a price, and no more than the offer allows."""
        best = max(one.takes_off(price) for one in fitting)
        return best if self.max_discount is None else min(best, self.max_discount)

    def checks(self, rules: Rules, kinds: frozenset[str]) -> int:
        """Return what the cashier is to see before it is granted (Zgierz § 17, § 37; Żywiec § 2)."""
        bits = rules.checks(kinds) | self.confirm
        return bits | ALONE if self.combines is False else bits

    @property
    def kind_number(self) -> int:
        """The number of its kind on the wire; 0: of several kinds."""
        kinds = {_KINDS.index(one.kind) + 1 for one in self.benefits}
        return kinds.pop() if len(kinds) == 1 else 0


def needs_price(fitting: list[Benefit]) -> bool:
    """Whether a price of nothing leaves nothing to grant: none of these is worth something without one."""
    return not any(one.kind in _WITHOUT_PRICE for one in fitting)


def _hours(text: str) -> tuple[int, int]:
    """Return the first minute and the one after the last, from the midnight before."""
    start, until = (int(clock[:2]) * 60 + int(clock[3:]) for clock in text.split("-"))
    return (start, until) if start < until else (start, until + 1_440)


_READ: dict[str, dict[int, Offer]] = {}


def read_offer(text: str, number: int) -> Offer:
    """Return an offer of an offers file."""
    offers = _READ.get(text)
    if offers is None:
        offers = _READ[text] = {raw["number"]: Offer(raw) for raw in tomllib.loads(text)["offer"]}
    return offers[number]

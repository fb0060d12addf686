"""A programme's rules, read from its TOML text by the meaning of its keys (docs/rules.md, docs/cards.md).

Owns what is taken from a rules file. Must not know how the switch reads it. A missing key has the value that
docs/rules.md says is the default; a missing table means the programme has no such thing.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date
from typing import Any

from simulators.world.auditor.days import Clock, after_months, age_on, same_day_in

PHOTO, GUARDIAN, ALONE = 1, 2, 4
"""The bits of `checks` (SPEC.md)."""
_ENTRIES = {"swiped": 1, "scanned": 2, "tapped": 3, "keyed": 4}

_CLOCKS: dict[str, Clock] = {}


class Limit:
    """At most `uses` a period. `owner`: "card", "programme"; `name` tells it from every other limit."""

    __slots__ = ("every", "flags", "is_wide", "kinds", "name", "uses")

    def __init__(self, name: tuple[object, ...], raw: dict[str, Any], *, every: str, is_wide: bool) -> None:
        self.name = name
        self.every = every
        self.is_wide = is_wide
        self.uses: int = raw["uses"]
        self.kinds = frozenset(raw.get("kinds", ()))
        self.flags = frozenset(raw.get("flags", ()))

    def is_for(self, kinds: frozenset[str], flags: frozenset[str]) -> bool:
        """Whether a holder's uses count: of each list that is not empty he has one."""
        return (not self.kinds or bool(self.kinds & kinds)) and (not self.flags or bool(self.flags & flags))


class Rules:
    """One version of a programme's rules."""

    def __init__(self, version: int, text: str) -> None:
        raw = tomllib.loads(text)
        self.version = version
        programme = raw["programme"]
        self.code: str = programme["code"]
        self.languages: list[str] = programme.get("languages", ["pl", "en"])
        zone = programme.get("time_zone", "Europe/Warsaw")
        self.clock = _CLOCKS.setdefault(zone, Clock(zone))
        self.advice_days: int = programme.get("advice_age_max_days", 7)
        terminals = raw.get("terminals", {})
        self.entries = {_ENTRIES[name] for name in terminals.get("entries", _ENTRIES)}
        self.retains: bool = terminals.get("retain", False)
        self._read_card(raw["card"])
        self._read_holders(raw.get("holders", {}))
        self.entitlement: dict[str, Any] | None = raw.get("entitlement")
        self.step_grosze: int | None = raw["earn"]["step_grosze"] if "earn" in raw else None
        self.earn_max: int = raw["earn"]["amount_max_grosze"] if "earn" in raw else 0
        tiers = raw["redeem"]["tiers"] if "redeem" in raw else ()
        self.tiers: dict[int, int] | None = (
            {tier["points"]: tier["value_grosze"] for tier in tiers} if "redeem" in raw else None
        )
        self.refunds = "refund" in raw
        self.below_zero: bool = raw.get("refund", {}).get("below_zero", True)
        self.benefits: dict[str, Any] | None = raw.get("benefits")
        self.limits = [
            Limit(
                ("all", quota["number"], quota["period"]),
                quota,
                every=quota["period"],
                is_wide=quota["per"] == "programme",
            )
            for quota in raw.get("limits", {}).get("quotas", ())
        ]

    def _read_card(self, card: dict[str, Any]) -> None:
        self.prefix: str = card["prefix"]
        self.notice_months: int = card.get("notice_months", 0)

    def _read_holders(self, holders: dict[str, Any]) -> None:
        self._bands = [
            (kind["code"], kind["from_age"], kind.get("to_age", 999)) for kind in holders.get("kinds", ())
        ]
        self._minors = frozenset(kind["code"] for kind in holders.get("kinds", ()) if kind.get("minor"))
        self._overlap: str = holders.get("overlap", "both")
        self._kinds_at: dict[int, frozenset[str]] = {}

    def kinds_of(self, born: date | None, day: date) -> frozenset[str]:
        """Return the kinds of holder that somebody is on a day (Zgierz § 16)."""
        if born is None or not self._bands:
            return frozenset()
        age = age_on(born, day)
        kinds = self._kinds_at.get(age)
        if kinds is None:
            kinds = self._kinds_at[age] = self._kinds_of_age(age)
        return kinds

    def _kinds_of_age(self, age: int) -> frozenset[str]:
        fitting = [band for band in self._bands if band[1] <= age <= band[2]]
        if self._overlap == "older":
            fitting = [max(fitting, key=lambda band: band[1])] if fitting else []
        elif self._overlap == "younger":
            fitting = [min(fitting, key=lambda band: band[1])] if fitting else []
        return frozenset(code for code, _, _ in fitting)

    def is_minor(self, kinds: Iterable[str]) -> bool:
        """Whether a holder of these kinds is one: every kind of his is for minors, and there is one."""
        kinds = set(kinds)
        return bool(kinds) and kinds <= self._minors

    def entitled_until(self, tax_year: int | None, applied_on: date | None) -> date | None:
        """Return the last day of an entitlement: by proof of tax (§ 20), or by the transition (§ 21)."""
        rule = self.entitlement
        assert rule is not None
        if tax_year is not None:
            return same_day_in(tax_year + rule["years"], rule["month"], rule["day"])
        transition = rule.get("transition")
        if (
            transition
            and applied_on
            and transition["applied_from"] <= applied_on <= transition["applied_until"]
        ):
            until: date = transition["entitled_until"]
            return until
        return None

    def void_after(self, notice_given_on: date) -> date:
        """Return the last valid day of a card under notice (§ 33); void at once: the day before."""
        if self.notice_months:
            return after_months(notice_given_on, self.notice_months)
        return date.fromordinal(notice_given_on.toordinal() - 1)

    def checks(self, kinds: frozenset[str]) -> int:
        """Return what is looked at for every offer: a document, a minor's guardian's, no other discount."""
        benefits = self.benefits or {}
        bits = 0
        if benefits.get("identity") == "always":
            bits |= PHOTO
            if benefits.get("guardian_for_minors") and self.is_minor(kinds):
                bits |= GUARDIAN
        if benefits.get("alone", True) and not benefits.get("stacks", False):
            bits |= ALONE
        return bits


def not_seen(checks: int, confirmed: int) -> int:
    """Return what was to be seen and was not; of the two documents one will do (Zgierz § 17)."""
    missing = checks & ~confirmed
    if confirmed & checks & (PHOTO | GUARDIAN):
        missing &= ALONE
    return missing

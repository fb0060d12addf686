"""What a rules file says of holders and cards: kinds by age, flags, entitlement, validity, duplicates.

Owns the shapes of these tables and what follows from them for one holder. Pure; the counting of days is that
of `switch.rules.dates`. Must not know a holder's name, nor where dates of birth are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ledger.phrase import Phrase
from protocol import limits
from switch.rules.dates import Band, Overlap, end_after_tax_year, end_of_term
from switch.rules.programme.parts import Bit, Code, Fee, Months, Names, Part, Rule

WhyDuplicate: TypeAlias = Literal["fault", "no-fault", "changed-data"]
Age: TypeAlias = Annotated[int, Meta(ge=0, le=150)]


class HolderKind(Part, frozen=True):
    """One kind of holder by completed years, both included: 18 to 60 ends on the day before the 61st
    birthday.

    No `to_age`: for life. Of `minor` holders without a document of their own a guardian's is asked for.
    """

    bit: Bit
    code: Code
    name: Names
    from_age: Age
    to_age: Age | None = None
    minor: bool = False


class Flag(Part, frozen=True):
    """Something a holder is besides: a large family, a pensioner of an earlier programme."""

    bit: Bit
    code: Code
    name: Names


class Holders(Rule, frozen=True):
    """Kinds of holder by age, and flags. `overlap`: what holds at an age of two kinds, if there is one.

    `contact_needed`: who gives neither a phone number nor an e-mail address gets no card.
    """

    kinds: Annotated[tuple[HolderKind, ...], Meta(max_length=16)] = ()
    flags: Annotated[tuple[Flag, ...], Meta(max_length=16)] = ()
    overlap: Overlap | None = None
    contact_needed: bool = False

    def bands(self) -> list[Band]:
        """The kinds as `switch.rules.dates` counts them."""
        return [Band(kind.bit, kind.from_age, kind.to_age) for kind in self.kinds]

    def kinds_mask(self, codes: Iterable[str]) -> int:
        """Return the set of kinds with these codes. Raises KeyError for an unknown one."""
        bits = {kind.code: 1 << kind.bit for kind in self.kinds}
        return sum(bits[code] for code in set(codes))

    def flags_mask(self, codes: Iterable[str]) -> int:
        """Return the set of flags with these codes. Raises KeyError for an unknown one."""
        bits = {flag.code: 1 << flag.bit for flag in self.flags}
        return sum(bits[code] for code in set(codes))

    def minors_mask(self) -> int:
        """Return the set of kinds that are for minors."""
        return sum(1 << kind.bit for kind in self.kinds if kind.minor)


class Transition(Part, frozen=True):
    """Applications of some days need no proof: they entitle until a day, that day included (Zgierz § 21)."""

    applied_from: date
    applied_until: date
    entitled_until: date


class Entitlement(Rule, frozen=True):
    """Until when a proof entitles: a day of the year that is `years` after the tax year (Zgierz § 20)."""

    years: Annotated[int, Meta(ge=1, le=10)]
    month: Annotated[int, Meta(ge=1, le=12)]
    day: Annotated[int, Meta(ge=1, le=31)]
    transition: Transition | None = None

    def until(self, tax_year: int) -> date:
        """Return the last day that proof of the tax of a year entitles to."""
        return end_after_tax_year(tax_year, years=self.years, month=self.month, day=self.day)

    def proof_fault(self, tax_year: int, today: date) -> str:
        """Return why tax of a year cannot be proved on a day: a proof is for a year before it; else ""."""
        last = today.year - 1
        if tax_year <= last:
            return ""
        return Phrase("is not over: a proof is for {year} or a year before it", year=last)

    def until_without_proof(self, applied: date) -> date | None:
        """Return the last day an application of that day entitles to without proof; None: to nothing."""
        rule = self.transition
        if rule is None or not rule.applied_from <= applied <= rule.applied_until:
            return None
        return rule.entitled_until


class Duplicate(Part, frozen=True):
    """What a duplicate costs, and its number: a new one; no issue is read from a carrier yet.

    It keeps account, flags, quotas and the original's last valid day. `old_card_needed`: it is handed over
    for the old card, or for a signed declaration that this cannot be returned.
    """

    at_fault_grosze: Fee = 0
    no_fault_grosze: Fee = 0
    changed_data_grosze: Fee = 0
    number: Literal["new", "next_issue"] = "new"
    old_card_needed: bool = False

    def fees(self) -> dict[WhyDuplicate, int]:
        """Return what it costs in grosze, by why it is made."""
        return {
            "fault": self.at_fault_grosze,
            "no-fault": self.no_fault_grosze,
            "changed-data": self.changed_data_grosze,
        }


class CardRules(Rule, frozen=True):
    """Card numbers, and how long a card may be used.

    `prefix` begins every number, `digits` is its length. `validity_months` from the day of issue, 0: no end.
    `notice_months` from the notice that the entitlement is lost, 0: void at once. `further_carriers`: what
    an account may have beside its plastic, each with a number of its own; none: one number (Zgierz § 7).
    """

    prefix: Annotated[str, Meta(pattern="^[0-9]{1,10}$")]
    digits: Annotated[int, Meta(ge=limits.CARD_DIGITS_MIN, le=limits.CARD_DIGITS_MAX)] = 16
    validity_months: Months = 0
    notice_months: Months = 0
    further_carriers: tuple[Literal["transport", "qr"], ...] = ()
    duplicate: Duplicate = Duplicate()

    def valid_until(self, issued: date) -> date | None:
        """Return the last valid day of a card issued on a day; None: it has none."""
        return end_of_term(issued, months=self.validity_months) if self.validity_months else None

    def last_day_fault(self, last_day: date, issued: date) -> str:
        """Return why a card issued on a day cannot be valid until another one; "" where it can."""
        latest = self.valid_until(issued)
        if latest is None or last_day <= latest:
            return ""
        rule = f"[card] validity_months = {self.validity_months}"
        return Phrase(
            "{day} is later than {latest}, the latest by {rule}", day=last_day, latest=latest, rule=rule
        )

    def notice_until(self, given: date) -> date:
        """Return the last valid day after a notice; the day before it, where the card is void at once."""
        if self.notice_months:
            return end_of_term(given, months=self.notice_months)
        return date.fromordinal(given.toordinal() - 1)


class Applications(Rule, frozen=True):
    """What an application for a card needs, and its clocks in days.

    `decide_days` from the day it is whole until the card lies ready; `complete_days` to bring what is
    missing; `keep_days`: so long what a refused or withdrawn one says is kept. Below `guardian_below_age` a
    parent or guardian asks; from `co_sign_from_age` on the young holder signs, too. `desks`: where cards are
    collected; none named: anywhere. `regulations`: the document that whoever asks for a first card accepts
    with it, by its name and day; none named: nothing is accepted.
    """

    decide_days: Annotated[int, Meta(ge=1, le=365)] = 14
    complete_days: Annotated[int, Meta(ge=1, le=365)] = 7
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    guardian_below_age: Age = 18
    co_sign_from_age: Age | None = None
    photo_needed: bool = False
    tax_needed: bool = False
    regulations: Annotated[str, Meta(max_length=200)] = ""
    desks: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=64)] = ()

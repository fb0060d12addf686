"""What is wrong with a rules file although each value by itself may stand: tables that contradict each other.

Owns these checks, one function a subject; each yields the key and the reason. Pure.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from ledger.settlement.vat import RATES
from switch.rules.calendar import Calendar, CalendarError
from switch.rules.dates import kinds_at_age
from switch.rules.programme.parts import LANGUAGES, TOPICS, Names
from switch.rules.programme.receipt import Fault, Receipt, faults_of_receipt
from switch.rules.programme.rules import Rules
from switch.rules.text import is_plain

AGES = range(152)
COMMON_YEAR = 2027
"""A year without a 29 February."""


def contradictions(rules: Rules) -> Iterator[Fault]:
    """Yield what is wrong with a rules file."""
    for check in CHECKS:
        yield from check(rules)


def _twice(values: Sequence[Any]) -> Any:
    """Return a value that stands twice, or None."""
    return next((value for value in values if values.count(value) > 1), None)


def check_programme(rules: Rules) -> Iterator[Fault]:
    """The time zone exists; no language and no way of reading a card is named twice."""
    try:
        Calendar(rules.programme.time_zone)
    except CalendarError as error:
        yield Fault("programme.time_zone", str(error))
    if (language := _twice(rules.programme.languages)) is not None:
        yield Fault("programme.languages", f"{language!r} stands there twice")
    if (entry := _twice(rules.terminals.entries)) is not None:
        yield Fault("terminals.entries", f"{entry!r} stands there twice")


def check_sections(rules: Rules) -> Iterator[Fault]:
    """Where a key stands is one of its table's sections, and the key is one of the table's."""
    for name in rules.__struct_fields__:
        table = getattr(rules, name)
        for key, section in table.at.items() if table else ():
            if section not in table.source:
                yield Fault(f"{name}.at.{key}", f"{section!r} is none of the table's sections")
            if key not in table.__struct_fields__ and key not in TOPICS:
                yield Fault(f"{name}.at.{key}", "the table has no such key")


def check_tables(rules: Rules) -> Iterator[Fault]:
    """No table stands without the one that it needs."""
    if rules.earn is None:
        for name in ("redeem", "settlement", "corrections"):
            if getattr(rules, name) is not None:
                yield Fault(name, "a programme without [earn] has no points")
    elif rules.settlement is None:
        yield Fault("settlement", "points are awarded, and nothing says what they cost")
    elif rules.refund is None:
        yield Fault("refund", "points are awarded, and nothing says what a sale taken back does")
    if rules.earn is None and rules.benefits is None:
        yield Fault("earn", "a programme has points ([earn]), benefits ([benefits]) or both")
    if rules.limits is not None and rules.benefits is None:
        yield Fault("limits", "a programme without [benefits] has nothing to limit")


def check_points(rules: Rules) -> Iterator[Fault]:
    """Tiers differ, and more points are worth more; something earns."""
    earn, tiers = rules.earn, sorted(rules.redeem.tiers, key=lambda tier: tier.points) if rules.redeem else []
    for lesser, greater in pairwise(tiers):
        if lesser.points == greater.points:
            yield Fault("redeem.tiers", f"two tiers of {lesser.points} points")
        elif greater.value_grosze <= lesser.value_grosze:
            yield Fault(
                "redeem.tiers",
                f"{greater.points} points are worth {greater.value_grosze} grosze and {lesser.points} points "
                f"{lesser.value_grosze}: more points for less money",
            )
    if earn is None:
        return
    if earn.step_grosze > earn.amount_max_grosze:
        yield Fault("earn.amount_max_grosze", "no amount a terminal may key earns a point")


def check_vat(rules: Rules) -> Iterator[Fault]:
    """The rate of VAT is one that statements and invoices have a place for."""
    rate = None if rules.settlement is None else rules.settlement.vat_percent
    if rate is not None and rate not in RATES:
        known = ", ".join(map(str, RATES))
        yield Fault("settlement.vat_percent", f"there is no VAT of {rate} %, but of {known}")


def check_duplicate(rules: Rules) -> Iterator[Fault]:
    """A duplicate has a new number."""
    if rules.card.duplicate.number != "new":
        yield Fault("card.duplicate.number", 'a duplicate has a number of its own here: "new"')


def check_lease(rules: Rules) -> Iterator[Fault]:
    """Prices of a lease begin with month 1, go on in order, and the second year has its own."""
    if rules.lease is None:
        return
    months = [price.from_month for price in rules.lease.prices]
    if months[0] != 1:
        yield Fault("lease.prices[0].from_month", "the first price holds from month 1")
    if months != sorted(set(months)):
        yield Fault("lease.prices", "each price holds from a later month than the one before")
    if 13 not in months:
        yield Fault("lease.prices", "what a terminal costs from month 13 on is not said")


def check_holders(rules: Rules) -> Iterator[Fault]:
    """Kinds of holder: codes and bits differ, every age has a kind, two only by rule, and each can be had."""
    holders = rules.holders
    if holders is None:
        return
    for what, things in (("kinds", holders.kinds), ("flags", holders.flags)):
        for name in ("bit", "code"):
            if (value := _twice([getattr(thing, name) for thing in things])) is not None:
                yield Fault(f"holders.{what}", f"two have the {name} {value!r}")
    for number, kind in enumerate(holders.kinds):
        if kind.to_age is not None and kind.to_age < kind.from_age:
            yield Fault(f"holders.kinds[{number}].to_age", f"nobody is a {kind.code!r}: it is below from_age")
            return
    if holders.kinds:
        yield from _faults_of_ages(rules)


def _faults_of_ages(rules: Rules) -> Iterator[Fault]:
    assert rules.holders is not None
    holders, bands = rules.holders, rules.holders.bands()
    codes = {kind.bit: kind.code for kind in holders.kinds}
    had = 0
    for age in AGES:
        all_of_it = kinds_at_age(bands, "both", age)
        had |= kinds_at_age(bands, holders.overlap or "both", age)
        if not all_of_it:
            yield Fault("holders.kinds", f"a gap: nobody of {age} years has a kind")
            return
        if all_of_it.bit_count() > 1 and holders.overlap is None:
            both = " and ".join(repr(codes[bit]) for bit in sorted(codes) if all_of_it >> bit & 1)
            yield Fault("holders.overlap", f"{both} overlap at {age} years, and no rule says which holds")
            return
    for bit, code in codes.items():
        if not had >> bit & 1:
            yield Fault("holders.kinds", f"nobody is a {code!r}: another kind takes its place at every age")


def check_entitlement(rules: Rules) -> Iterator[Fault]:
    """The day an entitlement ends on is in every year; the days of a transition come in order."""
    ends = rules.entitlement
    if ends is not None and ends.day > monthrange(COMMON_YEAR, ends.month)[1]:
        yield Fault("entitlement.day", f"not every year has a day {ends.day} in month {ends.month}")
    transition = ends.transition if ends else None
    if transition is None:
        return
    if transition.applied_until < transition.applied_from:
        yield Fault("entitlement.transition.applied_until", "it is before applied_from")
    if transition.entitled_until < transition.applied_until:
        yield Fault(
            "entitlement.transition.entitled_until", "the entitlement ends before the applications do"
        )


def check_card(rules: Rules) -> Iterator[Fault]:
    """Behind the prefix of a card number there is room for enough unguessable digits."""
    if rules.card.digits - len(rules.card.prefix) - 1 < 8:
        yield Fault("card.prefix", "it leaves fewer than 8 digits of a card's own")


def check_benefits(rules: Rules) -> Iterator[Fault]:
    """What is asked about benefits can be asked, and what may be stored may be sent."""
    benefits = rules.benefits
    if benefits is None:
        return
    if benefits.alone and benefits.stacks:
        yield Fault("benefits.stacks", "no other discount may be given (alone), and offers go together")
    if benefits.offline and not rules.programme.advice_age_max_days:
        yield Fault(
            "benefits.offline", "uses may be stored, and none may be late (programme.advice_age_max_days)"
        )
    if not benefits.guardian_for_minors:
        return
    if benefits.identity != "always":
        yield Fault(
            "benefits.guardian_for_minors", 'nobody is asked for a document (identity is not "always")'
        )
    if rules.holders is None or not rules.holders.minors_mask():
        yield Fault("benefits.guardian_for_minors", "no kind of holder is for minors")


def check_limits(rules: Rules) -> Iterator[Fault]:
    """Limits have numbers of their own and are for kinds and flags that exist, and no two are the same."""
    quotas = rules.limits.quotas if rules.limits else ()
    kinds = {kind.code for kind in rules.holders.kinds} if rules.holders else set()
    flags = {flag.code for flag in rules.holders.flags} if rules.holders else set()
    if (number := _twice([quota.number for quota in quotas])) is not None:
        yield Fault("limits.quotas", f"two have the number {number}")
    same = [(quota.per, quota.period, sorted(quota.kinds), sorted(quota.flags)) for quota in quotas]
    if (twice := _twice(same)) is not None:
        yield Fault("limits.quotas", f"two limits per {twice[0]} and {twice[1]} for the same holders")
    for index, quota in enumerate(quotas):
        for what, known, used in (("kinds", kinds, quota.kinds), ("flags", flags, quota.flags)):
            for code in used:
                if code not in known:
                    yield Fault(
                        f"limits.quotas[{index}].{what}", f"there is no {code!r} among [[holders.{what}]]"
                    )


def check_names(rules: Rules) -> Iterator[Fault]:
    """Whatever has a name has one in each of the programme's languages and no other, in plain letters."""
    named: list[tuple[str, Names]] = []
    if rules.holders is not None:
        named += [(f"holders.kinds[{n}].name", kind.name) for n, kind in enumerate(rules.holders.kinds)]
        named += [(f"holders.flags[{n}].name", flag.name) for n, flag in enumerate(rules.holders.flags)]
    if rules.earn is not None:
        named += [(f"earn.excluded[{n}]", names) for n, names in enumerate(rules.earn.excluded)]
    languages = rules.programme.languages
    for key, names in named:
        for language in languages:
            if language not in names:
                yield Fault(f"{key}.{language}", "the name in this language is missing")
        for spoken, name in names.items():
            if spoken not in languages:
                yield Fault(f"{key}.{spoken}", "no language of the programme")
            if not is_plain(name):
                yield Fault(f"{key}.{spoken}", f"a character that is not one column wide in {name!r}")


def _needed(rules: Rules) -> Iterator[str]:
    """The parts of a receipt that this programme prints."""
    if rules.earn is not None:
        yield from ("earn", "advice", "balance")
        if rules.earn.excluded:
            yield "excluded"
    if rules.redeem is not None:
        yield "redeem"
    if rules.refund is not None:
        yield "refund"
    if rules.benefits is not None:
        yield from ("benefit", "verify")
        if rules.benefits.offline:
            yield "benefit_advice"
        if rules.benefits.identity == "always":
            yield "check_id"
            if rules.benefits.guardian_for_minors:
                yield "check_guardian"
        if rules.benefits.alone:
            yield "check_alone"
    yield from ("quote", "header", "decline", "reversal", "nothing_to_reverse", "original_unseen")


def check_receipts(rules: Rules) -> Iterator[Fault]:
    """Every language has every text this programme prints, each of them printable."""
    languages = rules.programme.languages
    for language in LANGUAGES:
        receipt: Receipt | None = rules.receipt.of(language)
        key = f"receipt.{language}"
        if receipt is None:
            if language in languages:
                yield Fault(key, "the receipts in this language are missing")
            continue
        if language not in languages:
            yield Fault(key, "no language of the programme")
            continue
        for section in _needed(rules):
            if not getattr(receipt, section):
                yield Fault(f"{key}.{section}", "the text in this language is missing")
        yield from faults_of_receipt(receipt, key, rules.receipt.columns, rules.excluded_in(language))


CHECKS: tuple[Callable[[Rules], Iterator[Fault]], ...] = (
    check_programme,
    check_sections,
    check_tables,
    check_points,
    check_vat,
    check_duplicate,
    check_lease,
    check_holders,
    check_entitlement,
    check_card,
    check_benefits,
    check_limits,
    check_names,
    check_receipts,
)

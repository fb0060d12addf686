"""What an offer comes to for a holder at a terminal in one minute: said once for all who are alike. Pure.

Owns what a use, a quote and a VERIFY have in common: whether the offer holds, what the cashier has to see,
which benefits are the holder's and which quotas count. Must not know amounts or accounts. Invariant: a ruling
is remembered by everything it follows from, so one that is remembered is one that would be made anew.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from ledger.books.posting import QuotaLeg
from switch.rules.benefits import (
    NOT_NOW,
    Terms,
    benefits_for,
    best_discount,
    checks_of,
    refuse_benefit,
    wants_amount,
)
from switch.rules.decide.refusals import APPROVED
from switch.rules.directory import Terminal
from switch.rules.entitlement import Standing
from switch.rules.offers import AnyBenefit
from switch.rules.quotas import quota_legs
from switch.rules.versions import Version

REMEMBERED_MAX: Final = 4_096
"""Some offers of a minute, some kinds of holder each: a few MB."""


class Ruling(NamedTuple):
    """Why an offer does not hold (APPROVED: it does), whether it is worth nothing without an amount to pay,
    what the cashier has to see, the holder's benefits and the most they may take off together, the quotas a
    use takes one of (owner 0: the card's).
    """

    code: int
    wants_amount: bool
    checks: int
    benefits: tuple[AnyBenefit, ...]
    most_grosze: int | None
    quotas: tuple[QuotaLeg, ...]

    def discount_grosze(self, amount_grosze: int) -> int:
        """Return what is taken off an amount of 0 or more."""
        return best_discount(self.benefits, amount_grosze, self.most_grosze)

    def quotas_of(self, account: int) -> tuple[QuotaLeg, ...]:
        """Return the quotas that a use by a card's account would take one of."""
        return tuple(
            [QuotaLeg(owner or account, quota, period, uses) for owner, quota, period, uses in self.quotas]
        )


@lru_cache(maxsize=REMEMBERED_MAX)
def _rule(
    terms: Terms, version: Version, place: tuple[int, int], who: Standing, wall: tuple[int, int]
) -> Ruling:
    rules = version.rules.benefits
    assert rules is not None
    (partner, outlet), kinds, flags = place, who.kinds, who.flags
    code = refuse_benefit(terms, partner=partner, outlet=outlet, kinds=kinds, flags=flags, wall=wall)
    benefits = benefits_for(terms, kinds=kinds, flags=flags)
    return Ruling(
        code,
        code in {APPROVED, NOT_NOW} and wants_amount(benefits),
        checks_of(terms, always=rules.checks(kinds, version.minors), combines=rules.stacks),
        benefits,
        terms.offer.max_discount_grosze,
        quota_legs(
            terms.limits + version.limits,
            account=0,
            organiser=version.organiser,
            kinds=kinds,
            flags=flags,
            day=wall[0],
        ),
    )


def rule(terms: Terms, version: Version, terminal: Terminal, who: Standing, at_ms: int) -> Ruling:
    """Say what an offer comes to at a moment (ms since 1970), by a version of a programme with benefits."""
    place = terminal.partner.number, terminal.outlet
    return _rule(terms, version, place, who, version.calendar.wall(at_ms))

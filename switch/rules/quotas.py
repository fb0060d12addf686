"""Which quotas one use of an offer counts against: its own limits, and those of the programme (Zgierz § 18).

Owns the numbers of quotas, and who owns them. Pure. Must not know what is left of one: the ledger counts,
under its locks. Invariant: a limit keeps its number when an offer changes, for it is that of its period, and
whether it is of a card or of all together is told by its owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ledger.books.posting import QuotaLeg
from switch.rules.dates import period_of
from switch.rules.offers import Codes, Offer
from switch.rules.programme import Rules
from switch.rules.programme.benefits import PERIODS


class Counted(NamedTuple):
    """A limit made ready: of the card's or of all together, its quota's number, its period, its uses.

    For holders who have one of `kinds` and one of `flags`; 0: everybody.
    """

    is_cards: bool
    quota: int
    period: int
    uses: int
    kinds: int = 0
    flags: int = 0


def limits_of_offer(offer: Offer) -> tuple[Counted, ...]:
    """Return the limits of one offer."""
    return tuple(
        Counted(
            limit.per == "card_and_offer",
            offer.number << 3 | PERIODS[limit.every],
            int(PERIODS[limit.every]),
            limit.uses,
        )
        for limit in offer.limits
    )


def limits_of_programme(rules: Rules, codes: Codes) -> tuple[Counted, ...]:
    """Return the limits that count the uses of all offers of a programme."""
    return tuple(
        Counted(
            quota.per == "card",
            quota.number,
            int(PERIODS[quota.period]),
            quota.uses,
            sum(codes.kinds[code] for code in set(quota.kinds)),
            sum(codes.flags[code] for code in set(quota.flags)),
        )
        for quota in (rules.limits.quotas if rules.limits else ())
    )


def quota_legs(
    limits: Iterable[Counted], *, account: int, organiser: int, kinds: int, flags: int, day: int
) -> tuple[QuotaLeg, ...]:
    """Return the quotas that a use by a card's account on a day (since 1970) takes one of."""
    return tuple(
        [
            QuotaLeg(account if is_cards else organiser, quota, period_of(period, day), uses)
            for is_cards, quota, period, uses, of_kinds, of_flags in limits
            if (not of_kinds or of_kinds & kinds) and (not of_flags or of_flags & flags)
        ]
    )

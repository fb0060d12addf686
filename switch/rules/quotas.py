"""Which quotas one use of an offer counts against: its own limits, and those of the programme (Zgierz § 18).

Owns the numbers of quotas, and who owns them. Pure. Must not know what is left of one: the ledger counts,
under its locks. Invariant: a limit keeps its number when an offer changes, for it is that of its period, and
whether it is of a card or of all together is told by its owner.
"""

from __future__ import annotations

from ledger.books.posting import AccountKind, QuotaLeg, account_id
from switch.rules.dates import period_of
from switch.rules.entitlement import Standing
from switch.rules.offers import Offer
from switch.rules.programme.benefits import PERIODS
from switch.rules.versions import Version


def quota_legs(
    offer: Offer, version: Version, who: Standing, *, account: int, day: int
) -> tuple[QuotaLeg, ...]:
    """Return the quotas that a use of an offer by a card's account on a day (since 1970) takes one of."""
    everybody = account_id(version.rules.programme.number, AccountKind.ORGANISER)
    legs = [
        QuotaLeg(
            account if limit.per == "card_and_offer" else everybody,
            offer.number << 3 | PERIODS[limit.every],
            period_of(PERIODS[limit.every], day),
            limit.uses,
        )
        for limit in offer.limits
    ]
    limits = version.rules.limits
    for quota in limits.quotas if limits else ():
        kinds = sum(version.codes.kinds[code] for code in set(quota.kinds))
        flags = sum(version.codes.flags[code] for code in set(quota.flags))
        if (not kinds or kinds & who.kinds) and (not flags or flags & who.flags):
            owner = account if quota.per == "card" else everybody
            legs.append(QuotaLeg(owner, quota.number, period_of(PERIODS[quota.period], day), quota.uses))
    return tuple(legs)

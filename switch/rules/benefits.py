"""Whether an offer is granted here and now to a card, and what it takes off.

Owns the matching of an offer with partner, outlet, holder and moment, and its price. Pure: a moment is the
day and minute that the programme's clocks show (`Calendar.wall`), a holder two sets of bits. Must not know
why somebody is of a kind, nor count uses: the ledger does, under its locks. Invariants: a discount is 0 to
the amount, grows with it, and of several benefits for a holder the best counts (Zgierz § 16: at 18 somebody
is both youth and adult; the ambiguity favours the holder).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from protocol import ResultCode
from switch.rules.dates import EVERY_DAY, Hours, began_on, day_number
from switch.rules.offers import CHECK_BITS, DAYS, AnyBenefit, Codes, Offer, parse_hours
from switch.rules.quotas import Counted, limits_of_offer

APPROVED: Final = int(ResultCode.APPROVED)
NOT_FOR_CARD: Final = int(ResultCode.BENEFIT_NOT_FOR_CARD)
NOT_NOW: Final = int(ResultCode.BENEFIT_NOT_NOW)
OTHER_PARTNER: Final = int(ResultCode.BENEFIT_OTHER_PARTNER)
IDENTITY: Final = CHECK_BITS["photo_id"] | CHECK_BITS["guardian_id"]
NO_OTHER_DISCOUNT: Final = CHECK_BITS["no_other_discount"]
FIRST_DAY: Final = -1_000_000
LAST_DAY: Final = 1_000_000


class Audience(NamedTuple):
    """A benefit and whom it is for: sets of bits, of which the holder has one; 0: everybody."""

    kinds: int
    flags: int
    benefit: AnyBenefit


class Terms(msgspec.Struct, frozen=True, eq=False):
    """One version of an offer, made ready once to be decided by. It equals itself alone."""

    offer: Offer
    audiences: tuple[Audience, ...]
    from_day: int
    to_day: int
    hours: tuple[Hours, ...]
    confirm: int
    limits: tuple[Counted, ...]

    @classmethod
    def of(cls, offer: Offer, codes: Codes) -> Terms:
        """Make an offer ready. A kind or flag the programme no longer knows is nobody's."""
        audiences = []
        for benefit in offer.benefits:
            kinds = sum(codes.kinds.get(code, 0) for code in set(benefit.kinds))
            flags = sum(codes.flags.get(code, 0) for code in set(benefit.flags))
            if (kinds or not benefit.kinds) and (flags or not benefit.flags):
                audiences.append(Audience(kinds, flags, benefit))
        days = sum(1 << DAYS.index(day) for day in offer.days) or EVERY_DAY
        hours = [Hours(*parse_hours(text), days) for text in offer.hours]
        return cls(
            offer,
            tuple(audiences),
            day_number(offer.from_day) if offer.from_day else FIRST_DAY,
            day_number(offer.to_day) if offer.to_day else LAST_DAY,
            tuple(hours) or (Hours(days=days),),
            sum(CHECK_BITS[check] for check in offer.confirm),
            limits_of_offer(offer),
        )


def refuse_benefit(
    terms: Terms, *, partner: int, outlet: int, kinds: int, flags: int, wall: tuple[int, int]
) -> int:
    """Return why a benefit is not granted, APPROVED where it is.

    `outlet` is the terminal's, 0 where it stands in none; `wall` the day since 1970 and the minute of it.
    """
    if terms.offer.partner != partner or not terms.offer.is_in(outlet):
        return OTHER_PARTNER
    for audience in terms.audiences:
        if _is_for(audience, kinds, flags):
            return APPROVED if is_open(terms, *wall) else NOT_NOW
    return NOT_FOR_CARD


def is_open(terms: Terms, day: int, minute: int) -> bool:
    """Whether an offer holds at a minute of a day; hours past midnight are those of the day they began on."""
    for hours in terms.hours:
        began = began_on(hours, day, minute)
        if began is not None and terms.from_day <= began <= terms.to_day:
            return True
    return False


def _is_for(audience: Audience, kinds: int, flags: int) -> bool:
    of_kinds, of_flags, _ = audience
    return (not of_kinds or of_kinds & kinds != 0) and (not of_flags or of_flags & flags != 0)


def benefits_for(terms: Terms, *, kinds: int, flags: int) -> tuple[AnyBenefit, ...]:
    """Return the benefits of an offer that are for a holder of these kinds and flags."""
    return tuple(audience.benefit for audience in terms.audiences if _is_for(audience, kinds, flags))


def best_discount(benefits: Iterable[AnyBenefit], amount_grosze: int, most_grosze: int | None) -> int:
    """Return what the best of a holder's benefits takes off an amount of 0 or more, `most_grosze` at most."""
    best = max([benefit.discount_grosze(amount_grosze) for benefit in benefits], default=0)
    return best if most_grosze is None else min(best, most_grosze)


def wants_amount(benefits: Iterable[AnyBenefit]) -> bool:
    """Whether what is for a holder is worth nothing without an amount to pay."""
    return all(benefit.wants_amount for benefit in benefits)


def checks_of(terms: Terms, *, always: int, combines: bool) -> int:
    """Return what the cashier has to confirm, in the wire's bits.

    `always`: what the programme demands for every benefit; `combines`: whether its benefits go together with
    other discounts. An offer may only ask for more: one that does not combine by its own words is confirmed
    to have been given alone also where the programme does not ask, and none combines where the programme's
    do not (Zgierz § 37, Żywiec § 2).
    """
    if terms.offer.combines is False:
        return always | terms.confirm | NO_OTHER_DISCOUNT
    return (always & ~NO_OTHER_DISCOUNT if combines else always) | terms.confirm


def is_confirmed(checks: int, confirmed: int) -> bool:
    """Whether all that is to be checked was; of the documents of identity one will do (Zgierz § 17)."""
    identity = checks & IDENTITY
    if identity and not confirmed & identity:
        return False
    return not checks & NO_OTHER_DISCOUNT or confirmed & NO_OTHER_DISCOUNT != 0

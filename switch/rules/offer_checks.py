"""Whether an offer could be granted to somebody under a programme's rules.

Owns what an offer must not say against the rules: other languages, kinds and flags that nobody has, going
together with other discounts where the programme's do not (Zgierz § 37, Żywiec § 2), days that are over.
Pure. Must not know what an offer says against itself: such a one does not exist (`switch.rules.offers`).
Invariant: every fault names the offer and the key.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ledger.phrase import Phrase
from switch.rules.offer_faults import OfferError
from switch.rules.offers import DAYS, Codes, Offer, codes_of, parse_hours
from switch.rules.programme import Rules


def check_offer(offer: Offer, rules: Rules, wall: datetime) -> None:
    """Raise OfferError for an offer that these rules do not allow, or that are over (`is_over`)."""
    check_languages(offer, rules)
    check_codes(offer, codes_of(rules))
    check_stacking(offer, rules)
    if is_over(offer, wall):
        why = Phrase("{day} is over, so nobody could get it", day=offer.to_day)
        raise OfferError(why, "to", number=offer.number)


def check_languages(offer: Offer, rules: Rules) -> None:
    """Raise OfferError for an offer that is not there in the programme's languages, or in another."""
    spoken, languages = offer.name.spoken(), rules.programme.languages
    for language in languages:
        if language not in spoken:
            why = Phrase("the name in this language is missing")
            raise OfferError(why, f"name.{language}", number=offer.number)
    for language in spoken:
        if language not in languages:
            why = Phrase("no language of the programme")
            raise OfferError(why, f"name.{language}", number=offer.number)


def check_codes(offer: Offer, codes: Codes) -> None:
    """Raise OfferError for a kind of holder or a flag that the programme does not know: nobody has it."""
    for at, benefit in enumerate(offer.benefits):
        for key, named, known in (
            ("for", benefit.kinds, codes.kinds),
            ("flags", benefit.flags, codes.flags),
        ):
            if unknown := [code for code in named if code not in known]:
                why = Phrase(
                    "the programme has no {code!r} (it has: {codes}), so nobody could get it",
                    code=unknown[0],
                    codes=tuple(known) or "none",
                )
                raise OfferError(why, f"benefits[{at}].{key}", number=offer.number)


def check_stacking(offer: Offer, rules: Rules) -> None:
    """Raise OfferError for an offer that combines in a programme whose offers do not: it may only tighten."""
    if offer.combines and rules.benefits is not None and not rules.benefits.stacks:
        why = Phrase(
            "the programme's discounts go together with no others (stacks), and an offer cannot say otherwise"
        )
        raise OfferError(why, "combines", number=offer.number)


def is_over(offer: Offer, wall: datetime) -> bool:
    """Whether none of its days is left at a moment, as the city's clocks show it; a day's hours past midnight
    are its own.
    """
    if offer.to_day is None:
        return False
    minute = wall.hour * 60 + wall.minute
    runs_on = any(minute < until < start for start, until in map(parse_hours, offer.hours))
    first = max(filter(None, (offer.from_day, wall.date() - timedelta(days=runs_on))))
    left = (first + timedelta(days=n) for n in range(min((offer.to_day - first).days + 1, 7)))
    return not any(DAYS[day.weekday()] in (offer.days or DAYS) for day in left)

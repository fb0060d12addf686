"""Sales at a till: points for what was paid, tiers for points, benefits at their price.

Owns how each request is made, and what till and customer remember of it. Must not know what it comes to.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from protocol import BenefitUse, Earn, Redeem, Request, ResultCode, TransactionReply
from simulators.world.year import circumstances as why_
from simulators.world.year.ages import who_is
from simulators.world.year.life import Life
from simulators.world.year.offers import EVERYBODY
from simulators.world.year.people import Card, Resident
from simulators.world.year.referee import told
from simulators.world.year.shops import Offer, Sale, Till

PHOTO, GUARDIAN, ALONE = 1, 2, 4
APPROVED: Final = int(ResultCode.APPROVED)
MISSING: Final = int(ResultCode.CONFIRMATION_MISSING)
USED_UP: Final = int(ResultCode.QUOTA_USED_UP)
_LIMITED: Final = {
    "second": why_.QUOTA_CARD,
    "daily": why_.QUOTA_CARD,
    "once": why_.QUOTA_CARD,
    "yearly": why_.QUOTA_CARD,
    "pool": why_.QUOTA_CARD,
    "first come": why_.QUOTA_OFFER,
}


def head(life: Life, till: Till, card: Card, entry: int = 0) -> tuple[int, int, str, int]:
    """Return what every request for a card begins with."""
    return till.next_stan(), life.now_ms // 1_000, card.digits, entry or card.entry


class Visit(NamedTuple):
    """Somebody with a card in the hand, at a till."""

    life: Life
    till: Till
    person: Resident
    card: Card


async def earn(at: Visit, amount: int, *why: str, entry: int = 0) -> TransactionReply:
    """Points for what was paid."""
    life, till, _, card = at
    request = Earn(*head(life, till, card, entry), amount)
    if till.shop.step_grosze:
        why += (why_.OWN_STEP,)
        if 0 < amount < till.shop.step_grosze:
            why += (why_.BELOW_STEP,)
    elif 0 < amount < 900:
        why += (why_.BELOW_STEP,)
    if card.carrier:
        why += (why_.CARRIER,)
    reply = told(await life.referee.ask(till.number, request, why))
    if reply.code == APPROVED:
        remember(at, request, reply)
        if reply.points and till.language == "pl":
            life.referee.must_say(till.number, request, reply, str(reply.points))
    return reply


async def redeem(at: Visit, tier: int, amount: int, *why: str) -> TransactionReply:
    """A tier of points for its value."""
    life, till, person, card = at
    request = Redeem(*head(life, till, card), tier, amount)
    if card.carrier:
        why += (why_.CARRIER,)
    if person.earned_on and (life.today - person.earned_on).days > 60:
        why += (why_.SAVED_LONG,)
    reply = told(await life.referee.ask(till.number, request, (f"tier {tier}", *why)))
    if reply.code == APPROVED:
        remember(at, request, reply)
    return reply


async def use(
    at: Visit, offer: Offer, price: int, *why: str, confirmed: int | None = None, entry: int = 0
) -> TransactionReply:
    """A benefit. Without `confirmed` the cashier looks at what he has to, and again if he is told to."""
    life, till, person, card = at
    why = (*why, *_of_offer(life, person, offer))
    looked, seen = look(life, person) if confirmed is None else (confirmed, ())
    request = BenefitUse(*head(life, till, card, entry), offer.number, price, looked)
    reply = told(await life.referee.ask(till.number, request, why + seen))
    if reply.code == MISSING and confirmed is None:
        request = BenefitUse(*head(life, till, card, entry), offer.number, price, looked | reply.checks)
        reply = told(await life.referee.ask(till.number, request, (*why, *seen, "looked again")))
    if reply.code == APPROVED:
        remember(at, request, reply)
    return reply


def look(life: Life, person: Resident) -> tuple[int, tuple[str, ...]]:
    """Return what a cashier confirms who knows his city's rules, and how that is counted."""
    if not life.city.needs_documents:
        return (ALONE, ()) if life.city.is_alone else (0, ())
    has_guardian = person.has_guardian or who_is(person, life.today)[0] in (
        why_.CHILD,
        why_.JUNIOR,
        why_.YOUTH,
    )
    if has_guardian and life.chance(0.5):
        return GUARDIAN | ALONE, (why_.GUARDIAN,)
    return PHOTO | ALONE, (why_.PHOTO,)


def _of_offer(life: Life, person: Resident, offer: Offer) -> tuple[str, ...]:
    """Return what is known of an offer and of whom it is for."""
    limit = _LIMITED.get(offer.name, "")
    if not limit and offer.name == EVERYBODY and life.edition and life.city.needs_documents:
        limit = why_.QUOTA_PROGRAMME
    found: tuple[str, ...] = (offer.name, limit) if limit else (offer.name,)
    terms = offer.terms
    if terms.for_flags:
        found += person.flags if set(terms.for_flags) & set(person.flags) else (why_.NOT_FOR,)
    if person.born_on is not None:
        kinds = who_is(person, life.today)
        found += kinds
        if terms.for_kinds and not set(terms.for_kinds) & set(kinds):
            found += (why_.NOT_FOR,)
    return found


def remember(at: Visit, request: Request, reply: TransactionReply) -> None:
    """Keep a sale, so that it can be taken back, and what the receipt said."""
    life, till, person, card = at
    person.points = reply.balance
    if reply.points > 0:
        person.earned_on = life.today
    is_spending = isinstance(request, Redeem)
    paid = 0 if is_spending else reply.amount_grosze - reply.discount_grosze
    till.sales.append(Sale(till, request, person, card, paid, reply.points, is_spending=is_spending))


async def probe(life: Life, person: Resident, card: Card, *why: str) -> TransactionReply:
    """Buy something ordinary, to see how a card stands."""
    till = life.some_till()
    if life.city.has_points and life.chance(0.7):
        return await earn(Visit(life, till, person, card), life.random.randrange(1_000, 20_000), *why)
    offer = till.shop.offers[EVERYBODY]
    return await use(Visit(life, till, person, card), offer, life.random.randrange(500, 20_000), *why)

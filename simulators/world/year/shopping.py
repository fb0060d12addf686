"""An ordinary visit to a shop: what somebody does there, by habit and by chance.

Owns the mix of a day's business. Must not know what comes of it.
"""

from __future__ import annotations

from typing import Final

from protocol import TYPE_OF, Balance, BenefitUse, Earn, Quote, Redeem, Verify
from simulators.world.year import circumstances as why_
from simulators.world.year import mistakes, returns
from simulators.world.year.life import Life
from simulators.world.year.people import Card, Resident
from simulators.world.year.sales import APPROVED, USED_UP, Visit, earn, head, redeem, use
from simulators.world.year.shops import Offer, Till

TIERS: Final = (500, 250, 100)
_MISTAKEN, _TAKEN_BACK, _ASKED = 0.05, 0.08, 0.14


async def visit(life: Life, person: Resident, till: Till) -> None:
    """Buy something, ask something, bring something back; sometimes a finger slips."""
    if till.is_offline or till.shop.is_suspended:
        till = life.some_till()
    card, drawn = life.carrier_of(person), life.random.random()
    if drawn < _MISTAKEN:
        await mistakes.slip(life, person, card, till)
    elif drawn < _TAKEN_BACK:
        await returns.bring_back(life, till)
    elif drawn < _ASKED:
        await _ask(life, person, card, till)
    elif life.city.has_points and drawn < 0.85:
        await _points(life, person, card, till)
    else:
        await benefit(life, person, card, till, some_offer(life, till))


async def _points(life: Life, person: Resident, card: Card, till: Till) -> None:
    amount = price(life)
    if person.points >= 100 and life.chance(0.3):
        tier = next(tier for tier in TIERS if tier <= person.points)
        if tier > 100 and life.chance(0.5):
            tier = 100
        await redeem(Visit(life, till, person, card), tier, amount + tier * 10)
        return
    await earn(Visit(life, till, person, card), amount)


def price(life: Life) -> int:
    """Return what something costs, in grosze: little, mostly."""
    return min(int(life.random.expovariate(1 / 4_000)) + life.random.randrange(100, 1_500), 1_400_000)


def some_offer(life: Life, till: Till) -> Offer:
    """Return one of the offers of a shop that were published."""
    found = [offer for offer in till.shop.offers.values() if offer.version and not offer.is_withdrawn]
    return life.random.choice(found)


async def benefit(life: Life, person: Resident, card: Card, till: Till, offer: Offer) -> None:
    """Use a benefit; who finds a limit used up comes again when the next period has begun."""
    reply = await use(Visit(life, till, person, card), offer, price(life))
    if reply.code == APPROVED and reply.remaining == 0 and life.chance(0.3):
        reply = await use(Visit(life, till, person, card), offer, price(life), why_.USED_UP)
    if reply.code == USED_UP and offer.name in ("daily", "first come") and life.chance(0.5):
        life.at(_tomorrow_ms(life), _again, life, person, card, till, offer)


async def _again(life: Life, person: Resident, card: Card, till: Till, offer: Offer) -> None:
    if not (person.is_busy or till.shop.is_suspended or offer.is_withdrawn):
        await use(Visit(life, till, person, card), offer, price(life), why_.NEXT_PERIOD)


def _tomorrow_ms(life: Life) -> int:
    return life.day_ends_ms + life.random.randrange(300_000)


async def _ask(life: Life, person: Resident, card: Card, till: Till) -> None:
    """Ask first, and buy what was asked for."""
    asked, referee = life.random.randrange(4), life.referee
    if asked == 0:
        await referee.ask(till.number, Verify(*head(life, till, card), 0), (f"in {till.language}",))
    elif asked == 1:
        await referee.ask(till.number, Balance(*head(life, till, card)))
    elif life.city.has_points and asked == 2:
        amount = price(life)
        number = life.random.choice((0, 100, 250, 500))
        operation = TYPE_OF[Redeem] if number else TYPE_OF[Earn]
        await referee.ask(till.number, Quote(*head(life, till, card), operation, amount, number))
    else:
        offer, amount = some_offer(life, till), price(life)
        await referee.ask(
            till.number, Quote(*head(life, till, card), TYPE_OF[BenefitUse], amount, offer.number)
        )
        await use(Visit(life, till, person, card), offer, amount)

"""What goes wrong at a till: fingers that slip, cards that are none, cashiers who forget.

Owns the mistakes. Must not know how each is answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from protocol import (
    TYPE_OF,
    Balance,
    BenefitAdvice,
    CardReport,
    Earn,
    Quote,
    Redeem,
    Verify,
    luhn_digit,
)
from simulators.world.year import circumstances as why_
from simulators.world.year.life import Life
from simulators.world.year.offers import EVERYBODY
from simulators.world.year.people import Card, Resident
from simulators.world.year.sales import ALONE, GUARDIAN, PHOTO, Visit, earn, head, redeem, use
from simulators.world.year.shops import Offer, Till

Slip: TypeAlias = Callable[[Life, Resident, Card, Till], Awaitable[object]]
_KEYED: Final = 4
_STRANGERS: Final = ("961600", "961610", "961620")


async def slip(life: Life, person: Resident, card: Card, till: Till) -> None:
    """Make a mistake."""
    await life.random.choice(_OF_POINTS if life.city.has_points else _OF_BENEFITS)(life, person, card, till)


async def _wrong_amount(life: Life, person: Resident, card: Card, till: Till) -> None:
    amount = life.random.choice((0, -500, 2_000_001, 99_999_999))
    if life.city.has_points and life.chance(0.5):
        await earn(Visit(life, till, person, card), amount)
    else:
        await use(Visit(life, till, person, card), till.shop.offers[EVERYBODY], amount)


async def _high_price(life: Life, person: Resident, card: Card, till: Till) -> None:
    """Something dear: between what two editions of the rules allow, in a city whose rules change there."""
    await use(Visit(life, till, person, card), till.shop.offers[EVERYBODY], 1_700_000, why_.PRICED_HIGH)


async def _small_amount(life: Life, person: Resident, card: Card, till: Till) -> None:
    await earn(Visit(life, till, person, card), life.random.randrange(1, 500))


async def _wrong_card(life: Life, person: Resident, card: Card, till: Till) -> None:
    """Another city's card, a number that is none, one that was misread."""
    drawn = life.random.randrange(3)
    if drawn == 0:
        others = [prefix for prefix in _STRANGERS if prefix != life.city.place.prefix]
        digits, why = f"{life.random.choice(others)}{life.random.randrange(10**9):09}", why_.STRANGER
        digits += luhn_digit(digits)
    elif drawn == 1:
        digits, why = f"{life.city.place.prefix}9{life.random.randrange(10**8):08}", why_.NOBODY
        digits += luhn_digit(digits)
    else:
        last = (int(card.digits[-1]) + 1) % 10
        digits, why = f"{card.digits[:-1]}{last}", why_.MISREAD
    wrong = Card(digits, card.carrier)
    if life.city.has_points:
        await earn(Visit(life, till, person, wrong), 2_000, why)
    else:
        await use(Visit(life, till, person, wrong), till.shop.offers[EVERYBODY], 2_000, why)


async def _keyed(life: Life, person: Resident, card: Card, till: Till) -> None:
    if life.city.has_points and life.chance(0.5):
        await earn(Visit(life, till, person, card), 3_000, entry=_KEYED)
    else:
        await use(Visit(life, till, person, card), till.shop.offers[EVERYBODY], 3_000, entry=_KEYED)


async def _wrong_tier(life: Life, person: Resident, card: Card, till: Till) -> None:
    drawn = life.random.randrange(4)
    if drawn == 0:
        await redeem(Visit(life, till, person, card), life.random.choice((0, 99, 150, 1_000)), 5_000)
    elif drawn == 1:
        await redeem(Visit(life, till, person, card), 500, 4_999)
    elif drawn == 2:
        await redeem(Visit(life, till, person, card), 100, -1)
    else:
        await redeem(Visit(life, till, person, card), 500, 0)


async def _unconfirmed(life: Life, person: Resident, card: Card, till: Till) -> None:
    """A cashier who asks for nothing, or for half of it."""
    confirmed, why = life.random.choice(
        (
            (0, why_.NOTHING_CONFIRMED),
            (PHOTO | GUARDIAN, why_.WITHOUT_ALONE),
            (ALONE, why_.WITHOUT_DOCUMENT),
            (PHOTO | GUARDIAN | ALONE, "everything confirmed"),
        )
    )
    names = [name for name in ("strict", "queue") if name in till.shop.offers]
    name = life.random.choice(names) if names and life.city.has_points else EVERYBODY
    await use(Visit(life, till, person, card), till.shop.offers[name], 2_500, why, confirmed=confirmed)


async def _wrong_offer(life: Life, person: Resident, card: Card, till: Till) -> None:
    """A number there is no offer of, a draft, another shop's, one of another outlet."""
    drawn = life.random.randrange(3)
    if drawn == 0:
        await use(
            Visit(life, till, person, card),
            Offer(9_999_999, "none", till.shop.offers[EVERYBODY].terms),
            2_500,
        )
    elif drawn == 1:
        other = life.random.choice(life.market.shops)
        why = why_.OTHER_SHOP if other is not till.shop else "at home"
        await use(Visit(life, till, person, card), other.offers[EVERYBODY], 2_500, why)
    else:
        shop = life.random.choice(
            [shop for shop in life.market.shops if "draft" in shop.offers] or [till.shop]
        )
        draft = shop.offers.get("draft", till.shop.offers[EVERYBODY])
        why = why_.DRAFT if draft.name == "draft" else "no draft"
        await use(Visit(life, shop.tills[0], person, card), draft, 2_500, why)


async def _not_served(life: Life, person: Resident, card: Card, till: Till) -> None:
    """What this programme does not have: points where there are none, reports and offline sales."""
    asked = life.random.randrange(6)
    first = head(life, till, card)
    if asked == 0:
        await earn(Visit(life, till, person, card), 2_000)
    elif asked == 1:
        await redeem(Visit(life, till, person, card), 100, 0)
    elif asked == 2:
        await life.referee.ask(till.number, Balance(*first))
    elif asked == 3 and not life.city.place.is_retaining:
        await life.referee.ask(till.number, CardReport(*first, 2))
    elif asked == 4:
        operation = life.random.choice((TYPE_OF[Earn], TYPE_OF[Redeem], TYPE_OF[Balance]))
        await life.referee.ask(till.number, Quote(*first, operation, 2_000, 100))
    else:
        offer = till.shop.offers[EVERYBODY]
        message = BenefitAdvice(*first, offer.number, 2_000, PHOTO | GUARDIAN | ALONE)
        await life.referee.ask(till.number, message, (why_.OFFLINE,))


async def _report_unheard(life: Life, person: Resident, card: Card, till: Till) -> None:
    """A report in a programme that keeps no cards, and a question about a page that is not there."""
    if not life.city.place.is_retaining:
        await life.referee.ask(till.number, CardReport(*head(life, till, card), 1))
    await life.referee.ask(till.number, Verify(*head(life, till, card), 99_999_999))


async def _other_outlet(life: Life, person: Resident, card: Card, till: Till) -> None:
    if (offer := till.shop.offers.get("in one")) is not None:
        for one in till.shop.tills:
            await use(Visit(life, one, person, card), offer, 2_500, "of one outlet")
    else:
        await _wrong_offer(life, person, card, till)


_ANYWHERE: Final[tuple[Slip, ...]] = (
    _wrong_amount, _high_price, _wrong_card, _keyed, _unconfirmed, _wrong_offer, _report_unheard,
    _other_outlet,
)  # fmt: skip
_OF_POINTS: Final = (*_ANYWHERE, _wrong_tier, _wrong_tier, _wrong_tier, _small_amount)
_OF_BENEFITS: Final = (*_ANYWHERE, _not_served)

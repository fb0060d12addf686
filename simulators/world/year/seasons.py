"""What council and shops have planned for the year: new rules, a week of rest, offers that come and go.

Owns the stories of a programme and of its shops, and that they are shown at tills before and after. Must not
know what a till is told. Sources: Zgierz § 34, § 35, § 37; Żywiec § 4, § 6.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from simulators.world.year import circumstances as why_
from simulators.world.year import terms
from simulators.world.year.cities import Edition, on
from simulators.world.year.days import DAY, HOUR_MS, at_ms, midnight_ms
from simulators.world.year.evenings import sell_offline, send_kept
from simulators.world.year.life import Life, Story
from simulators.world.year.offers import EVERYBODY
from simulators.world.year.opening import publish
from simulators.world.year.sales import Visit, earn, probe, use
from simulators.world.year.shops import Offer, Shop, Till

_SEEN: Final = 1 / 300
"""So many of all residents are seen at a turning point of the programme."""


def plan(life: Life) -> None:
    """Plan the year."""
    terms.plan(life)
    for number, edition in enumerate(life.city.editions, start=1):
        life.go_on_at(at_ms(on(life.year, edition.published), 8), new_rules(life, number, edition))
    first, last = (on(life.year, day) for day in life.city.suspended)
    life.go_on_at(at_ms(first - DAY * 10, 12), rest(life, first, last))
    if life.city.is_called_off:
        life.go_on_at(at_ms(date(life.year, 12, 1), 12), call_off(life))
    for week in range(1, 51):
        day = date(life.year, 1, 1) + DAY * 7 * week
        for _ in range(max(len(life.market.shops) // 50, 1)):
            life.go_on_at(_morning_ms(life, day), shop_suspended(life))
    for shop in life.market.shops:
        if "sale" in shop.offers:
            day = date(life.year, 1, 10) + DAY * life.random.randrange(320)
            life.go_on_at(_morning_ms(life, day), sale_gets_worse(life, shop, shop.offers["sale"]))
        if "draft" in shop.offers and life.chance(0.95):
            day = date(life.year, 1, 10) + DAY * life.random.randrange(290)
            life.go_on_at(_morning_ms(life, day), offer_comes_and_goes(life, shop, shop.offers["draft"]))


def _morning_ms(life: Life, day: date) -> int:
    return at_ms(day, 7) + life.random.randrange(HOUR_MS)


async def _seen(life: Life, *why: str) -> None:
    """Let some people buy something."""
    for _ in range(max(int(len(life.town.residents) * _SEEN), 2)):
        person = life.anybody()
        await probe(life, person, person.card, *why)


# The programme.


async def new_rules(life: Life, number: int, edition: Edition) -> Story:
    """Rules are published, and hold from a midnight on: the last minute by the old, the first by the new."""
    day = on(life.year, edition.in_force)
    begins_ms = midnight_ms(day) if day > life.today else life.in_hours(4)
    life.office.apply_edition(number, begins_ms)
    if life.city.place.is_lapsing:
        for _ in range(max(len(life.town.residents) // 250, 1)):
            if day > life.today:
                life.soon(life.random.uniform(1, 300), life.go_on, terms.objection(life, day))
    yield life.in_hours(2)
    await _buy_dear(life, why_.ANNOUNCED)
    await _seen(life, why_.ANNOUNCED)
    yield begins_ms - 1
    await _buy_dear(life, why_.ANNOUNCED)
    await _seen(life, why_.ANNOUNCED)
    yield begins_ms
    life.edition = number
    await _buy_dear(life, why_.NEW_RULES)
    await _seen(life, why_.NEW_RULES)


async def _buy_dear(life: Life, *why: str) -> None:
    for _ in range(max(int(len(life.town.residents) * _SEEN), 2)):
        person, till = life.anybody(), life.some_till()
        offer = till.shop.offers[EVERYBODY]
        await use(Visit(life, till, person, person.card), offer, 1_700_000, why_.PRICED_HIGH, *why)


async def rest(life: Life, first: date, last: date) -> Story:
    """The programme rests for a week, from midnight to midnight, and runs again by itself."""
    begins_ms, ends_ms = midnight_ms(first), midnight_ms(last + DAY)
    life.office.suspend(begins_ms, ends_ms)
    yield begins_ms - 1
    await _seen(life, "the programme rests soon")
    yield begins_ms
    life.is_resting = True
    await _seen(life, why_.SUSPENDED)
    yield ends_ms - 1
    await _seen(life, why_.SUSPENDED)
    yield ends_ms
    life.is_resting = False
    await _seen(life, why_.BACK)


async def call_off(life: Life) -> Story:
    """The programme is called off for good, on the evening of the 30th of December."""
    ends_ms = at_ms(date(life.year, 12, 30), 20)
    life.office.call_off(ends_ms)
    yield ends_ms - 1
    await _seen(life, "called off soon")
    yield ends_ms
    life.is_over = True
    await _seen(life, why_.CALLED_OFF)


# Shops and their offers.


async def shop_suspended(life: Life) -> Story:
    """A shop is suspended for some days, and taken up again; one of its tills was off the line before."""
    shop: Shop = life.random.choice(life.market.shops)
    if shop.is_suspended or sum(one.is_suspended for one in life.market.shops) * 3 > len(life.market.shops):
        return
    kept = None if shop.tills[0].is_offline else shop.tills[0]
    if kept is not None:
        person = life.anybody()
        sell_offline(Visit(life, kept, person, person.card), life.now_ms // 1_000, why_.OFFLINE)
    _suspend(life, shop, is_suspended=True)
    await _at_till(life, shop.tills[0], why_.SHOP_SUSPENDED)
    if kept is not None:
        await send_kept(life, kept)
    yield life.in_hours(life.random.uniform(20, 90))
    await _at_till(life, shop.tills[-1], why_.SHOP_SUSPENDED)
    _suspend(life, shop, is_suspended=False)
    if kept is not None:
        await send_kept(life, kept)
    await _at_till(life, shop.tills[0], why_.SHOP_BACK)


def _suspend(life: Life, shop: Shop, *, is_suspended: bool) -> None:
    shop.is_suspended = is_suspended
    life.office.set_partner(shop.number, shop.name, shop.step_grosze, is_suspended=is_suspended)


async def _at_till(life: Life, till: Till, *why: str) -> None:
    person = life.anybody()
    if life.city.has_points:
        await earn(Visit(life, till, person, person.card), 5_000, *why)
    await use(Visit(life, till, person, person.card), till.shop.offers[EVERYBODY], 5_000, *why)


async def sale_gets_worse(life: Life, shop: Shop, offer: Offer) -> Story:
    """A shop takes half of its discount back: announced a week ahead, and held to until then."""
    day = life.today + DAY * 8
    publish(life, shop, offer, midnight_ms(day), offer.terms.worse)
    await _by_people(life, shop, offer, why_.WORSE_SOON)
    yield midnight_ms(day) - 1
    await _by_people(life, shop, offer, why_.WORSE_SOON)
    yield midnight_ms(day)
    await _by_people(life, shop, offer, why_.WORSE_NOW)


async def offer_comes_and_goes(life: Life, shop: Shop, offer: Offer) -> Story:
    """A draft is nobody's; published it holds from its moment on; withdrawn it is gone."""
    await _by_people(life, shop, offer, why_.DRAFT)
    begins_ms = life.in_hours(life.random.uniform(2, 200))
    publish(life, shop, offer, begins_ms)
    await _by_people(life, shop, offer, why_.COMING)
    yield begins_ms - 1
    await _by_people(life, shop, offer, why_.COMING)
    yield begins_ms
    await _by_people(life, shop, offer, why_.IN_FORCE)
    yield life.in_hours(life.random.uniform(24, 600))
    ends_ms = life.in_hours(7 * 24)
    offer.version += 1
    life.office.withdraw(offer.number, offer.version, ends_ms)
    await _by_people(life, shop, offer, why_.IN_FORCE)
    yield ends_ms
    offer.is_withdrawn = True
    await _by_people(life, shop, offer, why_.WITHDRAWN)


async def _by_people(life: Life, shop: Shop, offer: Offer, *why: str) -> None:
    for till in shop.tills:
        person = life.anybody()
        await use(Visit(life, till, person, person.card), offer, life.random.randrange(1_000, 9_000), *why)

"""The evening a city opens its programme: rules, shops, tills, offers, and everybody's card.

Owns the order of the opening. Must not know what a day brings.
"""

from __future__ import annotations

from datetime import date
from random import Random
from typing import Final

from simulators.world.auditor import Auditor
from simulators.world.year.cities import CITIES, City
from simulators.world.year.days import at_ms
from simulators.world.year.life import Life
from simulators.world.year.offers import offers_file
from simulators.world.year.office import Office
from simulators.world.year.people import Resident, Town
from simulators.world.year.referee import Referee
from simulators.world.year.shops import Market, Offer, Shop
from simulators.world.year.worker import Worker

OPENING_HOUR: Final = 18
"""On New Year's Eve: whoever sold before has nothing to be judged by."""


def open_city(
    city: City, year: int, *, seed: int, cards: int, partners: int, worker: Worker, auditor: Auditor
) -> Life:
    """Return a city in which everything is ready for the first of January."""
    random = Random(f"{seed} {city.code}")
    worker.now_ms = at_ms(date(year - 1, 12, 31), OPENING_HOUR)
    office = Office(city, worker, auditor)
    for one in CITIES.values():
        office.found(one, worker.now_ms)
    town, market = Town(city, year, cards, random), Market(city, partners, random)
    referee = Referee(seed, city.code, worker, auditor)
    life = Life(
        city=city,
        year=year,
        random=random,
        town=town,
        market=market,
        office=office,
        referee=referee,
        worker=worker,
    )
    for shop in market.shops:
        open_shop(life, shop)
    for person in town.residents:
        enter(life, person)
    worker.follow()
    return life


def open_shop(life: Life, shop: Shop) -> None:
    """Take a shop in, with its tills and all of its offers but the draft."""
    life.office.set_partner(shop.number, shop.name, shop.step_grosze, is_suspended=False)
    for till in shop.tills:
        life.office.set_terminal(till.number, shop.number, till.outlet)
    for offer in shop.offers.values():
        if offer.name != "draft":
            publish(life, shop, offer, life.now_ms)


def publish(life: Life, shop: Shop, offer: Offer, from_ms: int, words: str = "") -> None:
    """Publish an offer, or what becomes of it (`words`), in force from a moment."""
    offer.version += 1
    text = offers_file(
        life.city,
        number=offer.number,
        partner=shop.number,
        outlet=shop.tills[0].outlet,
        name=offer.name,
        words=words or offer.terms.words,
    )
    life.office.publish(text, offer.version, from_ms)


def enter(life: Life, person: Resident) -> None:
    """Enter a resident's cards, and what decides about the holder."""
    for card in person.cards:
        life.office.issue(person, card)
    place = life.city.place
    if place.has_holders or place.flags:
        life.office.set_holder(person)

"""The cities beside the first that lanes of benefits and of mixed cities run on, and the offers of all.

Owns their sizes and the offers: one of every partner, so that a benefit can be used at any terminal, with a
quota a card that is counted and never used up. Must not know how load is made. Invariant: a generator and a
stage that know the first city agree about the others and about all offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from simulators.city.places import CZESTOCHOWA, ZGIERZ, ZYWIEC
from simulators.city.population import Population
from simulators.city.seeding import publish_offers, seed_city
from switch.rules.offers import Offer

CARDS_SHARE: Final = 5
PARTNERS_SHARE: Final = 3
_FIRST_OFFER: Final = 70_000
"""From here on a number takes five bytes on the wire, whatever the partner: a load's frames have one size."""
_TERMS: Final = {
    "name": {"pl": "Pomiar -10 %", "en": "Measured -10 %"},
    "text": {"pl": "Pomiar -10 %", "en": "Measured -10 %"},
    "benefits": [{"kind": "percent", "percent": "10"}],
    "limits": [{"per": "card_and_offer", "uses": 1_000_000, "every": "day"}],
}


def towns(first: Population) -> tuple[Population, ...]:
    """Return the cities of a load: the first, and two smaller ones without points."""
    cards, partners = max(1, first.cards // CARDS_SHARE), max(1, first.partners // PARTNERS_SHARE)
    others = (
        Population(place.code, cards, partners, programme=place.programme) for place in (ZYWIEC, ZGIERZ)
    )
    return (first, *others)


def offer_number(population: Population, terminal: int) -> int:
    """Return the offer of the partner that terminal `terminal` (an index) stands at."""
    return _FIRST_OFFER + terminal % population.partners


def offers(population: Population) -> Iterator[Offer]:
    """Yield one offer of every partner."""
    for index in range(population.partners):
        values = {**_TERMS, "number": _FIRST_OFFER + index, "partner": population.partner_id(index)}
        yield msgspec.convert(values, Offer)


async def seed_towns(owner: Database, first: Population, master: MasterKey) -> None:
    """Write the other cities into the registry, and the offers of all."""
    assert first.programme == CZESTOCHOWA.programme
    for population in towns(first):
        if population is not first:
            await seed_city(owner, population, master)
        await publish_offers(owner, population, offers(population))

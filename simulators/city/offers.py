"""What the partners of a simulated city grant: the offers file of the city, spread over all its partners.

Owns the spreading: the file has offers of the first `ROUND` partners, and every round after them has the same
under numbers of its own, so a city of any size has offers everywhere. Must not know what terms mean
(`switch.rules`), nor the database. Invariant: the same city always has the same offers.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec

from simulators.city.places import PLACES
from simulators.city.population import Population
from switch.rules.offers import Offer, parse_offers

ROUND: Final = 10
"""So many partners the offers of a file are for."""
_NUMBERS: Final = 100
"""So many numbers a round may use."""


@lru_cache(maxsize=8)
def _of_first_partners(programme: int) -> tuple[Offer, ...]:
    place = PLACES[programme]
    return parse_offers(place.offers_toml, source=f"{place.code}.toml").offer


def offers_of_partner(population: Population, index: int) -> Iterator[Offer]:
    """Yield the offers of partner `index`."""
    turn, place = divmod(index, ROUND)
    shift = turn * ROUND
    first = population.partner_id(0)
    for offer in _of_first_partners(population.programme):
        if offer.partner == first + place:
            yield msgspec.structs.replace(
                offer,
                number=offer.number + turn * _NUMBERS,
                partner=offer.partner + shift,
                outlets=tuple(outlet + shift for outlet in offer.outlets),
            )


def offers_of(population: Population) -> Iterator[Offer]:
    """Yield all offers of a city."""
    for index in range(population.partners):
        yield from offers_of_partner(population, index)

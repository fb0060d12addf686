"""The shops of a city: their outlets and tills, when they are open, what they grant.

Owns who sells where, and the memory of a till: the numbers it has used, the sales it could take back, the
advices it holds while it is off the line. Must not know what a reply is to be. Invariant: a till's numbers
count up.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Final

import msgspec

from protocol import Request
from simulators.world.year.cities import City
from simulators.world.year.offers import EVERYBODY, Terms, terms_of
from simulators.world.year.people import Card, Resident

REMEMBERED: Final = 12
"""So many sales a till could take back."""
_LANGUAGES: Final = ("pl", "pl", "en", "pl", "de")
OFFERS_A_SHOP: Final = 50
"""So many numbers of offers a shop may use."""


class Sale(msgspec.Struct, eq=False, gc=False):
    """A sale that was made: what was paid, and what of it went back. `points`: what was awarded."""

    till: Till
    request: Request
    resident: Resident
    card: Card
    paid_grosze: int
    points: int
    returned_grosze: int = 0
    is_reversed: bool = False
    is_spending: bool = False


class Till(msgspec.Struct, eq=False):
    """One terminal. `is_offline`: it keeps its advices for the evening, or for some days."""

    number: int
    shop: Shop
    outlet: int
    language: str = "pl"
    stan: int = 0
    is_offline: bool = False
    sales: deque[Sale] = msgspec.field(default_factory=lambda: deque(maxlen=REMEMBERED))
    advices: list[tuple[Request, Resident, tuple[str, ...]]] = msgspec.field(default_factory=list)
    totals_from: int = 1
    totals: dict[str, int] = msgspec.field(default_factory=dict)

    def next_stan(self) -> int:
        """Return a number that was never used here."""
        self.stan += 1
        return self.stan


class Offer(msgspec.Struct, eq=False):
    """An offer of a shop; `version` 0: a draft, which nobody has published."""

    number: int
    name: str
    terms: Terms
    version: int = 0
    is_withdrawn: bool = False


class Shop(msgspec.Struct, eq=False):
    """A partner. `step_grosze`: its own step, where it has one; `is_open_at_night`: its hours have no end."""

    number: int
    name: str
    district: int
    step_grosze: int | None
    is_open_at_night: bool
    tills: list[Till] = msgspec.field(default_factory=list)
    offers: dict[str, Offer] = msgspec.field(default_factory=dict)
    is_suspended: bool = False

    def offer(self, name: str) -> Offer | None:
        """Return what a shop grants under a name."""
        return self.offers.get(name)


class Market:
    """All shops of a city."""

    def __init__(self, city: City, partners: int, random: Random) -> None:
        self._random = random
        self.city = city
        self.shops = [self._shop(index) for index in range(partners)]
        self.tills = [till for shop in self.shops for till in shop.tills]
        self.at_night = [till for shop in self.shops if shop.is_open_at_night for till in shop.tills]
        self.with_offer: dict[str, list[Till]] = {}
        for shop in self.shops:
            for name in shop.offers:
                self.with_offer.setdefault(name, []).extend(shop.tills)

    def _shop(self, index: int) -> Shop:
        draw, place = self._random, self.city.place
        number, district = place.first_partner + index, index % len(place.districts)
        own_step = draw.choice((500, 1_500, 2_000)) if self.city.has_points and index % 4 == 1 else None
        shop = Shop(number, f"Sklep {number} {place.districts[district]}", district, own_step, index % 5 == 0)
        for till in range(1 + index % 3):
            terminal = place.first_terminal + index * 3 + till
            shop.tills.append(
                Till(terminal, shop, number * 10 + till, _LANGUAGES[(index + till) % len(_LANGUAGES)])
            )
        self._stock(shop, index)
        return shop

    def _stock(self, shop: Shop, index: int) -> None:
        """Every shop has something for everybody, and a few offers more, so that each is somewhere."""
        known = terms_of(self.city)
        names = [name for name in known if name != EVERYBODY]
        chosen = [names[(index * 3 + turn) % len(names)] for turn in range(3)]
        if shop.is_open_at_night:
            chosen += ["night", "small hours"]
        chosen += ["sale", "draft"] if index % 3 == 2 else []
        for place, name in enumerate(dict.fromkeys([EVERYBODY, *chosen])):
            number = index * OFFERS_A_SHOP + place + 1
            shop.offers[name] = Offer(number, name, known[EVERYBODY if name == "draft" else name])

"""The three cities of a world: small ones, with few cards and few offers, so that everybody meets everybody.

Owns who and what is there when a world begins: partners, terminals, cards, holders, offers. Numbers and names
are those of the simulated cities (`simulators.city`); ages and offers are the world's own. Must not know a
rule of the switch, nor what happens later. Invariant: the same seed gives the same cities.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Final, NamedTuple

from simulators.city.places import PLACES, Place
from simulators.city.population import Population
from simulators.world.facts import ACTIVE, BLOCKED, ORDERED, REPLACED, WANTED

PARTNERS: Final = 2
TERMINALS: Final = 4
CARDS_OF_POPULATION: Final = 250
SOUND_CARDS: Final = 6
_REPLACED_INDEX: Final = 131
"""Where the population has a card that was replaced (`Peculiarity`)."""
_STRANGERS_MAX: Final = 1_000


class Plastic(NamedTuple):
    """A card: its digits, account, state, last valid day."""

    digits: str
    account: int
    state: int = ACTIVE
    valid_until: date | None = None


class Person(NamedTuple):
    """What decides about a holder of an account."""

    account: int
    born_on: date
    flags: tuple[str, ...]
    entitled_until: date | None


class WorldOffer(NamedTuple):
    """An offer of a partner, as the text of a file that holds it alone."""

    number: int
    partner: int
    text: str


class City:
    """One city of a world that begins on `today`."""

    def __init__(self, place: Place, seed: str, today: date) -> None:
        self.place = place
        self.programme = place.programme
        self.population = Population("world", CARDS_OF_POPULATION, PARTNERS, TERMINALS, place.programme)
        self._rng = random.Random(f"{seed}:city:{place.code}")
        self.partners = [self.population.partner_id(index) for index in range(PARTNERS)]
        self.terminals = [self.population.terminal_id(index) for index in range(TERMINALS)]
        self.cards = self._cards(today)
        self.people = self._people(today)
        self.offers = [self._offer(number, _OFFERS[number]) for number in _OFFERS]
        if place.has_holders:
            self.offers.append(self._offer(BY_KIND_NUMBER, _BY_KIND))

    def partner_of(self, terminal: int) -> int:
        """Return the partner a terminal stands at."""
        return self.population.terminal_partner(terminal - self.place.first_terminal)

    def key(self, terminal: int) -> bytes:
        """Return the first key of a terminal."""
        return self.population.terminal_key(terminal - self.place.first_terminal)

    def stranger(self, rng: random.Random) -> str:
        """Return a card number that nobody was issued."""
        return self.population.stranger_digits(rng.randrange(_STRANGERS_MAX))

    def foreigner(self, rng: random.Random) -> str:
        """Return a card number of another city."""
        other = rng.choice([place for place in PLACES.values() if place is not self.place])
        population = Population("world", CARDS_OF_POPULATION, PARTNERS, TERMINALS, other.programme)
        return population.card_digits(rng.randrange(SOUND_CARDS))

    def _account(self, index: int) -> int:
        return (self.programme * 1_000 + index) << 3

    def _cards(self, today: date) -> list[Plastic]:
        population, account = self.population, self._account
        sound = [Plastic(population.card_digits(index), account(index)) for index in range(SOUND_CARDS)]
        yesterday = today - timedelta(days=1)
        return [
            *sound,
            Plastic(population.card_digits(20), account(20), BLOCKED),
            Plastic(population.card_digits(21), account(21), ACTIVE, yesterday),
            Plastic(population.card_digits(22), account(22), WANTED),
            Plastic(population.card_digits(23), account(23), ORDERED),
            # Its last day is today: it expires while the world runs, should a clock come so far.
            Plastic(population.card_digits(24), account(24), ACTIVE, today),
            Plastic(population.card_digits(_REPLACED_INDEX), account(_REPLACED_INDEX), REPLACED),
            Plastic(population.replacement_digits(_REPLACED_INDEX), account(_REPLACED_INDEX)),
        ]

    def _people(self, today: date) -> list[Person]:
        """Holders of every age, some with a birthday today or tomorrow; one entitlement ended yesterday."""
        if not self.place.has_holders:
            return []
        rng = self._rng
        accounts = sorted({card.account for card in self.cards})
        tomorrow = today + timedelta(days=1)
        ages = [7, 18, 61, 19, 40, 7, 13, *(rng.randint(1, 90) for _ in accounts)]
        birthdays = [tomorrow, tomorrow, tomorrow, today, None, today, today]
        ends = date(today.year + (today.month > 5), 5, 31)
        return [
            Person(
                account,
                _birthday(
                    (birthdays[place] if place < len(birthdays) else None)
                    or today + timedelta(days=rng.randint(2, 360)),
                    age,
                ),
                ("family",) if place % 2 else (),
                ends if account != accounts[-2] else today - timedelta(days=1),
            )
            for place, (account, age) in enumerate(zip(accounts, ages, strict=False))
        ]

    def _offer(self, number: int, terms_toml: str) -> WorldOffer:
        return self.offer(number, self.partners[number % PARTNERS], terms_toml)

    def offer(self, number: int, partner: int, terms_toml: str) -> WorldOffer:
        """Return an offer of these terms."""
        return offer(self.place.code, number, partner, terms_toml)


def _birthday(day: date, age: int) -> date:
    """Return when somebody was born who is `age` years old on a day of the coming year."""
    return date(day.year - age, day.month, min(day.day, 28))


def offer(code: str, number: int, partner: int, terms: str) -> WorldOffer:
    """Return an offer of these terms."""
    return WorldOffer(
        number,
        partner,
        f'programme = "{code}"\n[[offer]]\nnumber = {number}\npartner = {partner}\n'
        f'name = {{ pl = "Oferta {number}", en = "Offer {number}" }}\n'
        f'text = {{ pl = "Oferta numer {number}.", en = "Offer number {number}." }}\n{terms}\n',
    )


_WIDE: Final = '{{ per = "offer", uses = {}, every = "{}" }}'
_OWN: Final = '{{ per = "card_and_offer", uses = {}, every = "{}" }}'


def _limits(*limits: str) -> str:
    return f"limits = [{', '.join(limits)}]"


def terms(*benefits: str, limits: tuple[str, ...] = (), more: str = "") -> str:
    """Return the terms of an offer as an offers file has them."""
    parts = [f"benefits = [{', '.join(f'{{ {each} }}' for each in benefits)}]", more]
    return "\n".join(part for part in [*parts, _limits(*limits) if limits else ""] if part)


def wide(uses: int, every: str) -> str:
    """Return a limit of all cards together."""
    return _WIDE.format(uses, every)


def own(uses: int, every: str) -> str:
    """Return a limit of each card."""
    return _OWN.format(uses, every)


_OFFERS: Final = {
    1: terms('kind = "percent", percent = "12.5"', limits=(wide(40, "day"),)),
    2: terms('kind = "amount_off", off_grosze = 300', limits=(own(3, "day"), wide(60, "week"))),
    3: terms('kind = "percent", percent = "20"', more="max_discount_grosze = 900"),
    4: terms(
        'kind = "fixed_price", price_grosze = 1500',
        limits=(own(4, "month"),),
        more='hours = ["06:00-11:00", "22:00-02:00"]\ndays = ["mon", "wed", "thu", "sat"]',
    ),
    5: terms(
        'kind = "free_entry"', limits=(wide(9, "day"),), more='days = ["mon", "tue", "fri", "sat", "sun"]'
    ),
    6: terms('kind = "second_free"', limits=(own(1, "year"),)),
}
"""Terms of the offers of every city; odd numbers are the second partner's."""
_BY_KIND: Final = terms(
    'kind = "free_entry", for = ["child"]',
    'kind = "percent", percent = "50", for = ["junior", "youth", "senior"]',
    'kind = "percent", percent = "30", flags = ["family"]',
    'kind = "percent", percent = "20", for = ["adult"]',
    limits=(own(2, "day"), own(8, "month")),
)
"""Where there are kinds of holders, the offer that tells them apart."""
BY_KIND_NUMBER: Final = 7


def cities(seed: str, today: date) -> list[City]:
    """Return the cities of a world."""
    return [City(place, seed, today) for place in PLACES.values()]

"""The simulated cities of demos, load tests and measurements: their sizes, and what is kept free for people.

Owns the sizes and the seeds. Invariants: the same cities everywhere, so the README's keys and card numbers
work in every checkout; no load of the demo touches the terminals and the cards that are kept for people, so
that their sums can be checked by hand. Their keys can be computed by anybody who reads this: they are for
development only.
"""

from typing import Final, NamedTuple

from simulators.city.places import CZESTOCHOWA, ZGIERZ, ZYWIEC, Place
from simulators.city.population import Peculiarity, Population

_KEPT_CARDS: Final = 250
"""The last cards of a city are for people: one round of 250, so each peculiarity is there once."""
_KEPT_TERMINALS: Final = 2
"""The last terminals, both at the first partner: one for the command, one for the page in the browser. So
neither ends the other's connection, and what was sold at one can be given back at the other."""


class City(NamedTuple):
    """A simulated city: more terminals than its fleet has, and more cards than the fleet draws from."""

    population: Population

    @property
    def code(self) -> str:
        """Its programme's code."""
        return self.population.place.code

    @property
    def fleet_terminals(self) -> int:
        """How many terminals trade, from the first on."""
        return self.population.terminals - _KEPT_TERMINALS

    @property
    def fleet_cards(self) -> int:
        """How many cards the fleet draws from, from the first on."""
        return self.population.cards - _KEPT_CARDS

    @property
    def hand_terminal(self) -> int:
        """The terminal no fleet uses, for `cityswitch terminal` and for a terminal of one's own."""
        return self.population.terminal_id(self.fleet_terminals)

    @property
    def page_terminal(self) -> int:
        """The terminal that the page in the browser is (`simulators.browser`)."""
        return self.hand_terminal + 1

    @property
    def example_card(self) -> str:
        """A card with nothing wrong with it, which no fleet uses."""
        return self.population.card_digits(self.fleet_cards)

    def hand_cards(self) -> dict[Peculiarity, str]:
        """Return, of the cards kept for people, the number of the first of each peculiarity there is."""
        population = self.population
        found: dict[Peculiarity, str] = {}
        for index in range(self.fleet_cards, population.cards):
            found.setdefault(population.peculiarity(index), population.card_digits(index))
        return found


def _city(place: Place, cards: int, partners: int) -> City:
    terminals = partners + _KEPT_TERMINALS
    return City(Population(place.code, cards, partners, terminals, place.programme, at_first=_KEPT_TERMINALS))


CZESTOCHOWA_CITY: Final = _city(CZESTOCHOWA, cards=50_000, partners=300)
"""Częstochowa's targets (programme documents, A): 50,000 cards, 300 partners, a terminal each."""
CITIES: Final = (
    CZESTOCHOWA_CITY,
    _city(ZYWIEC, cards=10_000, partners=60),
    _city(ZGIERZ, cards=10_000, partners=60),
)
"""The cities of `make demo` and `make up`. The documents of the other two state no sizes."""

SEED: Final = CZESTOCHOWA_CITY.population.seed
CARDS: Final = CZESTOCHOWA_CITY.population.cards
PARTNERS: Final = CZESTOCHOWA_CITY.population.partners
CITY: Final = CZESTOCHOWA_CITY.population
FLEET_TERMINALS: Final = CZESTOCHOWA_CITY.fleet_terminals
FLEET_CARDS: Final = CZESTOCHOWA_CITY.fleet_cards
HAND_TERMINAL: Final = CZESTOCHOWA_CITY.hand_terminal
EXAMPLE_CARD: Final = CZESTOCHOWA_CITY.example_card


def development_key(terminal: int) -> bytes | None:
    """Return the 32-byte key of a terminal of the cities, or None if it is not one of theirs."""
    for city in CITIES:
        index = terminal - city.population.place.first_terminal
        if 0 <= index < city.population.terminals:
            return city.population.terminal_key(index)
    return None

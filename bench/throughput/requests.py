"""What the terminals of a load ask for: purchases, balances, repeats, declined purchases, benefits.

Owns which card is used for what, drawn from a seed. Must not know frames or sockets. Invariants: a
connection's requests all have one size on the wire; whatever is drawn for a STAN is right for it alone.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from bench.throughput.load_order import Asks, Load
from bench.throughput.towns import offer_number, towns
from protocol import Balance, BenefitUse, Check, Earn, EntryMode, Request, ResultCode, Verify
from simulators.city.population import Peculiarity, Population

SWIPED: Final = EntryMode.SWIPED
AMOUNT_MIN_GROSZE, AMOUNT_MAX_GROSZE = 1_000, 60_000
"""1 to 60 points; msgpack writes all of these in three bytes."""
ALL_SEEN: Final = Check(7)
_FILLING: Final = "49121"
"""What a stripe holds behind the number: with its marks as much as a VERIFY is shorter than a BENEFIT_USE."""
REPEATED: Final = 16
"""So many purchases of each connection are made, and then asked for again and again."""
DECLINED_EVERY: Final = 10
"""In a load of declines, one purchase in so many: by turns with a card nobody has, and with a blocked one."""
DECLINES: Final[dict[Asks, frozenset[int]]] = {
    "earn": frozenset(),
    "balance": frozenset(),
    "repeat": frozenset(),
    "declined": frozenset({ResultCode.CARD_UNKNOWN, ResultCode.CARD_BLOCKED}),
    "benefit": frozenset(),
    "verified benefit": frozenset(),
    "cities": frozenset(),
}
"""The result codes a load of each kind earns, beside approval."""


class Asked(NamedTuple):
    """A request, and whether it says that it was sent before."""

    message: Request
    is_repeat: bool = False


Draw: TypeAlias = Callable[[int], Asked]
"""From a STAN to its request; called for STAN after STAN."""


class Cards:
    """Cards of a city by what is wrong with them."""

    def __init__(self, population: Population) -> None:
        self._population = population
        kinds: dict[Peculiarity, list[str]] = {}
        for index in range(population.cards):
            kinds.setdefault(population.peculiarity(index), []).append(population.card_digits(index))
        self.sound = kinds[Peculiarity.NONE]
        self.blocked = kinds.get(Peculiarity.BLOCKED, [])

    def stranger(self, number: int) -> str:
        """Return a card number that nobody has."""
        return self._population.stranger_digits(number)


def draws(load: Load, population: Population) -> Callable[[int], Draw]:
    """Return what gives each connection, by its number, its requests."""
    cards, rng, now = Cards(population), random.Random(load.stan_first), int(time.time())

    def purchase(stan: int) -> Earn:
        amount = AMOUNT_MIN_GROSZE + int(rng.random() * (AMOUNT_MAX_GROSZE - AMOUNT_MIN_GROSZE))
        return Earn(stan, now, cards.sound[int(rng.random() * len(cards.sound))], SWIPED, amount)

    def earn(_: int) -> Draw:
        return lambda stan: Asked(purchase(stan))

    def balance(_: int) -> Draw:
        return lambda stan: Asked(
            Balance(stan, now, cards.sound[int(rng.random() * len(cards.sound))], SWIPED)
        )

    def repeat(_: int) -> Draw:
        made = [purchase(load.stan_first + place) for place in range(REPEATED)]
        return lambda stan: Asked(
            made[(stan - load.stan_first) % REPEATED], is_repeat=stan >= load.stan_first + REPEATED
        )

    def declined(_: int) -> Draw:
        def draw(stan: int) -> Asked:
            turn, place = divmod(stan, DECLINED_EVERY)
            if place:
                return Asked(purchase(stan))
            is_strange = turn % 2 or not cards.blocked
            card = cards.stranger(stan) if is_strange else rng.choice(cards.blocked)
            return Asked(Earn(stan, now, card, SWIPED, AMOUNT_MIN_GROSZE))

        return draw

    by_kind: dict[Asks, Callable[[int], Draw]] = {
        "earn": earn,
        "balance": balance,
        "repeat": repeat,
        "declined": declined,
        "benefit": lambda number: use_draw(load, population, cards, number, rng),
        "verified benefit": lambda number: verified_draw(use_draw(load, population, cards, number, rng)),
        "cities": lambda number: city_draw(load, earn, towns(population), number, rng),
    }
    return by_kind[load.asks]


def use_draw(load: Load, population: Population, cards: Cards, number: int, rng: random.Random) -> Draw:
    """Return what draws benefits for connection `number` of a city: the offer of its terminal's partner."""
    offer, now = offer_number(population, load.terminal_first + number), int(time.time())

    def draw(stan: int) -> Asked:
        amount = AMOUNT_MIN_GROSZE + int(rng.random() * (AMOUNT_MAX_GROSZE - AMOUNT_MIN_GROSZE))
        card = cards.sound[int(rng.random() * len(cards.sound))]
        return Asked(BenefitUse(stan, now, card, SWIPED, offer, amount, ALL_SEEN))

    return draw


def verified_draw(use: Draw) -> Draw:
    """Return what asks by turns whether benefits hold for a card, and uses one with that card."""
    verified: dict[int, BenefitUse] = {}

    def draw(stan: int) -> Asked:
        if message := verified.pop(stan, None):
            return Asked(message)
        later = use(stan + 1).message
        assert isinstance(later, BenefitUse)
        verified[stan + 1] = later
        return Asked(Verify(stan, later.terminal_time, f";{later.card}={_FILLING}?", SWIPED, 0))

    return draw


@lru_cache(maxsize=4)
def _cards(population: Population) -> Cards:
    return Cards(population)


def city_draw(
    load: Load,
    earn: Callable[[int], Draw],
    cities: tuple[Population, ...],
    number: int,
    rng: random.Random,
) -> Draw:
    """Return what draws for connection `number` of all cities': the first earns, the others use benefits."""
    index, at = divmod(number, len(cities))
    return use_draw(load, cities[at], _cards(cities[at]), index, rng) if at else earn(index)

"""What the city's shops do: the mix of requests, the baskets, and which card comes next, drawn from a seed.

Owns the shares and amounts, which are **assumptions** (none are published), in one place for every load that
is made: the fleets' cashiers and Locust's tills. Must not know how a request is made or what it is answered.
Invariant: the same seed gives the same draws.
"""

import random
from bisect import bisect
from itertools import accumulate
from typing import Final

import msgspec

from simulators.city.population import Population

LARGE_BASKET_SHARE: Final = 0.12
"""Share of baskets from 1,000 to 2,500 zł: without them few cards would ever reach the first tier."""
LARGE_BASKET_GROSZE: Final = (100_000, 250_000)
SMALL_BASKET_GROSZE_MAX: Final = 100_000
CARD_SKEW: Final = 2
"""Some holders shop more: the index is drawn as u**2, so a quarter of the cards makes half of the sales."""


class Mix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Weights of the operations, of any sum; the names of the fields are those of the operations."""

    earn: float = 66
    redeem: float = 8
    balance: float = 12
    reversal: float = 3
    advice: float = 6
    status: float = 2
    echo: float = 0
    unknown_card: float = 1
    wrong_digit: float = 0.5
    zero_amount: float = 0.5
    negative_amount: float = 0.25
    amount_over_limit: float = 0.25
    unknown_tier: float = 0.5
    verify: float = 0
    quote: float = 0
    benefit: float = 0
    benefit_advice: float = 0
    refund: float = 0
    card_report: float = 0
    keyed: float = 0
    other_partners_offer: float = 0
    unknown_offer: float = 0
    unconfirmed: float = 0


ON_LINE: Final = Mix(
    earn=72, redeem=8, balance=12, reversal=3, echo=5, advice=0, status=0, unknown_card=0, wrong_digit=0,
    zero_amount=0, negative_amount=0, amount_over_limit=0, unknown_tier=0,
)  # fmt: skip
"""What a till on line asks for that never loses its line and never mistypes; in per cent."""


_DISCOUNTS_ONLY: Final = Mix(
    earn=0, redeem=0, balance=0, echo=0, reversal=5, advice=0, status=3, unknown_card=0, wrong_digit=0,
    zero_amount=0, negative_amount=0, amount_over_limit=0, unknown_tier=0, verify=25, quote=10, benefit=48,
    refund=3, keyed=2, other_partners_offer=1, unknown_offer=1, unconfirmed=2,
)  # fmt: skip
MIXES: Final = {
    "czestochowa": msgspec.structs.replace(
        Mix(), earn=60, verify=2, quote=1, benefit=6, benefit_advice=1, refund=2, keyed=1, unknown_offer=0.25
    ),
    "zywiec": msgspec.structs.replace(_DISCOUNTS_ONLY, card_report=0.2),
    "zgierz": _DISCOUNTS_ONLY,
}
"""What the shops of each city do, by its programme's code."""


class Customers:
    """Who comes next, with what, and what is asked for; `rng` decides everything."""

    def __init__(self, population: Population, mix: Mix, rng: random.Random) -> None:
        self._population = population
        self._rng = rng
        self._names = tuple(msgspec.structs.asdict(mix))
        self._weights = tuple(accumulate(msgspec.structs.astuple(mix)))

    def operation(self) -> str:
        """Return the name of the next operation."""
        point = self._rng.random() * self._weights[-1]
        return self._names[min(bisect(self._weights, point), len(self._names) - 1)]

    def card_index(self) -> int:
        """Return the index of the next card."""
        return int(self._population.cards * self._rng.random() ** CARD_SKEW)

    def price_grosze(self) -> int:
        """Return the price of what a benefit is used on."""
        return 1 + min(SMALL_BASKET_GROSZE_MAX - 1, int(self._rng.lognormvariate(7.6, 0.6)))

    def basket_grosze(self) -> int:
        """Return what the next basket costs."""
        if self._rng.random() < LARGE_BASKET_SHARE:
            return self._rng.randrange(*LARGE_BASKET_GROSZE)
        return 1 + min(SMALL_BASKET_GROSZE_MAX - 1, int(self._rng.lognormvariate(8.4, 0.8)))

"""The seeded city the load comes from, unless told otherwise: the same that `cityswitch demo` makes.

Owns the default sizes and the identity of a terminal of the city. Invariant: the keys are computed from the
seed, so nothing is stored and any process agrees; they are for development only.
"""

from typing import Final

from bench.errors import CannotRun
from simulators.city.population import Population
from simulators.till.identity import TerminalIdentity

SEED: Final = "czestochowa"
CARDS: Final = 50_000
PARTNERS: Final = 300
"""Częstochowa's targets (programme documents, A): 50,000 cards, 300 partners, a terminal each."""


def city(seed: str, cards: int, partners: int) -> Population:
    """Return a city of these sizes. Raises `CannotRun` for sizes it cannot have."""
    try:
        return Population(seed, cards, partners)
    except ValueError as error:
        raise CannotRun(str(error)) from None


def identity(population: Population, index: int) -> TerminalIdentity:
    """Return who terminal `index` of the city is."""
    return TerminalIdentity(population.terminal_id(index), population.terminal_key(index))

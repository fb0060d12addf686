"""The seeded city a measurement is told to use (`simulators.city.example` unless it is told otherwise).

Owns the refusal of sizes no city can have, and who a terminal of a city is. Invariant: the keys are computed
from the seed, so nothing is stored and any process agrees; they are for development only.
"""

from bench.errors import CannotRun
from simulators.city.population import Population
from simulators.till.identity import TerminalIdentity


def city(seed: str, cards: int, partners: int) -> Population:
    """Return a city of these sizes. Raises `CannotRun` for sizes it cannot have."""
    try:
        return Population(seed, cards, partners)
    except ValueError as error:
        raise CannotRun(str(error)) from None


def identity(population: Population, index: int) -> TerminalIdentity:
    """Return who terminal `index` of the city is."""
    return TerminalIdentity(population.terminal_id(index), population.terminal_key(index))

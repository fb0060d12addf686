"""The simulated city of demos, load tests and measurements: its size, and what is kept free for people.

Owns the sizes and the seed. Invariants: the same city everywhere, so the README's key and card numbers work
in every checkout; no load of the demo touches the terminal and the cards that are kept for people, so that
their sums can be checked by hand. Its keys can be computed by anybody who reads this: they are for
development only.
"""

from typing import Final

from simulators.city.population import FIRST_TERMINAL, Peculiarity, Population

SEED: Final = "czestochowa"
CARDS: Final = 50_000
PARTNERS: Final = 300
"""Częstochowa's targets (programme documents, A): 50,000 cards, 300 partners, a terminal each."""

FLEET_TERMINALS: Final = PARTNERS

CITY: Final = Population(SEED, CARDS, PARTNERS, terminals=FLEET_TERMINALS + 1)
"""The city of `make demo` and `make up`: one terminal more than the fleet has."""

HAND_TERMINAL: Final = CITY.terminal_id(FLEET_TERMINALS)
"""The terminal no fleet uses, for `cityswitch terminal` and for a terminal of one's own."""

FLEET_CARDS: Final = CARDS - 250
"""The cards the fleet draws from; of the others, one round of 250, each peculiarity is there once."""

EXAMPLE_CARD: Final = CITY.card_digits(FLEET_CARDS)
"""A card with nothing wrong with it, which no fleet uses."""


def hand_card(peculiarity: Peculiarity) -> str:
    """Return the number of the first card kept for people that has this wrong with it."""
    return CITY.card_digits(
        next(index for index in range(FLEET_CARDS, CARDS) if CITY.peculiarity(index) is peculiarity)
    )


def development_key(terminal: int) -> bytes | None:
    """Return the 32-byte key of a terminal of the city, or None if it is not one of the city's."""
    index = terminal - FIRST_TERMINAL
    return CITY.terminal_key(index) if 0 <= index < CITY.terminals else None

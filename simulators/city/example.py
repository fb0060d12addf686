"""The simulated city of `make demo` and `make up`: how large it is, and the terminal kept free for people.

Owns the sizes and the seed. Invariant: the same city everywhere, so the README's key and card numbers work
in every checkout. Its keys can be computed by anybody who reads this: they are for development only.
"""

from typing import Final

from simulators.city.population import FIRST_TERMINAL, Population

FLEET_TERMINALS: Final = 300

CITY: Final = Population(seed="czestochowa", cards=50_000, partners=300, terminals=FLEET_TERMINALS + 1)
"""Częstochowa's targets (programme documents, A: 50,000 cards, 300 partners), and one terminal more."""

HAND_TERMINAL: Final = CITY.terminal_id(FLEET_TERMINALS)
"""The terminal no fleet uses, for `cityswitch terminal` and for a terminal of one's own."""

EXAMPLE_CARD: Final = CITY.card_digits(0)
"""A card of the city with nothing wrong with it."""


def development_key(terminal: int) -> bytes | None:
    """Return the 32-byte key of a terminal of the city, or None if it is not one of the city's."""
    index = terminal - FIRST_TERMINAL
    return CITY.terminal_key(index) if 0 <= index < CITY.terminals else None

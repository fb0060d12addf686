"""Numbers in addresses, queries and fields of every site: how long one may be, and what is one.

Owns both. `{…:int}` of a route is of this kind
wherever pages are (`ops.web` sees to it): a longer one is no address of the site, and is answered as such
(404) before anything reads it. Python itself refuses figures past some thousands with an error of no
meaning, and Postgres those past 64 bits. Must not know what is numbered.
"""

from __future__ import annotations

from typing import Final

from starlette.convertors import Convertor, register_url_convertor

FIGURES_MAX: Final = 18
"""So many are below 2^63 whatever they are; every number that this project gives out has fewer."""


class Figures(Convertor[int]):
    """A number of something, in an address: from 1, of no more than `FIGURES_MAX` figures."""

    regex = f"[1-9][0-9]{{0,{FIGURES_MAX - 1}}}"

    def convert(self, value: str) -> int:
        """Return the number."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Return how the number stands in an address."""
        return str(value)


def figures(text: str, most: int = 10**FIGURES_MAX - 1) -> int | None:
    """Return the number that a text writes in figures alone, from 0 to `most`; None for any other text."""
    if not (text.isascii() and text.isdecimal()) or len(text) > FIGURES_MAX:
        return None
    number = int(text)
    return number if number <= most else None


def bound_addresses() -> None:
    """Let `{…:int}` of the routes made from now on be `Figures`."""
    register_url_convertor("int", Figures())

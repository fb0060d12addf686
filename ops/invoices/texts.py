"""Texts and numbers as the schema FA(3) takes them, or a refusal that says what is out of bounds.

Owns the bounds. Must not know where in a document a value stands. Invariants: sums are integers of grosze
until they are text; no refusal repeats a value.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import RegistryRefused

SHORT: Final = 256
LONG: Final = 512
GROSZE_MAX: Final = 10**18 - 1
"""TKwotowy: at most 16 digits before the point, 2 behind it."""
UNIT_GROSZE_MAX: Final = 10**16 - 1
"""TKwotowy2: at most 14 digits before the point."""
QUANTITY_MAX: Final = 10**16 - 1


def text_of(what: str, value: str, most: int = LONG) -> str:
    """Return a text as one line with single spaces, which is how the schema counts it."""
    line = " ".join(value.split())
    if not 1 <= len(line) <= most:
        raise RegistryRefused("{what} must have 1 to {most} characters", what=what, most=most)
    if not line.isprintable():
        raise RegistryRefused("{what} must have printable characters only", what=what)
    return line


def money_of(what: str, grosze: int, most: int = GROSZE_MAX) -> str:
    """Return a sum in złoty: -1234 is "-12.34"."""
    if abs(grosze) > most:
        raise RegistryRefused("{what} is more than an invoice can hold", what=what)
    return f"{'-' if grosze < 0 else ''}{abs(grosze) // 100}.{abs(grosze) % 100:02}"


def count_of(what: str, quantity: int) -> str:
    """Return a number of points, months or pieces."""
    if abs(quantity) > QUANTITY_MAX:
        raise RegistryRefused("{what} is more than an invoice can hold", what=what)
    return str(quantity)

"""The lines of a receipt filled in with its figures: in C where it is built (native.c), else in Python.

Owns how a figure is written: an amount as "45,90 zł", a card's number by its last four digits. Must not know
which figures there are. Pure. Invariant: both ways give the same text (a test holds them together).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

Part: TypeAlias = str | int
"""Of a receipt: a text as it is, or the place of a figure among the figures << 2 | the way it is written."""

CENTS: Final = {
    "pl": [f",{rest:02d} zł" for rest in range(100)],
    "en": [f".{rest:02d} zł" for rest in range(100)],
}
"""By language, how 00 to 99 grosze are written behind the złote."""


class Way(IntEnum):
    """How a figure is written: whatever it is as it prints, grosze as money, the last four digits of a card
    (below 0: none were read).
    """

    PLAIN = 0
    MONEY = 1
    CARD = 2


def money(grosze: int, cents: list[str] = CENTS["pl"]) -> str:
    """Format an amount of grosze as "45,90 zł" (a minus keeps its place in front)."""
    if grosze < 0:
        return "-" + money(-grosze, cents)
    return f"{grosze // 100}{cents[grosze % 100]}"


def _plain(figure: str | int, _: list[str]) -> str:
    return str(figure)


def _card(last4: int, _: list[str]) -> str:
    return f"****{last4:04d}" if last4 >= 0 else "****????"


_WRITERS: Final[tuple[Callable[[Any, list[str]], str], ...]] = (_plain, money, _card)
"""By `Way`."""


def fill_in_python(parts: tuple[Part, ...], figures: tuple[str | int, ...], cents: list[str], /) -> str:
    """Return the text of all parts. native.c does the same."""
    return "".join(
        [part if isinstance(part, str) else _WRITERS[part & 3](figures[part >> 2], cents) for part in parts]
    )


if TYPE_CHECKING:
    fill = fill_in_python
else:
    try:
        from switch.rules.native import fill
    except ImportError:
        fill = fill_in_python

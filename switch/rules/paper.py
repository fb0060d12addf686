"""The lines of a receipt made ready once: where its figures go, how long it may get with no line too wide.

Owns how a template becomes parts to fill in, and the bound that spares the ordinary receipt a look at each of
its lines. Must not know which lines make a receipt. Pure. Invariants: a text of at most `Print.room_for`
characters has no line wider than the paper; a reason, known beforehand, is wrapped here.
"""

from __future__ import annotations

import string
import sys
from typing import Final, NamedTuple

from protocol import limits
from switch.rules.filling import Part, Way
from switch.rules.programme.receipt import FIELDS
from switch.rules.text import fit

_WAYS: Final = {
    "card": Way.CARD,
    "amount": Way.MONEY,
    "value": Way.MONEY,
    "discount": Way.MONEY,
    "to_pay": Way.MONEY,
}
"""How the figures are written that are not plain."""
_LEAST: Final = {
    name: len("0,00 zł") if way is Way.MONEY else len("****1234") for name, way in _WAYS.items()
} | {"time": len("2026-12-31 23:59"), "offer": limits.OFFER_NAME_BYTES_MAX}
"""How narrow a figure may be, in columns; what is not named takes 1. An offer counts at its widest."""
_OFFER: Final = "offer"
_STEADY: Final = {"time", "card", _OFFER}
"""Figures that are never wider than they are counted."""
_REASON: Final = "reason"


class Print(NamedTuple):
    """Lines to fill in. No line is too wide while the text has at most `room` characters, and for each of the
    `offers` places where an offer's name goes those of the name.
    """

    parts: tuple[Part, ...]
    room: int
    offers: int


def make_print(lines: list[str], width: int, reason: str = "") -> Print:
    """Return a receipt's lines ready to be filled in, for paper of `width` columns.

    With {reason} in its place a line without figures is wrapped now. Of a line with figures all others may be
    at their narrowest when it is too wide, and so long at least is the whole text then.
    """
    ready = [_parts(line, width, reason) for line in lines]
    shortest = sum(_narrowest(parts) for parts in ready) + len(ready) - 1
    offers = sum(parts.count(_place(_OFFER)) for parts in ready)
    shortest -= offers * _LEAST[_OFFER]
    spare = [width - _narrowest(parts) for parts in ready if _may_be_too_wide(parts, width)]
    return Print(_joined(ready), min((shortest + one for one in spare), default=sys.maxsize), offers)


def _place(name: str) -> int:
    return FIELDS.index(name) << 2 | _WAYS.get(name, Way.PLAIN)


def _parts(line: str, width: int, reason: str) -> list[Part]:
    parts: list[Part] = []
    for text, name, _, _ in string.Formatter().parse(line):
        parts.append(text + reason if name == _REASON else text)
        if name and name != _REASON:
            parts.append(_place(name))
    fixed = [part for part in parts if isinstance(part, str)]
    return [fit("".join(fixed), width)] if len(fixed) == len(parts) else parts


def _narrowest(parts: list[Part]) -> int:
    """How many characters a line has at least."""
    return sum(len(part) if isinstance(part, str) else _LEAST.get(FIELDS[part >> 2], 1) for part in parts)


def _may_be_too_wide(parts: list[Part], width: int) -> bool:
    figures = {FIELDS[part >> 2] for part in parts if isinstance(part, int)}
    return bool(figures - _STEADY) or (bool(figures) and _narrowest(parts) > width)


def _joined(lines: list[list[Part]]) -> tuple[Part, ...]:
    """Return the parts of all lines, texts side by side made one."""
    joined: list[Part] = []
    for part in [part for line in lines for part in ("\n", *line)][1:]:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)

"""A card's number in the text a terminal sends (SPEC.md, "Card texts").

Owns the reading of it. The forms are tried one after another; anything else is no card number.
"""

from __future__ import annotations

import re

_TRACK_2 = re.compile(r";?(?P<digits>[0-9]{16,19})(?:[=Dd][^?]*|[Ff])?\??")
_TRACK_1 = re.compile(r"%[Bb](?P<digits>[0-9 ]+)\^[^?]*\?(?P<rest>.*)", re.DOTALL)


def is_right(digits: str) -> bool:
    """Whether the last digit is Luhn's, and there are 16 to 19 of them."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value // 10 + value % 10
    return 16 <= len(digits) <= 19 and total % 10 == 0


def read_card(text: str) -> str | None:
    """Return the digits of a card's text, None: it is none."""
    text = text.strip(" \r\n")
    if text.isascii() and re.fullmatch(r"[0-9]+(?: [0-9]+)*", text):
        digits = text.replace(" ", "")
        return digits if is_right(digits) else None
    both = _TRACK_1.fullmatch(text)
    if both:
        first, second = both["digits"].replace(" ", ""), read_card(both["rest"])
        return second if second == first else None
    found = _TRACK_2.fullmatch(text) if text.isascii() else None
    return found["digits"] if found and is_right(found["digits"]) else None

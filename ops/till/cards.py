"""A card as somebody gives it to a command: swiped or typed, among its words or on standard input.

Owns how it is read and shown. Must not know what it is for. Invariant: no full number is ever shown.
"""

from __future__ import annotations

import sys
from typing import Final

from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import say
from protocol import CardNumberError, mask_card, parse_card

FROM_INPUT: Final = "-"
"""In place of a card: it is read from standard input."""


def check_card(text: str) -> str:
    """Return a keyed number or a swiped track 2 as it goes on the wire. Raises `CommandError`."""
    card = text.strip()
    try:
        parse_card(card)
    except CardNumberError as error:
        raise CommandError(
            Exit.USAGE,
            f"this is no card: {error}.",
            "Swipe it again, or type its 16 to 19 digits without spaces.",
        ) from None
    return card


def typed_card(text: str, what: str = "Card") -> str:
    """Return a card given on the command line, or read from standard input where `-` stands for it.

    There nobody sees it in the list of processes; somebody at a terminal is asked for it. Raises
    `CommandError`.
    """
    if text != FROM_INPUT:
        if text.startswith("-"):
            raise CommandError(Exit.USAGE, f"Unknown option: {text}.", "See the command's --help.")
        return check_card(text)
    if sys.stdin.isatty():
        say(f"{what} (type it, or swipe it):")
    line = sys.stdin.readline()
    if not line.strip():
        raise CommandError(Exit.USAGE, "no card was given.", "Type or swipe it, or pipe its number in.")
    return check_card(line)


def masked(card: str) -> str:
    """Return a card, keyed or swiped, as it may be shown."""
    return mask_card(parse_card(card))

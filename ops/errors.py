"""The one kind of failure a command raises by itself: cause, cure and exit status.

Owns the type. What other parts raise is translated by `ops.cli.failures`, which is only loaded when
something failed. Invariant: no failure repeats a card number, wherever its text came from.
"""

from __future__ import annotations

import re
from typing import Final

from ops.exit_codes import Exit

_LIKE_A_CARD: Final = re.compile(r"(?:\d{4}[ \-]){2,4}\d{1,7}|\d{12,}")
"""Twelve digits or more, or groups of four as plastics show them: whatever else it may be, it is masked."""


class CommandError(Exception):
    """An expected failure of a command: its exit status, the cause and the cure, each a sentence."""

    def __init__(self, status: Exit, cause: str, cure: str = "") -> None:
        self.status = status
        self.cause = without_numbers(one_line(cause))
        self.cure = without_numbers(one_line(cure))
        super().__init__(f"{self.cause} {self.cure}".strip())


def without_numbers(text: str) -> str:
    """Return a text in which of whatever could be a card number the last four digits are left."""
    return _LIKE_A_CARD.sub(lambda match: "****" + re.sub(r"\D", "", match[0])[-4:], text)


def one_line(text: str) -> str:
    """Return a text as one line without control characters, whatever it is made of."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())

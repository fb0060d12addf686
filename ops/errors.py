"""The one kind of failure a command raises by itself: cause, cure and exit status.

Owns the type. What other parts raise is translated by `ops.cli.failures`, which is only loaded when
something failed.
"""

from __future__ import annotations

from ops.exit_codes import Exit


class CommandError(Exception):
    """An expected failure of a command: its exit status, the cause and the cure, each a sentence."""

    def __init__(self, status: Exit, cause: str, cure: str = "") -> None:
        self.status = status
        self.cause = one_line(cause)
        self.cure = one_line(cure)
        super().__init__(f"{self.cause} {self.cure}".strip())


def one_line(text: str) -> str:
    """Return a text as one line without control characters, whatever it is made of."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())

"""The one kind of failure a command raises by itself: cause, cure and exit status.

Owns the type. What other parts raise is translated by `ops.cli.failures`, which is only loaded when
something failed.
"""

from __future__ import annotations

from ops.exit_codes import Exit


class CommandError(Exception):
    """An expected failure of a command: its exit status, the cause and the cure, each a sentence."""

    def __init__(self, status: Exit, cause: str, cure: str = "") -> None:
        super().__init__(f"{cause} {cure}".strip())
        self.status = status


def one_line(text: str) -> str:
    """Return a text as one line."""
    return " ".join(text.split())

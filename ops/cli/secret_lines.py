"""What is secret and comes in by standard input, a line each.

Owns how it is read, and what is said where it is not there. Must not know what the lines are for. Invariant:
nothing of them is repeated.
"""

from __future__ import annotations

import sys

from ops.errors import CommandError
from ops.exit_codes import Exit

_CHARACTERS_MAX = 1_000


def secret_lines(count: int, what: str) -> list[str]:
    """Return the first `count` lines of standard input. Raises CommandError where it has fewer, or is typed
    at; `what`: what it has to have, as a sentence tells it.
    """
    lines = [] if sys.stdin.isatty() else sys.stdin.read(_CHARACTERS_MAX).splitlines()
    if len(lines) < count:
        raise CommandError(
            Exit.USAGE,
            f"standard input has {what}.",
            "Write that into a file that is yours alone, and name it: < FILE.",
        )
    return lines[:count]

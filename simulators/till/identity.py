"""Who a terminal is, for every program that plays one.

Owns nothing but the three figures of HELLO and the key; must not know a line, a memory or a loop. Invariant:
the key is never printed.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class TerminalIdentity:
    """A terminal's number, its 32-byte key, and the generation of that key."""

    terminal: int
    key: bytes = field(repr=False)
    generation: int = 1

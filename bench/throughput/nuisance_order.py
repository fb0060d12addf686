"""What a lane tells the process that makes a nuisance of itself, and what that tells it back.

Owns the shapes. Must not know how the nuisance is made. The talk: order → `ready` → the end of standard input
→ `NuisanceReport`.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

GO: Final = b"go\n"

Nuisance: TypeAlias = Literal["echo", "totals", "hot card", "strangers"]
"""Terminals that stream ECHO or TOTALS, or all use one card; connections that never shake hands."""


class NuisanceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, with how many connections; `terminal_first` is an index in the population."""

    kind: Nuisance
    host: str
    port: int
    seed: str
    cards: int
    partners: int
    connections: int
    terminal_first: int = 0
    stan_first: int
    depth: int = 64
    """Requests unanswered on a connection."""


class NuisanceReport(msgspec.Struct, kw_only=True):
    """What was done within `seconds`."""

    seconds: float
    sent: int = 0
    approved: int = 0
    refused: int = 0
    connected: int = 0
    """Connections made, those at the beginning included."""

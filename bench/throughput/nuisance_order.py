"""What a lane tells the process that makes a nuisance of itself, and what that tells it back.

Owns the shapes. Must not know how the nuisance is made. The talk: order → `ready` → the end of standard input
→ `NuisanceReport`.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

GO: Final = b"go\n"

Nuisance: TypeAlias = Literal["echo", "totals", "sign on", "hot card", "strangers"]
"""Terminals that stream ECHO, TOTALS or SIGN_ON, or all use one card; connections that never shake hands."""


class NuisanceOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, with how many connections; `terminal_first` is an index in the population."""

    kind: Nuisance
    host: str
    port: int
    seed: str
    cards: int
    partners: int
    terminals: int = 0
    """Of the population, as `Population` has it."""
    connections: int
    terminal_first: int = 0
    stan_first: int
    depth: int = 64
    """Requests unanswered on a connection."""
    comes_again: bool = False
    """Whether a terminal that was closed or turned away comes again at once, for ever."""
    requests_max: int = 0
    """After so many requests a terminal itself closes its connection and comes again (0: never)."""


class NuisanceReport(msgspec.Struct, kw_only=True):
    """What was done within `seconds`."""

    seconds: float
    sent: int = 0
    approved: int = 0
    refused: int = 0
    connected: int = 0
    """Connections made, those at the beginning included."""
    turned_away: int = 0
    """Handshakes of terminals that came again, and were not let in."""
    served_at: float = 0.0
    """When a terminal was last let in or answered (CLOCK_MONOTONIC, which all processes share)."""
    closed_at: float = 0.0
    """When the switch last closed the connection of a terminal it had let in."""

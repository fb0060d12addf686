"""What the bench tells the process of clicking people, and what that tells it back: one JSON line each.

Owns the shapes and the words. Must not know how anybody clicks. The talk over standard input and output:
order → `Ready` → then `TOUR` → `Clicked`, and `GO`, `PAUSE` → `Clicked`, as often as is wanted; the end of
standard input ends it.
"""

from __future__ import annotations

from typing import Final

import msgspec

TOUR: Final = b"tour\n"
"""Do everything there is to do once, without pauses."""
GO: Final = b"go\n"
PAUSE: Final = b"pause\n"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Who clicks, where, and how fast."""

    url: str
    city: str
    """The programme's code, as the sign-in asks for it."""
    password: str
    """Of all logins."""
    holders: list[str]
    """Logins, as well as `officers`."""
    sessions: list[str]
    """The holders' tokens to begin with: of each a session, made ahead."""
    officers: list[str]
    codes: dict[int, str]
    """The second factor of all officers: to the number of a time step its code, for an hour or so."""
    step_s: int
    names: list[str]
    """What officers look for people by, as well as by `cards`, their numbers."""
    cards: list[str]
    holder_pause_s: float
    """Mean pause between two clicks, exponential; as well as `officer_pause_s`."""
    officer_pause_s: float
    seed: int = 1


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody is there: the officers have signed in."""

    took_s: float
    unexpected: dict[str, int]


class Page(msgspec.Struct, frozen=True):
    """One kind of request: how many, and their times in milliseconds."""

    requests: int
    p50_ms: float
    p99_ms: float


class Clicked(msgspec.Struct, frozen=True, kw_only=True):
    """What happened between `GO` and `PAUSE`, to the last answer to what was asked in between."""

    seconds: float
    answered: int
    """How many were answered by then: an office that is slow answers the rest when the pause has begun."""
    pages: dict[str, Page]
    unexpected: dict[str, int]
    """By request and what was wrong."""

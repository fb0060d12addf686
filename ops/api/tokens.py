"""A system's token: how it is made, read from a request and compared; and how much one may ask.

Owns its form, "cs<programme>_<43 letters>": the programme says whose database is asked, 256 random bits do
the rest. Invariants: a token is shown once, when it is made, and kept as a SHA-256; a system that asks too
much is told when to come again, and costs no other a turn.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"cs([1-9][0-9]{0,3})_[A-Za-z0-9_-]{43}")
RATE_DEFAULT: Final = 20.0
BURST_S: Final = 5.0
"""A system that was quiet may ask for so many seconds at once."""


class Bearer(NamedTuple):
    """What a request brings: its programme, and the SHA-256 of the token."""

    programme: int
    digest: bytes


def make_token(programme: int) -> str:
    """Return a new token."""
    return f"cs{programme}_{secrets.token_urlsafe(32)}"


def digest_of(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def bearer_of(header: str) -> Bearer | None:
    """Return the token of an Authorization header; None where it holds none."""
    scheme, _, token = header.partition(" ")
    form = _FORM.fullmatch(token)
    if scheme.lower() != "bearer" or form is None:
        return None
    return Bearer(int(form[1]), digest_of(token))


class Allowance:
    """So many requests a second of each token, and `BURST_S` seconds of them at once."""

    def __init__(self, rate: float, now_s: Callable[[], float]) -> None:
        self._rate = rate
        self._now_s = now_s
        self._free: dict[int, tuple[float, float]] = {}

    def wait_s(self, token: int) -> float:
        """Take one request of a token's; return 0, or after how long there is one again."""
        most = max(1.0, self._rate * BURST_S)
        now = self._now_s()
        free, since = self._free.get(token, (most, now))
        free = min(most, free + (now - since) * self._rate)
        if free < 1:
            return (1 - free) / self._rate
        self._free[token] = (free - 1, now)
        return 0.0

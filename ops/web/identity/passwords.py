"""Passwords: which will do, and their hashes.

Owns the parameters of Argon2id (RFC 9106) and where it is computed: in threads, `AT_ONCE` at a time, so that
neither trio's loop stands still nor do many who sign in at once take the machine's memory. Invariant: a
password that is wrong, and one of a login that is not there, cost the same.
"""

from __future__ import annotations

from typing import Final

import trio
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB: Final = 19_456
PASSES: Final = 2
LANES: Final = 1
"""OWASP's Password Storage Cheat Sheet, 2025: m=19 MiB, t=2, p=1, one of its choices of equal strength."""
AT_ONCE: Final = 2
CHARACTERS_MIN: Final = 12
CHARACTERS_MAX: Final = 200


def password_fault(password: str, name: str) -> str:
    """Return the word for what is wrong with a new password; empty where nothing is."""
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        return "pw_length"
    folded = password.casefold()
    if len(set(folded)) < 5 or (name and name.casefold() in folded) or folded in _COMMON:
        return "pw_easy"
    return ""


_COMMON: Final = frozenset(
    {"1234567890ab", "123456789012", "password1234", "passwordpassword", "haslohaslo123", "qwertyuiop12"}
    | {"qwertyuiopas", "abcdefghijkl", "zaq12wsxcde3", "polska123456", "karta1234567", "hasło1234567"}
)


class Passwords:
    """Hashes passwords and compares them; one for a whole site."""

    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._limiter = trio.CapacityLimiter(at_once)
        self._nobodys = self._hasher.hash("of nobody")

    async def hash(self, password: str) -> str:
        """Return the hash of a password, with its parameters and a fresh salt."""
        return await trio.to_thread.run_sync(self._hasher.hash, password, limiter=self._limiter)

    async def is_right(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one of a hash. Without a hash the same work is done, and it is not."""
        return await trio.to_thread.run_sync(self._check, kept, password, limiter=self._limiter)

    def needs_new(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(kept)

    def _check(self, kept: str | None, password: str) -> bool:
        try:
            self._hasher.verify(kept if kept is not None else self._nobodys, password[: CHARACTERS_MAX + 1])
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

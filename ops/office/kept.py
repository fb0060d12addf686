"""What is made once for everybody who asks for it within some seconds.

Owns how long, and that one makes it while others wait. Must not know what it is. For what many ask and all
are given alike; it may be so many seconds old.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

import trio

T = TypeVar("T")


class _Made(NamedTuple, Generic[T]):
    value: T
    until_s: float


class Kept(Generic[T]):
    """Values by key, each for `seconds` from its making on; there are to be few keys, for each stays."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._made: dict[Hashable, _Made[T]] = {}
        self._making: dict[Hashable, trio.Lock] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the value of a key, made now if there is none of late. What `make` raises is not kept."""
        async with self._making.setdefault(key, trio.Lock()):
            made, now_s = self._made.get(key), trio.current_time()
            if made is None or now_s >= made.until_s:
                made = self._made[key] = _Made(await make(), now_s + self._seconds)
            return made.value

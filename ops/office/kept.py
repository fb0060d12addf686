"""What is made once for everybody who asks for it within some seconds.

Owns how long, and that one makes it while others wait. Must not know what it is. For what many ask and all
are given alike; it may be so many seconds old.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class _Making(Generic[T]):
    """A value, or how it went wrong, once `done`; neither where its maker was cancelled."""

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self.done = trio.Event()
        self.value: T | None = None
        self.error: Exception | None = None


class Kept(Generic[T]):
    """Values by key, each for `seconds` from when its making began; of few keys, for each stays."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._made: dict[Hashable, _Making[T]] = {}

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the value of a key, made now if there is none of late. What `make` raises is raised to all
        who waited for it, and not kept.
        """
        while True:
            making = self._made.get(key)
            if making is None or (making.done.is_set() and trio.current_time() >= making.until_s):
                return await self._make(key, make)
            await making.done.wait()
            if making.error is not None:
                raise making.error
            if making.value is not None:
                return making.value

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        making = self._made[key] = _Making(trio.current_time() + self._seconds)
        try:
            making.value = await make()
        except BaseException as error:
            del self._made[key]
            making.error = error if isinstance(error, Exception) else None
            raise
        finally:
            making.done.set()
        return making.value

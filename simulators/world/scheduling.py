"""Time and order of a simulated world: who runs next, and what time it is, follow from the seed alone.

Owns trio's scheduler as far as chance decides in it, the virtual clock, and the wall clock over it, which may
jump. The only module that touches trio's inside. Must not know who lives in the world. Invariants: nothing
waits for real time; when a world ends, trio and the switch have the scheduler and the clock they had before.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import trio
import trio._core._run
import trio.testing

from switch.clock import set_clock

T = TypeVar("T")
ZONE: Final = ZoneInfo("Europe/Warsaw")
"""Where the cities are."""
NS_PER_S: Final = 1_000_000_000


class Drift:
    """By how much a machine's clock is late."""

    def __init__(self, behind_ms: int) -> None:
        self.behind_ms = behind_ms


_DRIFT: ContextVar[Drift] = ContextVar("drift", default=Drift(0))  # noqa: B039 - nobody changes the default


class WallClock:
    """The time of day of a world: it runs with trio's clock, and jumps when it is told to."""

    def __init__(self, starts_ms: int) -> None:
        self._offset_ns = starts_ms * 1_000_000

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, by the clock of the machine that asks."""
        return self._offset_ns + int(trio.current_time() * NS_PER_S) - _DRIFT.get().behind_ms * 1_000_000

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self.now_ns() // 1_000_000

    def true_ms(self) -> int:
        """Milliseconds since the epoch, by a clock that is right."""
        return (self._offset_ns + int(trio.current_time() * NS_PER_S)) // 1_000_000

    def today(self) -> date:
        """The day in the cities, by a clock that is right."""
        return datetime.fromtimestamp(self.true_ms() / 1_000, ZONE).date()

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return self.now_ns() / NS_PER_S

    def jump_to(self, moment_ms: int) -> None:
        """Set every clock to another time."""
        self._offset_ns += (moment_ms - self.true_ms()) * 1_000_000


def run_with(drift: Drift) -> None:
    """Let this task, and all that it starts from now, read the clock of a machine with this drift."""
    _DRIFT.set(drift)


@contextmanager
def _seeded(seed: str) -> Iterator[None]:
    """Have chance in trio's scheduler follow from the seed."""
    core: Any = trio._core._run
    before = core._r, core._ALLOW_DETERMINISTIC_SCHEDULING
    core._r, core._ALLOW_DETERMINISTIC_SCHEDULING = random.Random(f"{seed}:scheduler"), True
    try:
        yield
    finally:
        core._r, core._ALLOW_DETERMINISTIC_SCHEDULING = before


def run_virtually(seed: str, wall: WallClock, main: Callable[[], Awaitable[T]]) -> T:
    """Run `main` to its end on virtual time, as chance of this seed has it; the switch reads `wall`."""
    before = set_clock(wall.now_ns)
    try:
        with _seeded(seed):
            return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        set_clock(before)

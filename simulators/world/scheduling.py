"""Time and order of a simulated world: who runs next, and what time it is, follow from the seed alone.

Owns trio's scheduler as far as chance decides in it, the virtual clock, the wall clock over it, which may
jump, and when memory is freed. The only module that touches trio's inside. Must not know who lives in the
world. Invariants: nothing waits for real time; when a world ends, trio and the switch have the scheduler and
the clock they had before.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import partial
from heapq import heappush
from itertools import count
from math import inf
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


class _InOrder(dict[Any, None]):
    """A set as trio's scheduler needs it, in the order its members came: a set's own is that of addresses."""

    def add(self, member: object) -> None:
        self[member] = None

    def remove(self, member: object) -> None:
        del self[member]


@contextmanager
def _replaced(home: Any, name: str, value: object) -> Iterator[None]:
    """Have another value in a dictionary, or as an attribute."""
    names: dict[str, Any] | None = home if isinstance(home, dict) else None
    before = getattr(home, name) if names is None else names[name]
    put: Callable[[str, object], None] = partial(setattr, home) if names is None else names.__setitem__
    put(name, value)
    try:
        yield
    finally:
        put(name, before)


@contextmanager
def _seeded(seed: str) -> Iterator[None]:
    """Have chance in trio's scheduler follow from the seed, and nothing from where objects lie in memory."""
    core: Any = trio._core._run
    sets = core.CancelStatus.__init__.__globals__
    numbers = count()

    def add(self: Any, deadline: float, scope: object) -> None:
        heappush(self._heap, (deadline, next(numbers), scope))
        self._active += 1

    with ExitStack() as stack:
        for home, name, value in (
            (core, "_r", random.Random(f"{seed}:scheduler")),
            (core, "_ALLOW_DETERMINISTIC_SCHEDULING", True),
            (core.Deadlines, "add", add),
            (sets, "__attr_factory__children", _InOrder),
            (sets, "__attr_factory__tasks", _InOrder),
        ):
            stack.enter_context(_replaced(home, name, value))
        yield


def _virtual_clock() -> trio.testing.MockClock:
    """Return a clock that stands still until nobody can go on, and then is where the next deadline is.

    One of trio's would read the machine's clock at every look, and add up what it jumps, with what is lost
    of it in rounding.
    """
    clock: Any = trio.testing.MockClock(autojump_threshold=0)
    now_s = 0.0

    def jump() -> None:
        nonlocal now_s
        deadline = trio._core._run.GLOBAL_RUN_CONTEXT.runner.deadlines.next_deadline()
        if now_s < deadline < inf:
            now_s = deadline

    clock.current_time = lambda: now_s
    clock.deadline_to_sleep_time = lambda deadline: max(deadline - now_s, 0.0)
    clock._autojump = jump
    found: trio.testing.MockClock = clock
    return found


@contextmanager
def _no_garbage_taken() -> Iterator[None]:
    """Leave what is unreachable where it is: asyncio counts async generators that were not taken yet when it
    ends, so that when they are taken decides what happens. `take_garbage` has its moments in the world.
    """
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def take_garbage() -> None:
    """Free what is unreachable; to be called where the world has come so far, never by the clock."""
    gc.collect()


def run_virtually(seed: str, wall: WallClock, main: Callable[[], Awaitable[T]]) -> T:
    """Run `main` to its end on virtual time, as chance of this seed has it; the switch reads `wall`."""
    before = set_clock(wall.now_ns)
    try:
        with _seeded(seed), _no_garbage_taken():
            return trio.run(main, clock=_virtual_clock())
    finally:
        set_clock(before)

"""How long tests wait for what must happen: so long that only a hang takes longer, on any machine.

A test that needs an instant counts, steps a clock of its own or waits for an event. Owns the one number, the
waiting itself, how such a clock is stepped, and the settings of a switch with which no request is refused and
nobody is sent away because the machine was slow.
"""

from collections.abc import Callable
from typing import Final

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

HANG_S: Final = 120.0

UNHURRIED: Final[dict[str, float]] = {
    "give_up_ms": 60_000,
    "shed_after_ms": 60_000,
    "feed_stale_after_s": 3_600,
    "handshake_s": 600,
    "frame_s": 600,
    "write_s": 600,
    "idle_s": 3_600,
}


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what must come."""
    with trio.fail_after(HANG_S):
        while not is_so():  # noqa: ASYNC110
            await trio.sleep(0.01)


async def jump(clock: MockClock, seconds: float) -> None:
    """Let `seconds` pass at once, when every task sleeps or waits.

    A task that wakes now and then and is still at work would begin its next sleep after the jump, and with a
    clock that stands still otherwise it would never wake again.
    """
    await wait_all_tasks_blocked(0.01)
    clock.jump(seconds)

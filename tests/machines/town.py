"""Three cities with a worker or more, stepped from outside: between steps nothing happens, no time passes.

Owns the thread the town lives in and the handing over of steps. A town is a simulated world without chance:
no fault strikes by itself and no clerk draws. Must not know what a step does. Invariants: while no step is
done the whole loop stands still, so that what happens follows from the steps alone; every town ends.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio

from simulators.world.acts import Acts
from simulators.world.run import Plan, Report, World, live
from tests.patience import HANG_S

STEP_S_MAX: Final = 3_600.0
"""Of the town's own time."""
Step = Callable[[], Awaitable[Any]]


class Town(World):
    """A world whose trade is what it is told to do, step by step."""

    def __init__(self, seed: int, folder: Path, tills: int) -> None:
        super().__init__(Plan(seed, 0, kinds=(), tills=tills), folder, keeps_trace=False)
        self._steps: queue.Queue[Step | None] = queue.Queue()
        self._done: queue.Queue[object] = queue.Queue()
        self._thread = threading.Thread(target=self._outlive, name="town for tests")
        self._report: Report | None = None
        self._thread.start()
        self._wait()

    def do(self, step: Step) -> Any:
        """Have a step done; return what it came to, raise what it raised."""
        self._steps.put(step)
        return self._wait()

    def end(self) -> Report:
        """Let everything settle and be checked; return what was found."""
        self._steps.put(None)
        self._thread.join(HANG_S)
        assert self._report is not None, "the town came to no end"
        return self._report

    def _wait(self) -> Any:
        done = self._done.get(timeout=HANG_S)
        if isinstance(done, BaseException):
            raise done
        return done

    def _outlive(self) -> None:
        try:
            self._report = live(self)
        except BaseException as error:  # handed to the thread of the test, which raises it
            self._done.put(error)

    async def trade(self, acts: Acts) -> None:
        """Do one step after the other; the loop stands still until the next one is there."""
        self._done.put(None)
        while (step := self._steps.get()) is not None:
            try:
                with trio.move_on_after(STEP_S_MAX):
                    self._done.put(await step())
                    continue
                raise AssertionError(f"a step came to no end within {STEP_S_MAX:g} s of the town's time")
            except Exception as error:  # handed to the thread of the test, which raises it
                self._done.put(error)

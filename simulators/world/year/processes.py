"""The cities of a year, each in a process of its own, as many at a time as there are processors.

Owns the processes and what they tell. Must not know what a year is. Invariant: a city whose process ends
without its year is an error, never a shorter table.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from simulators.world.year.city_year import Lived, Plan, live
from switch.logs import configure_logs

_YOUNG: Final = 200_000
"""Objects between two looks for garbage: nearly all that is made in a year stays."""

OnDay = Callable[[str, date, int], object]


class YearLost(Exception):
    """The process of a city has ended, and its year with it."""


def live_all(plans: Sequence[Plan], processes: int, on_day: OnDay) -> list[Lived]:
    """Live through the plans, so many at a time; the years in the order of the plans.

    `on_day` is told of each city's days, with the transactions there were by then. Raises YearLost.
    """
    context = get_context("spawn")
    waiting, running = list(plans), dict[Any, tuple[Plan, Any]]()
    found: dict[str, Lived] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            plan = waiting.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_live_in_process, args=(plan, theirs), daemon=True)
            process.start()
            theirs.close()
            running[ours] = plan, process
        for pipe in wait(list(running)):
            plan, process = running[pipe]
            lived = _hear(pipe, plan, on_day)
            if lived is not None:
                found[plan.city] = lived
                del running[pipe]
                process.join()
    return [found[plan.city] for plan in plans]


def _hear(pipe: Any, plan: Plan, on_day: OnDay) -> Lived | None:
    try:
        told = pipe.recv()
    except EOFError:
        raise YearLost(f"the process of {plan.city} ended before its year did") from None
    if isinstance(told, Lived):
        return told
    on_day(plan.city, *told)
    return None


def _live_in_process(plan: Plan, pipe: Connection) -> None:
    configure_logs("error")
    gc.set_threshold(_YOUNG, 50, 1_000)
    pipe.send(live(plan, lambda day, transactions: pipe.send((day, transactions))))

"""Worlds of many seeds, in several processes: what they came to together, and whether all that should happen
did.

Owns the sum. Must not know what a world does. Invariant: a run of several seeds in which a kind of fault, an
act or a "sometimes" never happened has failed, though nothing was wrong.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import msgspec

from simulators.world.acts import ACTS
from simulators.world.faults import Fault
from simulators.world.run import Plan, Report, run_world
from simulators.world.sometimes import Sometimes

SEEDS_FOR_EVERYTHING: Final = 100
"""From so many seeds on everything is to have happened; operations as many as `run.OPERATIONS`."""


class Together(msgspec.Struct):
    """What worlds of several seeds came to."""

    seeds: int = 0
    operations: int = 0
    rows: int = 0
    events: int = 0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    failed: dict[int, list[str]] = msgspec.field(default_factory=dict)

    def add(self, report: Report) -> None:
        """Add one world."""
        self.seeds += 1
        self.operations += report.plan.operations
        self.rows += report.rows
        self.events += report.events
        self.counts.update(report.counts)
        if report.violations:
            self.failed[report.plan.seed] = report.violations

    def never(self) -> list[str]:
        """Return what never happened, of what has to."""
        return [name for name in everything() if not self.counts[name]]


def everything() -> list[str]:
    """Return the names of all faults, acts and "sometimes"."""
    return [*(kind.value for kind in Fault), *ACTS, *(name.value for name in Sometimes)]


def run_worlds(plans: Sequence[Plan], processes: int) -> Iterator[Report]:
    """Run worlds and yield their reports in the order of the plans."""
    if processes <= 1 or len(plans) <= 1:
        yield from map(run_world, plans)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(run_world, plans)

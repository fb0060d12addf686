"""Cuts a world that failed down to less of it that fails in the same way: operations, kinds of faults, tills.

Owns the search. Must not know what a fault or a check is. Invariant: what it returns was run and did fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from simulators.world.faults import Fault
from simulators.world.run import Plan, Report

Run = Callable[[Plan], Report]
TRIES_MAX = 150


def shrink(plan: Plan, report: Report, run: Run, on_smaller: Callable[[Plan], None] = lambda _: None) -> Plan:
    """Return a smaller plan that fails as `report` does, which is what `plan` came to."""
    wrong = _kinds_of(report)
    if plan.kinds is None:
        plan = replace(plan, kinds=tuple(sorted(report.kinds)))
    tries = 0
    smaller = True
    while smaller and tries < TRIES_MAX:
        smaller = False
        for candidate in _smaller(plan):
            tries += 1
            if wrong & _kinds_of(run(candidate)):
                plan, smaller = candidate, True
                on_smaller(plan)
                break
            if tries >= TRIES_MAX:
                break
    return plan


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Yield plans of less, the boldest first."""
    for part in (8, 4, 2):
        if plan.operations >= 2 * part:
            yield replace(plan, operations=plan.operations // part)
    kinds = plan.kinds or ()
    yield from (replace(plan, kinds=rest) for rest in _without(kinds))
    for tills in {1, plan.tills // 2, plan.tills - 1}:
        if 0 < tills < plan.tills:
            yield replace(plan, tills=tills)
    for less in (plan.operations // 4, 5, 1):
        if 0 < less < plan.operations:
            yield replace(plan, operations=plan.operations - less)


def _without(kinds: tuple[Fault, ...]) -> Iterator[tuple[Fault, ...]]:
    """Yield the kinds without all, without each half, without each."""
    if kinds:
        yield ()
    size = len(kinds) // 2
    while size:
        for at in range(0, len(kinds), size):
            yield (*kinds[:at], *kinds[at + size :])
        size //= 2


def _kinds_of(report: Report) -> set[str]:
    """Return what is wrong, without whose request it was."""
    return {" ".join(line.split(":")[:2]).partition(" terminal")[0] for line in report.violations}

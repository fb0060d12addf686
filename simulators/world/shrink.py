"""Cuts a world that failed down to less of it that fails in the same way: operations, kinds of faults, tills.

Owns the search. Must not know what a fault or a check is. Invariant: what it returns was run and did fail.
A world of fewer operations is the beginning of the longer one, so operations go first, by halves; all else
makes another world, of which some fail and some do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from simulators.world.faults import Fault
from simulators.world.run import Plan, Report

Run = Callable[[Plan], Report]
ROUNDS_MAX = 3


class Shrinking:
    """One search: the smallest plan so far, and how it is known to fail."""

    def __init__(self, plan: Plan, report: Report, run: Run, on_smaller: Callable[[Plan], None]) -> None:
        self.plan = replace(plan, kinds=tuple(sorted(report.kinds)))
        self._wrong = _kinds_of(report)
        self._run = run
        self._on_smaller = on_smaller

    def search(self) -> Plan:
        """Search until a whole round finds nothing smaller."""
        for _ in range(ROUNDS_MAX):
            before = self.plan
            self._fewer_operations()
            self._fewer_kinds()
            for tills in range(1, self.plan.tills):
                if self._take(replace(self.plan, tills=tills)):
                    break
            if self.plan == before:
                break
        return self.plan

    def _take(self, candidate: Plan) -> bool:
        """Run a smaller plan, and take it if it fails in the same way."""
        fails = bool(self._wrong & _kinds_of(self._run(candidate)))
        if fails:
            self.plan = candidate
            self._on_smaller(candidate)
        return fails

    def _fewer_operations(self) -> None:
        """Halve the distance between what fails and what does not."""
        fine = 0
        while self.plan.operations - fine > 1:
            middle = (fine + self.plan.operations) // 2
            if not self._take(replace(self.plan, operations=middle)):
                fine = middle

    def _fewer_kinds(self) -> None:
        """Leave out as many as can be at a time."""
        size = len(self.plan.kinds or ())
        while size:
            left_out = any(self._take(replace(self.plan, kinds=rest)) for rest in self._without(size))
            size = min(size, len(self.plan.kinds or ())) if left_out else size // 2

    def _without(self, size: int) -> Iterator[tuple[Fault, ...]]:
        kinds = self.plan.kinds or ()
        for at in range(0, len(kinds), size):
            yield (*kinds[:at], *kinds[at + size :])


def shrink(plan: Plan, report: Report, run: Run, on_smaller: Callable[[Plan], None] = lambda _: None) -> Plan:
    """Return a smaller plan that fails as `report` does, which is what `plan` came to."""
    return Shrinking(plan, report, run, on_smaller).search()


def _kinds_of(report: Report) -> set[str]:
    """Return what is wrong, without whose request it was."""
    return {" ".join(line.split(":")[:2]).partition(" terminal")[0] for line in report.violations}

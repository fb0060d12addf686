"""The engine of its own: replays a corpus and mutates it by a seed, in the suite and where atheris is not.

Owns which input comes next and what is counted. Knows no harness. Invariants: the same seed has the same
inputs; an input that hangs is stopped by the processor time it took, and told; memory that inputs leave
behind is counted in blocks, so a leak of one an input is found whatever the machine does.
"""

from __future__ import annotations

import gc
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from tests.fuzz.target import HANG_CPU_S, Outcome, Target

POOL_MAX: Final = 4_096
WATCHED: Final = 256
"""Inputs between two settings of the alarm: the clock is not asked for each."""
BLOCKS_MAX: Final = 20_000
"""Blocks of memory a run may leave behind, however long: caches, and what was kept for its outcome."""


class Hang(BaseException):
    """An input took too much of a processor; nothing catches it on its way."""


@dataclass
class Report:
    """What came of a run."""

    inputs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    escapes: list[tuple[bytes, str]] = field(default_factory=list)
    pool: list[bytes] = field(default_factory=list)
    """What was worth keeping: inputs with an outcome not seen before."""
    blocks: int = 0
    """Blocks of memory more than before, the pool's own left out."""

    def share(self, kinds: frozenset[str]) -> float:
        """The share of the inputs that had one of these outcomes."""
        return sum(self.kinds[kind] for kind in kinds) / self.inputs if self.inputs else 0.0


def drawn(target: Target, seed: int, pool: list[bytes]) -> Iterator[bytes]:
    """Yield a pool's inputs, and then mutations of them for ever; the pool may grow meanwhile."""
    yield from list(pool)
    rng = random.Random(seed)
    while True:
        yield target.mutate(rng, rng.choice(pool), pool)[: target.length_max]


def fuzz(target: Target, begin: list[bytes], *, seed: int, inputs: int, escapes_max: int = 3) -> Report:
    """Feed a harness so many inputs; stop at so many escapes."""
    report = Report(pool=list(begin))
    seen: set[Outcome] = set()
    for data in begin[:inputs]:  # what is made at first use is made
        step(target, data, Report(), set())
    before = _blocks()

    def on_alarm(_: int, __: FrameType | None) -> None:
        raise Hang

    old = signal.signal(signal.SIGVTALRM, on_alarm)
    try:
        for data in drawn(target, seed, report.pool):
            if report.inputs == inputs or len(report.escapes) == escapes_max:
                break
            if report.inputs % WATCHED == 0:
                signal.setitimer(signal.ITIMER_VIRTUAL, HANG_CPU_S)
            step(target, data, report, seen)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, old)
    kept = len(report.pool) - len(begin) + 8 * len(seen)
    report.blocks = max(0, _blocks() - before - kept)
    return report


def step(target: Target, data: bytes, report: Report, seen: set[Outcome]) -> None:
    """Feed one input and count what came of it."""
    report.inputs += 1
    try:
        outcome = target.run(data)
    except (Exception, Hang) as escape:
        report.escapes.append((data, f"{type(escape).__name__}: {str(escape)[:300]}"))
        signal.setitimer(signal.ITIMER_VIRTUAL, HANG_CPU_S)
        return
    report.kinds[outcome.kind] += 1
    if outcome not in seen and len(seen) < POOL_MAX:
        seen.add(outcome)
        report.pool.append(data)


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()

"""Rounds of two sides in turn, and the ratios between them.

Owns the turns, which generator drives a side, and which rounds are kept. Must not know how a lane measures.
Invariants: the two windows of a pair lie next to each other in time; both sides are driven by one generator,
ours, unless a side's wire differs; a round in which others took much of the machine is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import trio

from bench.errors import CannotRun
from bench.local_switch import say
from bench.machine import Watch
from bench.pages import PageError
from bench.paired.ratios import FIRST, FIRST_GOAL, Ratio
from bench.paired.sides import Side
from bench.throughput.driver import GENERATOR, DriverFailed, Timing
from bench.throughput.lanes import ClosedLane, Sample, committed, patiently
from bench.throughput.rounds import Rounds, describe
from simulators.city.example import CARDS, PARTNERS

SHAPES: Final = ((300, 1), (20, 16))
TIMING: Final = Timing(0.3, 1.0)
"""Many short windows: the machine changes its speed within seconds, and a median needs pairs."""
PROBE: Final = Timing(0.0, 0.2)
WAL_MIB: Final = 1_000
ROUNDS: Final = 30
QUICK_ROUNDS: Final = 12
NEW, BASE = "new", "base"


class PairPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How the two are compared; `rounds` is the most, fewer do when all ratios are known to 5 %."""

    base: str | None = None
    """None: what `default_base` says."""
    rounds: int = ROUNDS
    timing: Timing = TIMING
    shapes: Sequence[tuple[int, int]] = SHAPES
    cards: int = CARDS
    partners: int = PARTNERS
    directory: Path = Path("var/bench")
    wal_mib: int = WAL_MIB
    is_written: bool = True
    is_judged_when_busy: bool = False


class Turn(NamedTuple):
    """One window: the name of its samples, on which side, of which lane."""

    name: str
    side: Side
    lane: ClosedLane

    async def sample(self, timing: Timing) -> Sample:
        """Measure. Raises `DriverFailed`."""
        return await patiently(lambda window: self.lane(self.side, window, {}), timing)


class Pairs:
    """The rounds of two sides: in each, every shape on one side and at once on the other."""

    def __init__(self, sides: Mapping[str, Side], plan: PairPlan) -> None:
        self.rounds = Rounds()
        self._sides = sides
        self._plan = plan
        self._generators = dict.fromkeys(sides, GENERATOR)
        self._busy: list[str] = []

    async def choose_generators(self) -> None:
        """Try our generator on each side, all replies verified; where the wire differs, take the side's."""
        for name, side in self._sides.items():
            try:
                await trio.to_thread.run_sync(committed, side.switch)
            except PageError:
                side.forget_pages()
            probe = Turn(name, side, side.lane(4, 2, GENERATOR, verified_every=1))
            try:
                await probe.sample(PROBE)
            except DriverFailed as error:
                if name == NEW:
                    raise
                say(f"{side.checkout.name} is driven by its own generator: ours cannot ({error})")
                self._generators[name] = side.own_generator

    async def run(self, stop: trio.Event) -> None:
        """Take rounds until every ratio is known, or there are enough. `CannotRun`: many were busy."""
        plan = self._plan
        turns = [
            Turn(self._lane_name(name, shape), side, side.lane(*shape, self._generators[name]))
            for shape in plan.shapes
            for name, side in self._sides.items()
        ]
        watch = Watch()
        number = 0
        while number < plan.rounds and not all(ratio.is_known for ratio in self.ratios()):
            watch.taken()
            round_: dict[str, Sample] = {}
            for turn in in_turn(turns, number):
                if stop.is_set():
                    return
                round_[turn.name] = sample = await turn.sample(plan.timing)
                say(f"round {number + 1}: {turn.name}: {describe(sample)}")
            taken = watch.taken()
            if taken.is_busy and not plan.is_judged_when_busy:
                self._busy.append(taken.describe())
                say(f"round {number + 1} is not kept: {taken.describe()}")
                if len(self._busy) > plan.rounds // 2:
                    raise CannotRun(f"this machine is busy, nothing is judged: {taken.describe()}")
                continue
            number += 1
            for name, sample in round_.items():
                self.rounds.samples.setdefault(name, []).append(sample)

    def _lane_name(self, name: str, shape: tuple[int, int]) -> str:
        return f"{self._sides[name].checkout.name} ({name}), {shape[0]} × {shape[1]}"

    def ratios(self) -> list[Ratio]:
        """Return new ÷ base of rate and CPU for each shape; without pairs, ratios of nothing."""
        found = []
        goal = FIRST_GOAL if self._sides[BASE].checkout.name.startswith(FIRST) else None
        for shape in self._plan.shapes:
            what = f"{shape[0]} × {shape[1]}"
            rates = self._values(shape, lambda sample: sample.rate_per_s)
            found.append(Ratio(f"rate, {what}", rates, goal=goal))
            for process in ("server", "Postgres"):
                value = partial(_cpu_us, process)
                name = f"CPU of {'the worker' if process == 'server' else process} a transaction, {what}"
                found.append(Ratio(name, self._values(shape, value), is_ceiling=True))
        return found

    def _values(self, shape: tuple[int, int], value: Callable[[Sample], float]) -> tuple[float, ...]:
        new, old = (self.rounds.samples.get(self._lane_name(name, shape), []) for name in (NEW, BASE))
        return tuple(value(above) / value(below) for above, below in zip(new, old, strict=True))

    def facts(self) -> list[str]:
        """Return what a reader must know of this run."""
        plan = self._plan
        facts = [
            f"settings: {plan.cards:,} cards, one worker each, windows of {plan.timing.seconds:g} s after"
            f" {plan.timing.warm_up_s:g} s of warm-up, in turn (A B, B A, …), each on a Postgres of its own"
        ]
        if self._generators[BASE] is not GENERATOR:
            facts.append(
                "the base is driven by its own generator, for its wire differs: rates hold for the pair"
            )
        if self._busy:
            facts.append(f"{len(self._busy)} rounds were not kept, for the machine was busy")
        return facts


def in_turn(turns: Sequence[Turn], number: int) -> list[Turn]:
    """Return the turns of a round: A B, and in every other round B A, so that a drift falls on both."""
    pairs = [turns[at : at + 2] for at in range(0, len(turns), 2)]
    return [turn for pair in pairs for turn in (pair if number % 2 == 0 else pair[::-1])]


def _cpu_us(process: str, sample: Sample) -> float:
    return sample.cpu_us[process]

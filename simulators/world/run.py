"""One world from a seed: three cities, their tills, workers and office, under faults, until all is settled.

Owns the putting together and the phases: trade until so many operations were done, the faults' end, settling,
going home, the drain. What is wrong is found by `checks`. Must not know how anything is done. Invariant: a
seed (with the number of operations and the kinds of faults) is one world, in every process.
"""

from __future__ import annotations

import logging
import random
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog
import trio

from simulators.audit.log import AuditLog, Witnessed, read_logs
from simulators.world.acts import Acts
from simulators.world.books import WorldLedger
from simulators.world.checks import Findings, check_all
from simulators.world.cities import TERMINALS, City, cities
from simulators.world.clerk import Sale
from simulators.world.desk import Desk
from simulators.world.evidence import Evidence
from simulators.world.facts import Fact
from simulators.world.faults import Fault, Faults
from simulators.world.known import Learned, blind_s
from simulators.world.machines import BEHIND_MS_MAX, DSN, Machine, master_key
from simulators.world.network import Network
from simulators.world.scheduling import ZONE, WallClock, run_virtually, take_garbage
from simulators.world.sometimes import count_sometimes
from simulators.world.till import Till, Watch
from simulators.world.trace import Trace
from switch.config import Config

OPERATIONS: Final = 2_000
OPERATIONS_A_COLLECTION: Final = 5_000
"""After so many what is unreachable is freed."""
BUCKETS: Final = (1, 2, 4)
SETTLE_S_MAX: Final = 900.0
"""So long after the last fault nothing may be unsettled any more: a terminal tries again for minutes."""
TRADE_S_MAX: Final = 36_000.0
DRAIN_S_MAX: Final = 120.0
_FIRST_DAY: Final = datetime(2025, 1, 1, 12, tzinfo=ZONE)


class Plan(msgspec.Struct, frozen=True):
    """Which world. `kinds`: the faults that may strike; None: as the seed has it. `tills`: of each city."""

    seed: int
    operations: int = OPERATIONS
    kinds: tuple[Fault, ...] | None = None
    tills: int = TERMINALS


class Report(msgspec.Struct, frozen=True):
    """What one world came to. `kinds`: of its faults; `digest`: of all events; `seconds`: of its own time.

    `last_events`: what happened last, or everything (`keeps_trace`).
    """

    plan: Plan
    kinds: tuple[Fault, ...]
    digest: str
    events: int
    seconds: float
    rows: int
    counts: dict[str, int]
    violations: list[str]
    last_events: list[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not self.violations


def run_world(plan: Plan, *, keeps_trace: bool = False) -> Report:
    """Run one world to its end."""
    with tempfile.TemporaryDirectory(prefix="world-") as folder:
        return live(World(plan, Path(folder), keeps_trace=keeps_trace))


def live(world: World) -> Report:
    """Let a world live to its end, on its own time."""
    with _silence():
        return run_virtually(world.name, world.wall, world.run)


@contextmanager
def _silence() -> Iterator[None]:
    """Let the workers' log go nowhere: what they say is of virtual times and planned faults."""
    before = structlog.get_config()
    logging.disable(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.disable(logging.NOTSET)


class World:
    """Everything there is in one world, put together. What is done in it until it settles is `trade`'s."""

    def __init__(self, plan: Plan, folder: Path, *, keeps_trace: bool) -> None:
        self.name = f"world {plan.seed}"
        self._plan = plan
        self._folder = folder
        self._rng = random.Random(self.name)
        starts = _FIRST_DAY + timedelta(days=self._rng.randrange(700), minutes=self._rng.randrange(1_440))
        self.wall = WallClock(int(starts.timestamp() * 1_000))
        self._today = starts.date()
        self._trace = Trace(keep_all=keeps_trace)
        self.faults = Faults(self.name, plan.kinds)
        self.ledger = WorldLedger(self._rng.choice(BUCKETS), now_ms=self.wall.true_ms)
        self.ledger.begin(self._trace, partial(self.faults.strikes, Fault.FEED_DEAF))
        self.evidence = Evidence(self.ledger)
        self.facts: list[tuple[int, Fact]] = []
        self._learned: list[Learned] = []
        self.cities = cities(self.name, self._today)
        self._accidents: list[str] = []
        self._watches: dict[int, Watch] = {}
        self._begun = 0
        self._is_over = False

    async def run(self) -> Report:
        """Run to the end and report."""
        with ExitStack() as stack:
            try:
                async with trio.open_nursery() as nursery:
                    await self._live(nursery, stack)
                    nursery.cancel_scope.cancel()
            except* Exception as group:
                self._accidents += [f"a task crashed: {each}" for each in _leaves(group)]
        findings = check_all(self._findings())
        findings.counts.update(count_sometimes(findings))
        return Report(
            self._plan,
            tuple(sorted(self.faults.kinds)),
            self._trace.digest,
            self._trace.count,
            trio.current_time(),
            self.ledger.number,
            dict(findings.counts),
            findings.violations,
            list(self._trace.events),
        )

    async def _live(self, nursery: trio.Nursery, stack: ExitStack) -> None:
        self.network = network = Network(
            random.Random(f"{self.name}:network"), self.faults, self.evidence, self._trace, nursery
        )
        self._open_cities()
        machines = self._machines(network, nursery)
        self.tills = self._open_tills(network, stack)
        acts = Acts(
            self.name,
            self._plan.operations,
            faults=self.faults,
            wall=self.wall,
            desk=self.desk,
            cities=self.cities,
            machines=machines,
        )
        await self.trade(acts)
        self.faults.end()
        acts.reopen()
        for machine in machines:
            machine.drift.behind_ms = 0
        await self._settle()
        await self._drain(machines)

    # Who is there

    def _open_cities(self) -> None:
        master = master_key(self.name, "desk")
        registry = self.ledger.registry
        registry.master_key_check = master.check_value
        self.desk = Desk(registry, master, self.wall, self._learn)
        for city in self.cities:
            self.desk.open_city(city)
        self._opened = registry.number
        self.ledger.on_change = self.desk.hear_reports

    def _learn(self, number: int, fact: Fact) -> None:
        self.facts.append((number, fact))
        self._learned.append(Learned(trio.current_time(), number))
        self._trace.note(f"registry {number}: {type(fact).__name__}")

    def _machines(self, network: Network, nursery: trio.Nursery) -> list[Machine]:
        rng = self._rng
        config = Config(
            dsn=DSN,
            tls="off",
            committers=rng.choice((1, 2, 3)),
            batch_max=rng.choice((2, 8, 500)),
            give_up_ms=rng.choice((500, 3_000)),
            feed_stale_after_s=rng.choice((2.0, 5.0)),
        )
        self._registry_age_s_max = blind_s(config)
        behind_ms = [0, 0, 0]
        if Fault.CLOCK_BEHIND in self.faults.kinds and rng.random() < 0.4:
            behind_ms[1] = rng.choice((2_000, 60_000, BEHIND_MS_MAX))
            self.faults.happened(Fault.CLOCK_BEHIND)
        return [
            Machine(
                number,
                config,
                seed=self.name,
                ledger=self.ledger,
                network=network,
                nursery=nursery,
                behind_ms=behind_ms[number],
            )
            for number in range(rng.choice((1, 2, 2, 3)))
        ]

    def _open_tills(self, network: Network, stack: ExitStack) -> list[Till]:
        tills = []
        for city in self.cities:
            log = stack.enter_context(AuditLog.open(self._log_of(city), city.population))
            watch = self._watches[city.programme] = Watch(log)
            sales: list[Sale] = []
            for terminal in city.terminals[: self._plan.tills]:
                till = Till(
                    terminal,
                    city,
                    sales,
                    seed=self.name,
                    folder=self._folder,
                    network=network,
                    wall=self.wall,
                    witness=watch,
                )
                stack.callback(till.close)
                tills.append(till)
        return tills

    def _log_of(self, city: City) -> Path:
        return self._folder / f"{city.place.code}.log"

    # Phases

    async def trade(self, acts: Acts) -> None:
        """Have every till serve customers until so many operations were begun."""

        def may_go_on() -> bool:
            self._begun += 1
            acts.done(self._begun)
            if self._begun % OPERATIONS_A_COLLECTION == 0:
                take_garbage()
            return self._begun <= self._plan.operations

        with trio.move_on_after(TRADE_S_MAX) as phase:
            async with trio.open_nursery() as nursery:
                for till in self.tills:
                    nursery.start_soon(till.work, may_go_on)
        if phase.cancelled_caught:
            self._accidents.append(f"the tills came to no end within {TRADE_S_MAX:g} s")

    async def _settle(self) -> None:
        with trio.move_on_after(SETTLE_S_MAX) as phase:
            async with trio.open_nursery() as nursery:
                for till in self.tills:
                    nursery.start_soon(till.settle)
        if phase.cancelled_caught:
            left = [till.number for till in self.tills if till.terminal.has_unsettled]
            self._accidents.append(f"unsettled {SETTLE_S_MAX:g} s after the last fault: {left or 'totals'}")

    async def _drain(self, machines: list[Machine]) -> None:
        with trio.move_on_after(DRAIN_S_MAX) as phase:
            for machine in machines:
                await machine.end()
        if phase.cancelled_caught:
            self._accidents.append(f"a worker did not drain within {DRAIN_S_MAX:g} s")

    # The end

    def _findings(self) -> Findings:
        return Findings(
            ledger=self.ledger,
            evidence=self.evidence,
            facts=self.facts,
            cities=self.cities,
            witnessed={city.programme: self._witnessed(city) for city in self.cities},
            tills=self.tills,
            opened=self._opened,
            learned=self._learned,
            registry_age_s_max=self._registry_age_s_max,
            blocks=self.desk.blocks,
            terminal_blocks=self.desk.terminal_blocks,
            counts=Counter(self.faults.counts),
            violations=[*self._accidents, *self.evidence.early],
        )

    def _witnessed(self, city: City) -> Witnessed:
        witnessed = read_logs([self._log_of(city)])
        for identity in self._watches[city.programme].never_stored:
            del witnessed.sent[identity]
        return witnessed


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterable[str]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield f"{type(error).__name__}: {error}"

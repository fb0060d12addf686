"""Many terminals in one process: they connect, trade at a rate or flat out, break, come back and settle.

Owns the phases (connect, trade, settle), the pace, and the deliberate cut-offs. One seeded `random.Random`
per terminal decides everything that is left to chance.

Must not know: the ledger; what becomes of the audit log.

Invariants: a terminal has one request at a time; whatever was cut off is repeated or reversed, and what is
not settled by the deadline is reported by terminal, never dropped.
"""

import os
import random
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import trio

from protocol import ResultCode
from simulators.audit.log import AuditLog
from simulators.city.population import Population
from simulators.errors import Abandoned, TerminalError
from simulators.fleet.cashier import Cashier
from simulators.fleet.faults import CUT_OFFS, CutOff, FaultyLine, PowerCut
from simulators.fleet.histogram import Histogram
from simulators.fleet.report import FleetPlan, FleetReport, Progress, Tally
from simulators.till.channel import Address, Connector, connector
from simulators.till.exchange import Patience
from simulators.till.identity import TerminalIdentity
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal

CONNECTING_MAX: Final = 64
"""Handshakes at a time: a city's terminals do not all wake up in the same millisecond."""
PATIENCE: Final = Patience(pause_min_s=0.05, pause_max_s=2.0)
_OPEN_FILES_SPARE: Final = 200
_AFTER_ERROR_S: Final = 0.5
_CUT_OVER_STANS: Final = 50_000

OnProgress = Callable[[Progress], None]


def population_of(plan: FleetPlan) -> Population:
    """Return the city a plan speaks of. Raises ValueError for bad sizes or terminals beyond the last."""
    population = Population(plan.seed, plan.cards, plan.partners, plan.population_terminals, plan.programme)
    if not 0 <= plan.terminal_first < plan.terminal_first + plan.terminals <= population.terminals:
        raise ValueError(
            f"terminals {plan.terminal_first} to {plan.terminal_first + plan.terminals - 1} are asked for, "
            f"the city has 0 to {population.terminals - 1}"
        )
    return population


def audit_log_path(plan: FleetPlan) -> Path:
    """Return where a fleet of this plan writes its audit log: `audit-*.log` in the state directory."""
    return Path(plan.state_dir) / f"audit-{plan.terminal_first:05d}-{plan.terminals:05d}.log"


async def run_fleet(
    plan: FleetPlan,
    *,
    on_progress: OnProgress = lambda progress: None,
    stop: trio.Event | None = None,
    connect: Connector | None = None,
) -> FleetReport:
    """Run a fleet to its end and report. Setting `stop` ends the trading early, not the settling.

    Raises ValueError for a bad plan, StoreError, AuditLogError and OSError for the state directory.
    """
    population = population_of(plan)
    allow_open_files(2 * plan.terminals + _OPEN_FILES_SPARE)
    os.makedirs(plan.state_dir, mode=0o700, exist_ok=True)
    if connect is None:
        ca_file, certificate = (Path(name) if name else None for name in (plan.ca_file, plan.certificate))
        connect = connector(Address.parse(plan.address, ca_file=ca_file, certificate=certificate))
    with ExitStack() as stack:
        log = stack.enter_context(AuditLog.open(audit_log_path(plan), population)) if plan.audited else None
        fleet = _Fleet(plan, population, log, trio.Event() if stop is None else stop)
        for index in range(plan.terminal_first, plan.terminal_first + plan.terminals):
            worker = _Worker(fleet, index, connect)
            stack.callback(worker.close)
            fleet.workers.append(worker)
        return await fleet.run(on_progress)


def allow_open_files(needed: int) -> None:
    """Raise this process's limit of open files to `needed`. Raises OSError if the system refuses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise OSError(f"{needed} open files are needed and {hard} allowed: raise `ulimit -Hn`")
    if needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class _Fleet:
    """The phases, shared by all workers of one process."""

    def __init__(
        self, plan: FleetPlan, population: Population, log: AuditLog | None, stop: trio.Event
    ) -> None:
        self.plan = plan
        self.population = population
        self.log = log
        self.stop = stop
        self.tally = Tally()
        self.workers: list[_Worker] = []
        self.connecting = trio.CapacityLimiter(CONNECTING_MAX)
        self.closing_at = float("inf")
        self._phase = "connecting"

    @property
    def is_closing(self) -> bool:
        """Whether no new transaction may begin."""
        return self.stop.is_set() or trio.current_time() >= self.closing_at

    async def run(self, on_progress: OnProgress) -> FleetReport:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_progress, on_progress)
            with trio.move_on_after(self.plan.connect_s):
                await self._each("connect")
            self._phase = "trading"
            cpu_from_s, from_s = time.process_time(), trio.current_time()
            self.closing_at = from_s + self.plan.duration_s
            await self._each("trade")
            duration_s, cpu_s = trio.current_time() - from_s, time.process_time() - cpu_from_s
            self._phase = "settling"
            with trio.move_on_after(self.plan.settle_s):
                await self._each("settle")
            nursery.cancel_scope.cancel()
        for worker in self.workers:
            self.tally.absorb(worker.terminal.counters)
            if worker.terminal.has_unsettled:
                self.tally.remains(worker.memory)
        return self.tally.report(
            self.plan, duration_s=duration_s, cpu_s=cpu_s, stopped_early=self.stop.is_set()
        )

    async def _each(self, step: str) -> None:
        async with trio.open_nursery() as nursery:
            for worker in self.workers:
                nursery.start_soon(getattr(worker, step))

    async def _tell_progress(self, on_progress: OnProgress) -> None:
        from_s, before, latency_before = trio.current_time(), 0, Histogram()
        while True:
            await trio.sleep(1)
            tally = self.tally
            approved = tally.approved()
            on_progress(
                Progress(
                    self._phase,
                    trio.current_time() - from_s,
                    tally.transactions,
                    tally.transactions - before,
                    sum(worker.terminal.is_connected for worker in self.workers),
                    sum(tally.errors.values()),
                    approved,
                    tally.transactions - approved,
                    tally.wire.repeats + sum(worker.terminal.counters.repeats for worker in self.workers),
                    tally.latency.since(latency_before).percentile_us(99),
                )
            )
            before, latency_before = tally.transactions, Histogram(tally.latency.buckets)


class _Worker:
    """One terminal of a fleet, its memory, its line and its cashier."""

    def __init__(self, fleet: _Fleet, index: int, connect: Connector) -> None:
        self._fleet = fleet
        self._identity = TerminalIdentity(
            fleet.population.terminal_id(index), fleet.population.terminal_key(index)
        )
        self._path = Path(fleet.plan.state_dir) / f"terminal-{self._identity.terminal}.memory"
        self._rng = random.Random(f"{fleet.plan.seed}:{self._identity.terminal}")
        self._line = FaultyLine(connect)
        self._served = 0
        self.memory = self._open_memory()
        self.terminal = self._new_terminal(reverse_on_restart=False)
        self._cashier = Cashier(self.terminal, fleet.population, fleet.plan.mix, self._rng)

    def close(self) -> None:
        """Hang up and release the memory file."""
        self.terminal.drop_link()
        self.memory.close()

    def _open_memory(self) -> TerminalMemory:
        return TerminalMemory.open(self._path, self._identity.terminal, durable=self._fleet.plan.durable)

    def _new_terminal(self, *, reverse_on_restart: bool) -> PosTerminal:
        return PosTerminal(
            self._identity,
            self.memory,
            self._line.connect,
            rng=self._rng,
            patience=PATIENCE,
            witness=self._fleet.log,
            reverse_on_restart=reverse_on_restart,
        )

    async def connect(self) -> None:
        """Sign on, trying until it works or the phase ends."""
        fleet = self._fleet
        while not fleet.is_closing:
            try:
                async with fleet.connecting:
                    await self.terminal.connect()
            except TerminalError as error:
                fleet.tally.failed(error)
                await trio.sleep(self._rng.uniform(0, _AFTER_ERROR_S))
            else:
                fleet.tally.connected += 1
                return

    async def trade(self) -> None:
        """Serve customers until closing time."""
        fleet, rate = self._fleet, self._fleet.plan.rate_per_s
        mean_s = fleet.plan.terminals / rate if rate else 0.0
        due = trio.current_time()
        while not (fleet.is_closing or self._has_done_enough()):
            if mean_s:
                due += self._rng.expovariate(1 / mean_s)
                if not await self._wait_for_customer(min(due, fleet.closing_at)):
                    continue
            else:
                due = trio.current_time()
            await self._serve(due)

    def _has_done_enough(self) -> bool:
        most = self._fleet.plan.transactions_max
        return 0 < most <= self._served

    async def _wait_for_customer(self, due: float) -> bool:
        """Sleep until `due`, keeping the line alive; False when it is closing time."""
        while (left := due - trio.current_time()) > 0:
            with trio.move_on_after(min(left, PATIENCE.echo_after_s)):
                await self._fleet.stop.wait()
                return False
            if left > PATIENCE.echo_after_s:
                try:
                    await self.terminal.echo()
                except TerminalError as error:
                    self._fleet.tally.failed(error)
        return not self._fleet.is_closing

    async def _serve(self, due: float) -> None:
        tally, rng = self._fleet.tally, self._rng
        self._served += 1
        cut: CutOff | None = None
        tries_max = 0
        if rng.random() < self._fleet.plan.cut_off_share:
            cut = self._line.armed = rng.choice(CUT_OFFS)
            # Half of those cut off come back and ask again, half give up and reverse.
            tries_max = rng.randrange(2)
            tally.cut_offs[cut] = tally.cut_offs.get(cut, 0) + 1
        try:
            answer = await self._cashier.key_in(tries_max=tries_max)
        except PowerCut:
            self._restart(reverse=bool(tries_max))
            await self._settle_once()
        except TerminalError as error:
            if cut is None or not isinstance(error, Abandoned):
                tally.failed(error)
            await self._settle_once()
        else:
            tally.answered(answer)
            if cut is None:
                tally.latency.add(trio.current_time() - due)
        if self.memory.stan - self.memory.stan_from > _CUT_OVER_STANS:
            await self._cut_over()
        if cut is not None:
            self._line.armed = None
            tally.recovery.add(trio.current_time() - due)

    def _restart(self, *, reverse: bool) -> None:
        """The program is gone; begin again with what the memory file holds."""
        self._line.armed = None
        self._fleet.tally.absorb(self.terminal.counters)
        self.close()
        self.memory = self._open_memory()
        self.terminal = self._cashier.terminal = self._new_terminal(reverse_on_restart=reverse)

    async def _settle_once(self) -> bool:
        self._line.armed = None
        try:
            await self.terminal.settle()
        except TerminalError as error:
            self._fleet.tally.failed(error)
            await trio.sleep(self._rng.uniform(0, _AFTER_ERROR_S))
            return False
        return True

    async def settle(self) -> None:
        """Settle until nothing waits, compare the totals, and go home."""
        while self.terminal.has_unsettled:
            await self._settle_once()
        if not self.terminal.is_connected:
            return
        if self._fleet.plan.totals_at_end:
            await self._cut_over()
        try:
            await self.terminal.sign_off()
        except TerminalError as error:
            self._fleet.tally.failed(error)

    async def _cut_over(self) -> None:
        try:
            reply = await self.terminal.totals()
        except TerminalError as error:
            self._fleet.tally.failed(error)
        else:
            self._fleet.tally.totals_agreed += reply.code == ResultCode.APPROVED
            self._fleet.tally.totals_differed += reply.code != ResultCode.APPROVED

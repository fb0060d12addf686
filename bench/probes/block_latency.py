"""How long after its commit a card's block is in force in every worker.

    .venv/bin/python -m bench.probes.block_latency

A switch of our own with two workers and 50,000 cards stands under a steady load of a fleet. On one connection
to each worker a watcher asks for the balance of a card again and again. The card is then blocked as an
operator does it, in one transaction on the registry; the clock starts when the commit has returned and stops,
for each worker, when the first refusal has arrived. The block is in force when the last worker refuses.

Owns the method. Must not know how a block reaches a worker. Invariants: a round counts only if every watcher
saw an approval before; the figure is an upper bound: it holds the pause between two questions (1 ms), one
round trip and the waiting of our own threads. A status of 1 means that the target was missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from bench.circumstances import circumstances
from bench.city import city, identity
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.figures import percentile, table
from bench.load.terminal import BlockingTerminal, LineError
from bench.local_switch import STATE, LocalSwitch, local_switch, say
from bench.pages import PageError, metric
from bench.throughput.edge_lanes import FLOODERS, nuisance
from bench.throughput.nuisance_order import NuisanceOrder
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Actor
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import set_card_status
from protocol import ResultCode
from simulators.city.example import CARDS, PARTNERS, SEED
from simulators.city.population import Peculiarity, Population
from simulators.fleet.process import run_fleet_processes
from simulators.fleet.report import FleetPlan, FleetReport

BENCH: Final = Actor("bench")
TARGET_MS: Final = 100.0
WATCHERS_MAX: Final = 40
"""Terminals 0 to 39 of the city may watch; the fleet takes those after them."""
POLL_PAUSE_S: Final = 0.001
SETTLE_S: Final = (0.02, 0.15)
"""Pause before each block, drawn between these, so that blocks fall into every phase of the switch's work."""
REFUSED_S_MAX: Final = 10.0
LOAD_LEAD_S: Final = 3.0
"""The fleet has connected and trades by then."""
LOAD_S_MAX: Final = 3_600.0


class WatchFailed(Exception):
    """A watcher saw something else than approvals and then refusals."""


@dataclass(frozen=True)
class Watcher:
    """One connection to one worker."""

    worker: int
    line: BlockingTerminal

    def watch(self, card: str, on_approval: Callable[[], None]) -> float:
        """Ask until the card is refused; return when that refusal arrived (`time.perf_counter`).

        Runs in a thread of its own. `on_approval` is called at the first approval. Raises `WatchFailed`, also
        when there was none, and `LineError`.
        """
        approvals = 0
        until = time.perf_counter() + REFUSED_S_MAX
        while time.perf_counter() < until:
            answer = self.line.balance(card)
            arrived = time.perf_counter()
            if answer.code == ResultCode.CARD_BLOCKED and approvals:
                return arrived
            if answer.code != ResultCode.APPROVED:
                raise WatchFailed(f"worker {self.worker} answered code {answer.code}")
            approvals += 1
            if approvals == 1:
                on_approval()
            time.sleep(POLL_PAUSE_S)
        raise WatchFailed(f"worker {self.worker} still approves {REFUSED_S_MAX:g} s after it began")


@dataclass
class Measured:
    """Times in ms, one per block: from the commit to each worker's refusal and to the last one's."""

    by_worker: dict[int, list[float]]
    last: list[float] = field(default_factory=list)
    commit: list[float] = field(default_factory=list)
    """From sending the block to the return of its commit: the database's share, not counted above."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.block_latency", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--blocks", type=int, default=300, help="how many cards to block (300)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--rate", type=float, default=300.0, help="transactions a second of the load (300)")
    parser.add_argument("--load-terminals", type=int, default=200, help="terminals they come from (200)")
    parser.add_argument(
        "--beside", choices=["echo", "totals"], help=f"{FLOODERS} terminals that stream it meanwhile"
    )
    parser.add_argument("--cards", type=int, default=CARDS, help=f"cards of the city ({CARDS})")
    parser.add_argument("--draw", type=int, default=1, help="seed that picks the cards and the pauses (1)")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"state directory ({STATE})")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run the whole measurement and print it; return the exit status."""
    facts = circumstances()
    population = city(SEED, options.cards, PARTNERS)
    _check(options)
    async with local_switch(options.state_dir, population, workers=options.workers) as switch:
        watchers = await trio.to_thread.run_sync(watcher_of_each_worker, switch, population)
        try:
            async with (
                _flood(options, switch, population),
                open_database(switch.books.postgres.owner_dsn, connections_max=1) as owner,
            ):
                rounds = BlockRounds(options, switch, population, watchers, owner)
                report = await rounds.run_under_load(stop)
        finally:
            for watcher in watchers:
                watcher.line.close()
    measured = rounds.measured
    if not measured.last:
        return Exit.INTERRUPTED
    print("\n".join([*facts, *_settings(options, report), "", *_rows(measured), ""]))
    p99 = percentile(measured.last, 99)
    is_met = p99 < TARGET_MS
    print(f"target: p99 < {TARGET_MS:g} ms: {'met' if is_met else 'MISSED'} with {p99:.1f} ms")
    return Exit.OK if is_met else Exit.MISSED


@asynccontextmanager
async def _flood(
    options: argparse.Namespace, switch: LocalSwitch, population: Population
) -> AsyncIterator[None]:
    """Have the last terminals of the city flood the switch, if that was asked for."""
    if options.beside is None:
        yield
        return
    order = NuisanceOrder(
        kind=options.beside,
        host=switch.host,
        port=switch.port,
        seed=population.seed,
        cards=population.cards,
        partners=population.partners,
        connections=FLOODERS,
        terminal_first=PARTNERS - FLOODERS,
        stan_first=int(time.time()),
    )
    async with nuisance(order) as beside:
        await beside.begin()
        yield
    say(f"beside it: {beside.facts(options.beside)}")


def _check(options: argparse.Namespace) -> None:
    terminals_max = PARTNERS - WATCHERS_MAX - (FLOODERS if options.beside else 0)
    if not 1 <= options.load_terminals <= terminals_max:
        raise CannotRun(f"--load-terminals {options.load_terminals}: from 1 to {terminals_max}")
    if not 1 <= options.blocks <= options.cards // 2 or options.workers < 1 or options.rate <= 0:
        raise CannotRun("--blocks: from 1 to half the cards; --workers 1 or more; --rate above 0")


def watcher_of_each_worker(switch: LocalSwitch, population: Population) -> list[Watcher]:
    """Open connections until every worker has one; close what is too much. Raises `CannotRun`.

    The kernel spreads connections over the workers; where one has landed shows in the workers' own count.
    """
    found: dict[int, Watcher] = {}
    try:
        for index in range(WATCHERS_MAX):
            before = [metric(url, "cityswitch_connections") for url in switch.http]
            line = BlockingTerminal.connect(switch.host, switch.port, identity(population, index))
            line.sign_on()
            after = [metric(url, "cityswitch_connections") for url in switch.http]
            worker = next(number for number in range(len(after)) if after[number] > before[number])
            if worker in found:
                line.close()
                time.sleep(POLL_PAUSE_S)  # the worker's count falls when it has seen the end
                continue
            found[worker] = Watcher(worker, line)
            if len(found) == len(switch.http):
                return [found[number] for number in sorted(found)]
    except (LineError, PageError) as error:
        raise CannotRun(str(error)) from None
    raise CannotRun(f"no connection to each of {len(switch.http)} workers in {WATCHERS_MAX} tries")


class BlockRounds:
    """The blocks of one measurement, one after the other."""

    def __init__(
        self,
        options: argparse.Namespace,
        switch: LocalSwitch,
        population: Population,
        watchers: list[Watcher],
        owner: Database,
    ) -> None:
        self._options = options
        self._switch = switch
        self._population = population
        self._watchers = watchers
        self._owner = owner
        self.measured = Measured({watcher.worker: [] for watcher in watchers})

    async def run_under_load(self, stop: trio.Event) -> FleetReport:
        """Block cards while a fleet trades, until all are done or `stop`; return what the fleet did."""
        reports: list[FleetReport] = []
        load_stop = trio.Event()

        async def load() -> None:
            reports.append(await run_fleet_processes(self._plan(), stop=load_stop))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(load)
            try:
                await trio.sleep(LOAD_LEAD_S)
                await self._run(stop)
            finally:
                load_stop.set()
        return reports[0]

    def _plan(self) -> FleetPlan:
        return FleetPlan(
            seed=self._population.seed,
            address=f"{self._switch.host}:{self._switch.port}",
            state_dir=str(self._options.state_dir / "block-latency-fleet"),
            cards=self._population.cards,
            partners=self._population.partners,
            terminal_first=WATCHERS_MAX,
            terminals=self._options.load_terminals,
            rate_per_s=self._options.rate,
            duration_s=LOAD_S_MAX,
            cut_off_share=0.0,
            audited=False,
            totals_at_end=False,
        )

    async def _run(self, stop: trio.Event) -> None:
        rng = random.Random(self._options.draw)
        city = self._population
        sound = [card for card in range(city.cards) if city.peculiarity(card) is Peculiarity.NONE]
        blocked: list[int] = []
        say(f"blocking {self._options.blocks} cards under a load of {self._options.rate:g}/s")
        try:
            for card in rng.sample(sound, self._options.blocks):
                if stop.is_set():
                    return
                await trio.sleep(rng.uniform(*SETTLE_S))
                digits = city.card_digits(card)
                token = self._switch.books.master_key.pepper(1).token(digits)
                blocked.append(token)
                await self._round(digits, token)
        except* (LineError, WatchFailed) as failures:
            raise CannotRun("; ".join(map(str, failures.exceptions))) from None
        finally:
            with trio.CancelScope(shield=True):
                await self._owner.run(lambda connection: _take_back(connection, blocked), timeout_s=60)

    async def _round(self, digits: str, token: int) -> None:
        """Block one card while every watcher asks for it, and note the times."""
        refused: dict[int, float] = {}

        async def watch(watcher: Watcher, approved: trio.Event) -> None:
            refused[watcher.worker] = await trio.to_thread.run_sync(
                watcher.watch, digits, lambda: trio.from_thread.run_sync(approved.set)
            )

        async def block(connection: Connection) -> tuple[float, float]:
            sent = time.perf_counter()
            await set_card_status(connection, BENCH, token, CardStatus.BLOCKED)
            return sent, time.perf_counter()

        async with trio.open_nursery() as nursery:
            approvals = [trio.Event() for _ in self._watchers]
            for watcher, approved in zip(self._watchers, approvals, strict=True):
                nursery.start_soon(watch, watcher, approved)
            for approved in approvals:
                await approved.wait()
            sent, committed = await self._owner.run(block)
        for worker, at in refused.items():
            self.measured.by_worker[worker].append((at - committed) * 1_000)
        self.measured.last.append((max(refused.values()) - committed) * 1_000)
        self.measured.commit.append((committed - sent) * 1_000)


async def _take_back(connection: Connection, tokens: list[int]) -> None:
    async with connection.transaction():
        for token in tokens:
            await set_card_status(connection, BENCH, token, CardStatus.ACTIVE)


def _settings(options: argparse.Namespace, report: FleetReport) -> list[str]:
    return [
        f"settings: {options.workers} workers, {options.cards} cards, embedded Postgres (fsync on),"
        f" {options.blocks} blocks, draw {options.draw}"
        + (f", beside {FLOODERS} terminals that stream {options.beside.upper()}" if options.beside else ""),
        f"load: {options.load_terminals} terminals, {report.throughput_per_s:.0f} transactions/s"
        f" (aimed at {options.rate:g}/s), their p99 {report.latency.p99_us / 1_000:.1f} ms",
    ]


def _rows(measured: Measured) -> list[str]:
    rows = {
        f"from commit to refusal by worker {worker}": times for worker, times in measured.by_worker.items()
    }
    return table(
        {**rows, "from commit to refusal by all": measured.last, "the commit itself": measured.commit}, "ms"
    )


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

"""A terminal that floods: how soon its block acts, and whether anybody else pays for it until then.

    .venv/bin/python -m bench.probes.flooder

A switch of our own with two workers. Some terminals redeem: each earns what the smallest tier takes and
redeems it, again and again. Beside them one terminal floods: it streams TOTALS, or SIGN_ON, or requests of
one card over connections it closes and makes anew; and it comes again whenever it is closed or turned away.
It is then blocked as an operator does it, in one transaction on the registry. The clock starts when the
commit has returned and stops when the flooder was last let in, answered or closed.

Owns the method. Must not know how a block reaches a worker. Invariants: a round counts only if the flooder
was let in before its block; one that is never turned away after it counts as long as it was watched;
whatever a good terminal was not granted is counted, for no card of theirs is short of points. A status of 1
means that a limit was missed.
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
from typing import Any, Final

import trio

from bench.circumstances import circumstances
from bench.city import city, identity
from bench.command import Exit, run
from bench.errors import CannotRun
from bench.figures import table
from bench.load.terminal import BlockingTerminal, LineError
from bench.local_switch import STATE, LocalSwitch, local_switch, say
from bench.throughput.edge_lanes import nuisance
from bench.throughput.nuisance_order import NuisanceOrder, NuisanceReport
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.audit import Actor
from ledger.registry.reads import Status
from ledger.registry.terminals import set_terminal_status
from protocol import ResultClass, ResultCode, result_class
from simulators.city.example import CARDS, PARTNERS, SEED
from simulators.city.population import Peculiarity, Population

BENCH: Final = Actor("bench")
LIMIT_MS: Final = 100.0
DEPTH: Final = 64
"""Requests in flight on the flooder's connection: what the switch lets a terminal have."""
FLOODS: Final[dict[str, dict[str, Any]]] = {
    "TOTALS streamed": {"kind": "totals"},
    "SIGN_ON streamed": {"kind": "sign on"},
    "one card over reconnects": {"kind": "hot card", "requests_max": DEPTH},
}
FLOOD_S: Final = (0.4, 0.9)
"""How long it floods before its block, drawn between these."""
WATCH_S: Final = 0.5
"""How long it is watched after that: five times the limit."""
PAUSE_S: Final = 0.02
"""A good terminal's pause after each pair of requests."""


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.flooder", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=20, help="blocks for each kind of flood (20)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--good", type=int, default=10, help="terminals that redeem meanwhile (10)")
    parser.add_argument("--cards", type=int, default=CARDS, help=f"cards of the city ({CARDS})")
    parser.add_argument("--draw", type=int, default=1, help="seed of the pauses (1)")
    parser.add_argument("--state-dir", type=Path, default=STATE, help=f"state directory ({STATE})")
    return parser.parse_args(arguments)


@dataclass
class Served:
    """What became of the good terminals' requests."""

    redeemed: int = 0
    refused: int = 0
    """Told to try again, or not answered at all: for reasons of load."""
    declined: int = 0
    """Refused for any other reason. There is none: the probe would be wrong."""
    longest_s: float = 0.0


@dataclass
class Flooded:
    """What was measured beside one kind of flood."""

    acts_ms: list[float] = field(default_factory=list)
    """From the commit of each block until the flooder was last let in, answered or closed."""
    shut_out: int = 0
    """Rounds in which it stood before the door already when its block came."""
    answered_per_s: list[float] = field(default_factory=list)
    served: Served = field(default_factory=Served)

    @property
    def is_met(self) -> bool:
        """Whether both limits hold."""
        return max(self.acts_ms) <= LIMIT_MS and not self.served.refused

    def note(self, report: NuisanceReport, committed_at: float) -> None:
        """Note one round. Raises `CannotRun` if it proves nothing."""
        if not report.connected or not report.sent:
            raise CannotRun("the flooder never flooded")
        last_at = max(report.served_at, report.closed_at)
        if report.turned_away:
            self.shut_out += last_at < committed_at
            self.acts_ms.append(max(0.0, last_at - committed_at) * 1_000)
        else:
            self.acts_ms.append(WATCH_S * 1_000)
        self.answered_per_s.append((report.approved + report.refused) / report.seconds)


class Redeemer:
    """A good terminal with a few cards of its own: earns what a redemption takes, and redeems it."""

    def __init__(self, line: BlockingTerminal, cards: list[str]) -> None:
        self._line = line
        self._cards = cards
        programme = line.programme
        assert programme is not None
        self._tier_points = min(points for points, _ in programme.tiers)
        self._amount_grosze = self._tier_points * programme.points_step_grosze

    def run(self, served: Served, is_over: Callable[[], bool]) -> None:
        """Trade until it is over; runs in a thread of its own."""
        turn = 0
        while not is_over():
            card = self._cards[turn % len(self._cards)]
            turn += 1
            began = time.perf_counter()
            try:
                code = self._line.earn(card, self._amount_grosze).code
                if code == ResultCode.APPROVED:
                    code = self._line.redeem(card, self._tier_points).code
            except LineError as error:
                say(f"a good terminal lost its line: {error}")
                served.refused += 1
                return
            served.longest_s = max(served.longest_s, time.perf_counter() - began)
            if code == ResultCode.APPROVED:
                served.redeemed += 1
            elif result_class(code) is ResultClass.RETRY:
                served.refused += 1
            else:
                served.declined += 1
            time.sleep(PAUSE_S)


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run the whole measurement and print it; return the exit status."""
    _check(options)
    facts = circumstances()
    population = city(SEED, options.cards, PARTNERS)
    measured: dict[str, Flooded] = {}
    async with (
        local_switch(options.state_dir, population, workers=options.workers) as switch,
        open_database(switch.books.postgres.owner_dsn, connections_max=1) as owner,
    ):
        probe = Probe(options, switch, population, owner)
        for name in FLOODS:
            measured[name] = await probe.flood(name, stop)
            if stop.is_set():
                return Exit.INTERRUPTED
    print("\n".join([*facts, _settings(options), "", *rows(measured), ""]))
    return verdict(measured)


def _check(options: argparse.Namespace) -> None:
    flooders = PARTNERS - len(FLOODS) * options.rounds
    if options.rounds < 1 or options.workers < 1 or options.good < 1 or options.good > flooders:
        raise CannotRun(
            f"--rounds, --workers, --good: 1 or more; {len(FLOODS)} × --rounds and --good: {PARTNERS} at most"
        )


class Probe:
    """The rounds of one measurement, one after the other: each blocks a terminal of its own."""

    def __init__(
        self, options: argparse.Namespace, switch: LocalSwitch, population: Population, owner: Database
    ) -> None:
        self._options = options
        self._switch = switch
        self._population = population
        self._owner = owner
        self._rng = random.Random(options.draw)
        self._flooder = PARTNERS

    async def flood(self, name: str, stop: trio.Event) -> Flooded:
        """Measure one kind of flood. Raises `CannotRun`."""
        say(f"{name}: blocking {self._options.rounds} terminals, {self._options.good} redeem meanwhile")
        flooded = Flooded()
        try:
            async with self._redeeming(flooded.served):
                for _ in range(self._options.rounds):
                    if stop.is_set():
                        break
                    await self._round(name, flooded)
        except LineError as error:
            raise CannotRun(str(error)) from None
        if not flooded.served.redeemed or flooded.served.declined:
            raise CannotRun(f"beside {name} nothing, or not everything, could be redeemed: {flooded.served}")
        return flooded

    async def _round(self, name: str, flooded: Flooded) -> None:
        self._flooder -= 1
        index, terminal = self._flooder, self._population.terminal_id(self._flooder)
        order = NuisanceOrder(
            **FLOODS[name],
            host=self._switch.host,
            port=self._switch.port,
            seed=self._population.seed,
            cards=self._population.cards,
            partners=self._population.partners,
            connections=1,
            terminal_first=index,
            stan_first=await trio.to_thread.run_sync(self._fresh_stan, index),
            depth=DEPTH,
            comes_again=True,
        )

        async def block(connection: Connection) -> float:
            await set_terminal_status(connection, BENCH, terminal, Status.STOPPED)
            return time.monotonic()

        async def take_back(connection: Connection) -> None:
            await set_terminal_status(connection, BENCH, terminal, Status.ACTIVE)

        try:
            async with nuisance(order) as beside:
                await beside.begin()
                await trio.sleep(self._rng.uniform(*FLOOD_S))
                committed_at = await self._owner.run(block)
                await trio.sleep(WATCH_S)
        finally:
            with trio.CancelScope(shield=True):
                await self._owner.run(take_back, timeout_s=60)
        flooded.note(beside.report, committed_at)

    def _fresh_stan(self, index: int) -> int:
        """Return a STAN past all that the journal knows of a terminal."""
        with self._line(index) as line:
            return line.next_stan()

    def _line(self, index: int) -> BlockingTerminal:
        """Return a line that has signed on. Raises `LineError`."""
        identity_ = identity(self._population, index)
        line = BlockingTerminal.connect(self._switch.host, self._switch.port, identity_)
        line.sign_on()
        return line

    @asynccontextmanager
    async def _redeeming(self, served: Served) -> AsyncIterator[None]:
        """Have the first terminals of the city redeem for as long as the block lasts."""
        city_, good = self._population, self._options.good
        sound = [
            city_.card_digits(card)
            for card in range(city_.cards)
            if city_.peculiarity(card) is Peculiarity.NONE
        ]
        lines = [await trio.to_thread.run_sync(self._line, index) for index in range(good)]
        over = trio.Event()
        try:
            async with trio.open_nursery() as nursery:
                for index, line in enumerate(lines):
                    redeemer = Redeemer(line, sound[index::good])
                    nursery.start_soon(trio.to_thread.run_sync, redeemer.run, served, over.is_set)
                try:
                    yield
                finally:
                    over.set()
        finally:
            for line in lines:
                line.close()


def _settings(options: argparse.Namespace) -> str:
    return (
        f"settings: {options.workers} workers, {options.cards} cards, embedded Postgres (fsync on),"
        f" {options.rounds} blocks of each kind, {options.good} terminals redeem, draw {options.draw}"
    )


def rows(measured: dict[str, Flooded]) -> list[str]:
    """Return the two tables: how soon the blocks acted, and what became of the good terminals."""
    lines = table({f"{name}: until its block acts": each.acts_ms for name, each in measured.items()}, "ms")
    lines += [
        "",
        "| beside | flooder answered/s | shut out before | redemptions | refused | longest pair, ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, each in measured.items():
        rate, served = sum(each.answered_per_s) / len(each.answered_per_s), each.served
        lines.append(
            f"| {name} | {rate:.0f} | {each.shut_out} | {served.redeemed} | {served.refused}"
            f" | {served.longest_s * 1_000:.1f} |"
        )
    return lines


def verdict(measured: dict[str, Flooded]) -> Exit:
    """Say whether both limits hold beside every kind of flood; return the exit status."""
    longest = max(max(each.acts_ms) for each in measured.values())
    refused = sum(each.served.refused for each in measured.values())
    is_met = all(each.is_met for each in measured.values())
    print(
        f"limits: every block acts within {LIMIT_MS:g} ms, no redemption of others is refused:"
        f" {'met' if is_met else 'MISSED'} with {longest:.1f} ms and {refused} refused"
    )
    return Exit.OK if is_met else Exit.MISSED


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

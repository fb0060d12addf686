"""The closed-loop lanes: echo, the Postgres limit, the naive ways, the switch.

Owns what each lane does on a stage and what a sample of it holds. Must not know how samples are compared.
Every lane moves the same data under the same durability; a transaction is a purchase at a partner's terminal
(EARN): one journal row, one posting, one balance moved.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import trio

from bench.local_switch import HOST
from bench.pages import metric
from bench.throughput.driver import (
    DIRECT,
    GENERATOR,
    Driven,
    DriverFailed,
    Program,
    Server,
    Timing,
    drive,
    nothing,
)
from bench.throughput.load_order import (
    VERIFIED_EVERY,
    Asks,
    DirectOrder,
    DirectReport,
    Function,
    Load,
    LoadReport,
)
from bench.throughput.pgbench import run_pgbench
from bench.throughput.processes import children
from bench.throughput.requests import DECLINES
from bench.throughput.stage import CONCENTRATED, Stage
from bench.throughput.yardstick import yardstick_dsn
from simulators.city.population import Population

BATCH: Final = 500
DIRECT_TERMINALS: Final = 300
DIRECT_TERMINAL_FIRST: Final = 40_000_001
"""Numbers no registered terminal has, so that nobody's STANs meet."""
SPARE: Final = 1.4
"""So much more is made ahead than the fastest round so far needed."""
GUESS_PER_S: Final = 25_000.0
ECHO_GUESS_PER_S: Final = 45_000.0
BATCH_FACT: Final = "postings a batch"
WINDOW_S_MAX: Final = 60.0
REAP_S_MAX: Final = 2.0
REAP_POLL_S: Final = 0.02


@dataclass
class Sample:
    """One round of one lane: requests a second, and CPU microseconds a request of each process."""

    rate_per_s: float
    cpu_us: dict[str, float]
    requests: int = 0
    """How many requests these figures are of."""
    latency: dict[int, int] = field(default_factory=dict)
    """Counts of `simulators.histogram.Histogram`."""
    latency_max_us: int = 0
    facts: dict[str, float] = field(default_factory=dict)
    """What only this lane tells, by name with its unit."""


class WindowEmpty(DriverFailed):
    """Nothing was answered within the window, or nothing was done for it."""


Round = Mapping[str, Sample]
"""What the lanes before have measured in this round, by name."""
Measure = Callable[[Stage, Timing, Round], Awaitable[Sample]]


async def patiently(measure: Callable[[Timing], Awaitable[Sample]], timing: Timing) -> Sample:
    """Measure; again with a window twice as long while it was too short for a single request.

    Raises `DriverFailed`.
    """
    while True:
        try:
            return await measure(timing)
        except WindowEmpty:
            timing = Timing(timing.warm_up_s, 2 * timing.seconds)
            if timing.seconds > WINDOW_S_MAX:
                raise


@dataclass(frozen=True)
class Lane:
    """A thing to measure: the servers it needs up, and how."""

    name: str
    needs: tuple[str, ...]
    measure: Measure

    async def sample(self, stage: Stage, timing: Timing, so_far: Round) -> Sample:
        """Measure one round. Raises `DriverFailed`."""
        return await patiently(lambda window: self.measure(stage, window, so_far), timing)


class Ground(Protocol):
    """What a closed-loop lane needs: a city, servers on it, and the clock of its Postgres."""

    @property
    def servers(self) -> Mapping[str, Server]:
        """What runs, by name."""

    @property
    def population(self) -> Population:
        """Cards and terminals."""

    def next_stans(self) -> int:
        """Return the first STAN of a fresh range."""

    def postgres_clock(self) -> float:
        """Return the CPU seconds of all of Postgres."""


class ClosedLane:
    """`terminals` connections with `depth` requests in flight each, against one of the stage's servers."""

    def __init__(
        self,
        server: str,
        terminals: int,
        depth: int,
        *,
        asks: Asks = "earn",
        generator: Program = GENERATOR,
        verified_every: int = VERIFIED_EVERY,
    ) -> None:
        self._server = server
        self._asks = asks
        self._generator = generator
        self._verified_every = verified_every
        self._terminals = terminals
        self._depth = depth
        self._rates: list[float] = []

    async def __call__(self, stage: Ground, timing: Timing, _: Round) -> Sample:
        """Measure one round. Raises `DriverFailed`, also when a single request was refused without cause."""
        return await self.measure(stage, timing)

    async def measure(
        self, stage: Ground, timing: Timing, on_ready: Callable[[], Awaitable[None]] = nothing
    ) -> Sample:
        """The same, with something else to begin when all connections are there."""
        server = stage.servers[self._server]
        guess = ECHO_GUESS_PER_S if self._server.startswith("echo") else GUESS_PER_S
        frames = (
            max(self._rates, default=guess) * (timing.warm_up_s + timing.seconds) * SPARE / self._terminals
        )
        load = Load(
            host=HOST,
            port=server.port,
            speaks="echo" if self._server.startswith("echo") else "switch",
            seed=stage.population.seed,
            cards=stage.population.cards,
            partners=stage.population.partners,
            terminals=self._terminals,
            depth=self._depth,
            asks=self._asks,
            verified_every=self._verified_every,
            stan_first=stage.next_stans(),
            sealed_ahead=int(frames) + self._depth,
        )
        clocks = {"server": server.clock, "Postgres": stage.postgres_clock}
        before = await trio.to_thread.run_sync(committed, server)
        driven = await drive(self._generator, load, LoadReport, timing, clocks, on_ready=on_ready)
        after = await trio.to_thread.run_sync(committed, server)
        report = driven.report
        declined = {code: count for code, count in report.codes.items() if code and count}
        if refused := {code: count for code, count in declined.items() if code not in DECLINES[self._asks]}:
            raise DriverFailed(f"{self._server} refused requests (by result code): {refused}")
        sample = sample_of(driven, report.replies, report.seconds)
        if declined:
            sample.facts["declined, %"] = sum(declined.values()) * 100 / report.answered
        sample.facts["sealed late"] = report.sealed_late
        if after.batches > before.batches:
            sample.facts[BATCH_FACT] = (after.postings - before.postings) / (after.batches - before.batches)
        self._rates.append(sample.rate_per_s)
        return sample


class Committed(NamedTuple):
    """What a switch has committed so far, over all its workers."""

    postings: float
    batches: float


def committed(server: Server) -> Committed:
    """Ask the workers' metrics; nothing for a server without any. Blocking."""
    sums = [metric(url, "cityswitch_batch_postings_sum") for url in server.http]
    counts = [metric(url, "cityswitch_batch_postings_count") for url in server.http]
    return Committed(sum(sums), sum(counts))


def sample_of(driven: Driven[LoadReport] | Driven[DirectReport], requests: int, seconds: float) -> Sample:
    """Return rate and CPU a request."""
    if not requests:
        raise WindowEmpty(f"nothing was answered within the window of {seconds:g} s")
    if driven.cpu_s.get("server") == 0:
        raise WindowEmpty(
            "requests were answered and the server took no CPU: before the window, or its processes are lost"
        )
    cpu_us = {name: used * 1e6 / requests for name, used in driven.cpu_s.items()}
    return Sample(requests / seconds, cpu_us, requests)


class LimitLane:
    """A batch function driven directly: batches of 500, each connection as fast as it can."""

    def __init__(self, connections: int, function: Function = "in use") -> None:
        self._connections = connections
        self._function = function
        self._expected_per_s = 2 * GUESS_PER_S

    async def __call__(self, stage: Stage, timing: Timing, _: Round) -> Sample:
        """Measure one round. Raises `DriverFailed`."""
        postings = self._expected_per_s * (timing.warm_up_s + timing.seconds) * SPARE
        order = direct_order(
            stage,
            connections=self._connections,
            batch=BATCH,
            function=self._function,
            made_ahead=int(postings / BATCH / self._connections) + 1,
        )
        clocks = {"Postgres": stage.postgres_clock}
        driven = await drive(DIRECT, order, DirectReport, timing, clocks)
        sample = sample_of(driven, driven.report.postings, driven.report.seconds)
        sample.facts["batches made late"] = driven.report.made_late
        self._expected_per_s = sample.rate_per_s
        return sample


def direct_order(
    stage: Stage,
    *,
    connections: int,
    batch: int,
    made_ahead: int,
    rate_per_s: float = 0.0,
    function: Function = "in use",
) -> DirectOrder:
    """Return an order for `bench.peers.direct` on this stage."""
    return DirectOrder(
        dsn=stage.postgres.service_dsn if function == "in use" else yardstick_dsn(stage),
        function=function,
        accounts=stage.accounts,
        connections=connections,
        batch=batch,
        terminal_first=DIRECT_TERMINAL_FIRST,
        terminals=DIRECT_TERMINALS,
        stan_first=stage.next_stans(),
        made_ahead=made_ahead,
        rate_per_s=rate_per_s,
    )


async def measure_pgbench(stage: Stage, timing: Timing, _: Round) -> Sample:
    """One transaction a request from pgbench, through a server-side function."""
    before, idle = stage.postgres_clock(), len(children(stage.postgres.pid))
    run = await run_pgbench(stage.postgres, len(stage.accounts), stage.next_stans(), timing.seconds)
    with trio.move_on_after(REAP_S_MAX):
        # What a backend has used is known again when the server has taken note of its end.
        while len(children(stage.postgres.pid)) > idle:  # noqa: ASYNC110 no event tells of it
            await trio.sleep(REAP_POLL_S)
    used_s = stage.postgres_clock() - before
    cpu_us = {"Postgres": used_s * 1e6 / run.transactions, "driver": run.cpu_s * 1e6 / run.transactions}
    return Sample(run.rate_per_s, cpu_us, run.transactions)


ECHO: Final = "echo, trio on raw sockets"
ECHO_ASYNCIO: Final = "echo, asyncio Protocol"
LIMIT_1: Final = "Postgres limit, 1 connection"
LIMIT_2: Final = "Postgres limit, 2 connections"
LIMIT_1_BEFORE: Final = "Postgres limit of d5b569b, 1 connection"
LIMIT_2_BEFORE: Final = "Postgres limit of d5b569b, 2 connections"
NAIVE: Final = "naive asyncio server"
PGBENCH: Final = "pgbench, one function a request"


def switch_lane(workers: int, terminals: int, depth: int) -> str:
    """Return the name of a lane of the switch."""
    who = _several(terminals, "terminal" if depth == 1 else "concentrator")
    return f"switch, {_several(workers, 'worker')}, {who}{'' if depth == 1 else f' of {depth}'}"


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


SWITCH_1: Final = switch_lane(1, 300, 1)
SWITCH_1_CONCENTRATED: Final = switch_lane(1, 20, 16)
SWITCH_2: Final = switch_lane(2, 300, 1)
SWITCH_2_CONCENTRATED: Final = switch_lane(2, 20, 16)
SWITCH_16: Final = switch_lane(1, 16, 1)
SWITCH_ALONE: Final = switch_lane(1, 1, 1)
SWITCH_ONE_CONCENTRATOR: Final = switch_lane(1, 1, CONCENTRATED)
BALANCES: Final = f"{SWITCH_1}, balances only"
REPEATS: Final = f"{SWITCH_1}, repeats only"
DECLINED: Final = f"{SWITCH_1}, one in ten declined"
BENEFITS: Final = f"{SWITCH_1}, benefit use"
VERIFIED: Final = f"{SWITCH_1}, verify + benefit use"
CITIES: Final = f"{SWITCH_1} of three cities"


def closed_lanes() -> list[Lane]:
    """Return lanes a to d in the order they take turns."""
    return [
        Lane(ECHO, ("echo_trio",), ClosedLane("echo_trio", 300, 1)),
        Lane(ECHO_ASYNCIO, ("echo_asyncio",), ClosedLane("echo_asyncio", 300, 1)),
        Lane(SWITCH_1, ("switch 1",), ClosedLane("switch 1", 300, 1)),
        Lane(LIMIT_1, (), LimitLane(1)),
        Lane(SWITCH_1_CONCENTRATED, ("switch 1",), ClosedLane("switch 1", 20, 16)),
        Lane(LIMIT_2, (), LimitLane(2)),
        Lane(SWITCH_2, ("switch 2",), ClosedLane("switch 2", 300, 1)),
        Lane(PGBENCH, (), measure_pgbench),
        Lane(SWITCH_2_CONCENTRATED, ("switch 2",), ClosedLane("switch 2", 20, 16)),
        Lane(NAIVE, ("naive",), ClosedLane("naive", 300, 1)),
        Lane(LIMIT_1_BEFORE, (), LimitLane(1, "d5b569b")),
        Lane(BALANCES, ("switch 1",), ClosedLane("switch 1", 300, 1, asks="balance")),
        Lane(LIMIT_2_BEFORE, (), LimitLane(2, "d5b569b")),
        Lane(REPEATS, ("switch 1",), ClosedLane("switch 1", 300, 1, asks="repeat")),
        Lane(DECLINED, ("switch 1",), ClosedLane("switch 1", 300, 1, asks="declined")),
        Lane(BENEFITS, ("switch 1",), ClosedLane("switch 1", 300, 1, asks="benefit")),
        Lane(VERIFIED, ("switch 1",), ClosedLane("switch 1", 300, 1, asks="verified benefit")),
        Lane(CITIES, ("switch 1",), ClosedLane("switch 1", 300, 1, asks="cities")),
        Lane(SWITCH_ONE_CONCENTRATOR, ("concentrator 1",), ClosedLane("concentrator 1", 1, CONCENTRATED)),
        Lane(SWITCH_16, ("switch 1",), ClosedLane("switch 1", 16, 1)),
        Lane(SWITCH_ALONE, ("switch 1",), ClosedLane("switch 1", 1, 1)),
    ]

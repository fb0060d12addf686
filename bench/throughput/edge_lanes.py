"""The lanes of the wire's edges: what a nuisance costs those who behave, and what TLS costs.

Owns which nuisance stands beside which load, and what is told of it. Must not know how a nuisance is made. A
lane's rate is that of the terminals that behave; each has its twin without the nuisance in the same round.
Their purchases must all be approved: a single one told to try again fails the lane.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec
import trio

from bench.local_switch import HOST
from bench.throughput.driver import END_S_MAX, READY_S_MAX, DriverFailed, Program, Timing, running
from bench.throughput.lanes import SWITCH_1, ClosedLane, Ground, Lane, Round, Sample
from bench.throughput.load_order import READY
from bench.throughput.nuisance_order import GO, Nuisance, NuisanceOrder, NuisanceReport

MODULE: Final = "bench.throughput.nuisance_process"
TLS_GENERATOR: Final = Program("bench.throughput.tls_generator_process")
FLOODERS: Final = 20
TRADING: Final = 300
"""Terminals that trade in the lanes without a flood."""
TERMINALS: Final = TRADING + FLOODERS
"""What a stage needs: the hot card's terminals come on top of the city's."""
GOOD: Final = TRADING - FLOODERS
"""The rest of the city, where some of it floods."""
STRANGERS: Final = 1_500
HOT_DEPTH: Final = 200
"""Unanswered requests of each of the flooders' terminals: 4,000 for one card."""
FLOOD_DEPTH: Final = 1_000


@dataclass
class Beside:
    """What stands beside a lane, and what became of it when it has ended."""

    process: trio.Process
    report: NuisanceReport = field(default_factory=lambda: NuisanceReport(seconds=0))

    async def begin(self) -> None:
        """Let it begin: those who behave are there by now."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(GO)

    def facts(self, kind: Nuisance) -> dict[str, float]:
        """What the lane's sample tells of it."""
        report = self.report
        if kind == "strangers":
            return {"strangers accepted/s": report.connected / report.seconds}
        return {
            f"{kind}, answered/s": report.approved / report.seconds,
            f"{kind}, told to try again/s": report.refused / report.seconds,
        }


@asynccontextmanager
async def nuisance(order: NuisanceOrder) -> AsyncIterator[Beside]:
    """Have a nuisance ready beside the block. Raises `DriverFailed`."""
    async with running(["-m", MODULE], MODULE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(msgspec.json.encode(order) + b"\n")
        with trio.move_on_after(READY_S_MAX):
            if await process.stdout.receive_some(len(READY)) != READY:
                raise DriverFailed(f"{MODULE} could not begin")
        beside = Beside(process)
        yield beside
        await process.stdin.aclose()
        line = b""
        with trio.move_on_after(END_S_MAX):
            async for chunk in process.stdout:
                line += chunk
        if not line:
            raise DriverFailed(f"{MODULE} failed in the middle of a lane")
        beside.report = msgspec.json.decode(line, type=NuisanceReport)


class BesideLane:
    """A closed loop of terminals that behave, with a nuisance beside it on the same server."""

    def __init__(
        self,
        server: str,
        kind: Nuisance,
        *,
        good: int = GOOD,
        connections: int = FLOODERS,
        depth: int = FLOOD_DEPTH,
    ) -> None:
        self._server = server
        self._kind = kind
        self._good = good
        self._connections = connections
        self._depth = depth
        self._lane = ClosedLane(server, good, 1)

    async def __call__(self, stage: Ground, timing: Timing, _: Round) -> Sample:
        """Measure one round. Raises `DriverFailed`, also when one of those who behave was refused."""
        population = stage.population
        order = NuisanceOrder(
            kind=self._kind,
            host=HOST,
            port=stage.servers[self._server].port,
            seed=population.seed,
            cards=population.cards,
            partners=population.partners,
            terminals=population.terminals,
            connections=self._connections,
            terminal_first=self._good,
            stan_first=stage.next_stans(),
            depth=self._depth,
        )
        async with nuisance(order) as beside:
            sample = await self._lane.measure(stage, timing, beside.begin)
        sample.facts |= beside.facts(self._kind)
        return sample


ALONE: Final = f"switch, 1 worker, {GOOD} terminals"
ECHO_FLOOD: Final = f"{ALONE} beside {FLOODERS} that stream ECHO"
TOTALS_FLOOD: Final = f"{ALONE} beside {FLOODERS} that stream TOTALS"
HOT_CARD: Final = f"{SWITCH_1} beside one card at depth {FLOODERS * HOT_DEPTH:,}"
HOT_FACT: Final = "hot card, answered/s"
BESIDE_STRANGERS: Final = f"{SWITCH_1} beside {STRANGERS:,} half-open strangers"
OVER_TLS: Final = f"{SWITCH_1} over TLS"


def edge_lanes() -> list[Lane]:
    """Return the lanes in the order they take turns, twins beside each other."""
    return [
        Lane(ALONE, ("switch 1",), ClosedLane("switch 1", GOOD, 1)),
        Lane(ECHO_FLOOD, ("switch 1",), BesideLane("switch 1", "echo")),
        Lane(TOTALS_FLOOD, ("switch 1",), BesideLane("switch 1", "totals")),
        Lane(HOT_CARD, ("crowd 1",), BesideLane("crowd 1", "hot card", good=TRADING, depth=HOT_DEPTH)),
        Lane(
            BESIDE_STRANGERS,
            ("switch 1",),
            BesideLane("switch 1", "strangers", good=TRADING, connections=STRANGERS),
        ),
        Lane(OVER_TLS, ("tls 1",), ClosedLane("tls 1", TRADING, 1, generator=TLS_GENERATOR)),
    ]

"""What terminals do while the drill goes on: a steady trade, and loads that are a fault by themselves.

Owns which terminals of the city do what, so that no two loads share one. Must not know alerts.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import trio

from ops.monitoring.drill.stage import POPULATION, Stage
from simulators.city.trade import ON_LINE, Mix
from simulators.errors import TerminalError
from simulators.fleet.fleet import run_fleet
from simulators.fleet.report import FleetPlan
from simulators.till.exchange import Patience
from simulators.till.identity import TerminalIdentity
from simulators.till.store import TerminalMemory
from simulators.till.terminal import PosTerminal

FOR_EVER_S: Final = 86_400.0
KEPT_CARDS: Final = 200
"""Cards no fleet uses."""


class Terminals(NamedTuple):
    """Some terminals of the city, by index."""

    first: int
    number: int


STEADY, MORE, ASKING, WRONG = Terminals(0, 40), Terminals(40, 80), Terminals(120, 12), Terminals(152, 8)
BY_HAND: Final = 160
"""The index of the terminal the drill itself uses; it stands at the first partner."""
STEADY_PER_S: Final = 25.0
HASTY: Final = Patience(reply_s=5.0, pause_min_s=0.05, pause_max_s=0.2)


@asynccontextmanager
async def trading(
    stage: Stage, terminals: Terminals, *, rate_per_s: float, mix: Mix = ON_LINE, cut_off_share: float = 0.0
) -> AsyncIterator[None]:
    """Have terminals trade for as long as the block lasts; rate 0: as fast as they go."""
    plan = FleetPlan(
        seed=POPULATION.seed,
        address=stage.address,
        ca_file=str(stage.papers.certificate),
        certificate=str(stage.terminal_papers.certificate),
        state_dir=str(stage.folder / f"fleet-{terminals.first}"),
        cards=POPULATION.cards - KEPT_CARDS,
        partners=POPULATION.partners,
        population_terminals=POPULATION.terminals,
        programme=POPULATION.programme,
        terminal_first=terminals.first,
        terminals=terminals.number,
        rate_per_s=rate_per_s,
        duration_s=FOR_EVER_S,
        connect_s=15.0,
        settle_s=3.0,
        cut_off_share=cut_off_share,
        mix=mix,
        audited=False,
        totals_at_end=False,
    )
    stop = trio.Event()
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            await run_fleet(plan, stop=stop)

        nursery.start_soon(run)
        try:
            yield
        finally:
            stop.set()


@asynccontextmanager
async def wrong_keys(stage: Stage) -> AsyncIterator[None]:
    """Terminals that were given another one's key try to sign on, again and again."""
    connect = stage.connect

    async def one(index: int) -> None:
        number = POPULATION.terminal_id(index)
        with TerminalMemory.open(stage.folder / f"wrong-{number}.memory", number) as memory:
            identity = TerminalIdentity(number, os.urandom(32))
            async with PosTerminal(identity, memory, connect, patience=HASTY) as terminal:
                while True:
                    try:
                        await terminal.connect()
                    except TerminalError:
                        await trio.sleep(0.5)

    async with trio.open_nursery() as nursery:
        for index in range(WRONG.first, WRONG.first + WRONG.number):
            nursery.start_soon(one, index)
        yield
        nursery.cancel_scope.cancel()


async def use_offer(stage: Stage, offer: int, times: int) -> list[int]:
    """Use an offer with so many cards at the first partner; return the result codes."""
    number = POPULATION.terminal_id(BY_HAND)
    connect = stage.connect
    codes = []
    with TerminalMemory.open(stage.folder / f"hand-{number}.memory", number) as memory:
        identity = TerminalIdentity(number, POPULATION.terminal_key(BY_HAND))
        async with PosTerminal(identity, memory, connect) as terminal:
            for turn in range(times):
                card = POPULATION.track2(POPULATION.cards - KEPT_CARDS + turn)
                codes.append((await terminal.benefit(card, offer, 1_000)).code)
    return codes

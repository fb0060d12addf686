"""`cityswitch bench`: one command that runs every lane on a Postgres of its own and writes the results.

Owns which lanes a run has, how long they last and where the results go. Must not know how a lane measures.
Statuses are `bench.command.Exit`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from bench.circumstances import circumstances
from bench.command import Exit
from bench.local_switch import say
from bench.machine import Watch
from bench.throughput import growth
from bench.throughput.driver import Timing
from bench.throughput.edge_lanes import TERMINALS, edge_lanes
from bench.throughput.goals import GOALS, missed, reached
from bench.throughput.growth_data import recycle_wal
from bench.throughput.lanes import Lane, closed_lanes
from bench.throughput.open_lanes import open_lanes
from bench.throughput.pgbench import prepare_pgbench
from bench.throughput.results_page import (
    PAGE,
    PICTURE,
    picture,
    throughput,
    write_section,
)
from bench.throughput.rounds import Rounds
from bench.throughput.stage import open_stage, servers
from bench.throughput.yardstick import prepare_yardstick
from simulators.city.example import CARDS, PARTNERS

DIRECTORY: Final = Path("var")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of the bench to run. `only`: parts of lane names; empty runs all."""

    rounds: int = 5
    seconds: float = 4.0
    warm_up_s: float = 1.0
    only: Sequence[str] = ()
    cards: int = CARDS
    partners: int = PARTNERS
    directory: Path = DIRECTORY
    is_written: bool = True


async def run_all(plan: Plan, stop: trio.Event) -> Exit:
    """Run the lanes in turn, print the tables, write the page and the picture."""
    facts = [*circumstances(), _settings(plan)]
    lanes = [lane for lane in (*closed_lanes(), *edge_lanes(), *open_lanes()) if _is_wanted(lane, plan.only)]
    watch = Watch()
    rounds = await _measure(plan, lanes, stop)
    if stop.is_set():
        return Exit.INTERRUPTED
    facts.append(f"during the run {watch.taken().describe()}")
    values = reached(rounds)
    print(throughput(facts, rounds, values))
    if plan.is_written and not plan.only:
        write_section("throughput", throughput(facts, rounds, values))
        PICTURE.write_text(picture(rounds), encoding="utf-8")
        say(f"written: {PAGE.name} and {PICTURE.name} in {PAGE.parent}")
    return _judge(missed(GOALS, values))


def _judge(names: Sequence[str]) -> Exit:
    for name in names:
        say(f"missed: {name}")
    return Exit.MISSED if names else Exit.OK


async def run_growth(plan: Plan, kinds: Sequence[str], stop: trio.Event) -> Exit:
    """Measure what grows: `journal`, `cards`, `connections`; each writes a section of its own. Slow."""
    facts = circumstances()
    watch = Watch()
    not_met: list[str] = []
    for kind in kinds:
        # A stage each: what one kind adds must not weigh on the next.
        async with open_stage(plan.directory, plan.cards, plan.partners) as stage:
            timing = Timing(plan.warm_up_s, plan.seconds)
            match kind:
                case "journal":
                    section = await growth.measure_journals(stage, timing, plan.rounds, stop)
                case "cards":
                    section = await growth.measure_cards(stage, stop)
                case _:
                    section = await growth.measure_connections(stage, stop)
        if stop.is_set() or not section.lines:
            return Exit.INTERRUPTED
        during = f"during the run {watch.taken().describe()}"
        text = "\n".join([*section.lines, *(f"- {fact}" for fact in (*facts, during))])
        print(text)
        if plan.is_written:
            write_section(f"growth of {kind}", text)
        not_met += section.missed
    return _judge(not_met)


async def _measure(plan: Plan, lanes: Sequence[Lane], stop: trio.Event) -> Rounds:
    rounds = Rounds()
    needs = dict.fromkeys(need for lane in lanes for need in lane.needs)
    async with (
        open_stage(plan.directory, plan.cards, plan.partners, TERMINALS, has_towns=True) as stage,
        AsyncExitStack() as stack,
    ):
        await recycle_wal(stage.owner)
        await prepare_pgbench(stage.owner)
        await prepare_yardstick(stage)
        await stack.enter_async_context(servers(stage, list(needs)))
        await rounds.run(stage, lanes, Timing(plan.warm_up_s, plan.seconds), plan.rounds, stop)
    return rounds


def _is_wanted(lane: Lane, only: Sequence[str]) -> bool:
    return not only or any(part in lane.name for part in only)


def _settings(plan: Plan) -> str:
    return (
        f"settings: {plan.cards:,} cards, {plan.partners} partners, {TERMINALS} terminals, embedded Postgres"
        f" with fsync and synchronous_commit on, {plan.rounds} rounds of {plan.seconds:g} s a lane after"
        f" {plan.warm_up_s:g} s of warm-up; clients, switch and Postgres share the machine"
    )

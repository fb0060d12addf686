"""`cityswitch bench --base COMMIT`: this checkout and another commit, in turn, in one run.

Owns the order of the steps, the refusal to judge on a busy machine, and what is printed and written. Must not
know how the two are measured. Statuses are `bench.command.Exit`'s.
"""

from __future__ import annotations

from typing import Final

import trio

from bench.circumstances import circumstances
from bench.command import Exit
from bench.errors import CannotRun
from bench.local_switch import say
from bench.machine import Watch
from bench.paired.checkout import base, default_base, present
from bench.paired.pairs import BASE, NEW, PairPlan, Pairs
from bench.paired.ratios import Ratio, table
from bench.paired.sides import SideOrder, open_side
from bench.throughput.results_page import PAGE, rates_table, write_section

LOOK_S: Final = 2.0


async def run_paired(plan: PairPlan, stop: trio.Event) -> Exit:
    """Compare this checkout with the base, print the tables, judge. Raises `CannotRun` on a busy machine."""
    await _refuse_when_busy(plan)
    new, old = present(), base(plan.base or default_base(), plan.directory)
    say(f"{new.name} against {old.name}: seeding two cities of {plan.cards:,} cards")
    order = SideOrder(str(plan.directory.absolute()), plan.cards, plan.partners, plan.wal_mib)
    watch = Watch()
    async with open_side(new, order) as left, open_side(old, order) as right:
        pairs = Pairs({NEW: left, BASE: right}, plan)
        await pairs.choose_generators()
        await pairs.run(stop)
    if stop.is_set():
        return Exit.INTERRUPTED
    facts = [*circumstances(), f"during the run {watch.taken().describe()}", *pairs.facts()]
    ratios = pairs.ratios()
    rates = rates_table(pairs.rounds, list(pairs.rounds.samples))
    lines = [f"### {new.name} against {old.name}", "", *table(ratios), "", *rates, ""]
    text = "\n".join([*lines, *(f"- {fact}" for fact in facts)])
    print(text)
    if plan.is_written:
        write_section(f"against {old.name}", text)
        say(f"written: {PAGE}")
    return judge(ratios, old.name)


def judge(ratios: list[Ratio], name: str) -> Exit:
    """Say what is worse than the base or misses its goal, and what too few pairs were for."""
    for ratio in ratios:
        if not ratio.is_known:
            say(f"not known to 5 %: {ratio.name}: more rounds, or a quieter machine")
        if ratio.is_worse:
            say(f"worse than {name}: {ratio.name}")
        if ratio.is_missed:
            say(f"missed against {name}: {ratio.name}")
    return Exit.MISSED if any(ratio.is_worse or ratio.is_missed for ratio in ratios) else Exit.OK


async def _refuse_when_busy(plan: PairPlan) -> None:
    """Look before anything is begun. Raises `CannotRun`."""
    watch = Watch()
    await trio.sleep(LOOK_S)
    taken = watch.taken()
    if taken.is_busy and not plan.is_judged_when_busy:
        raise CannotRun(f"this machine is busy, nothing is judged: {taken.describe()}")

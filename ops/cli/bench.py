"""`cityswitch bench`: measure this machine, on a Postgres of the bench's own.

Owns the options; the work is `bench.throughput`'s and `bench.paired`'s. A plain function, not an async one:
the bench runs trio itself, with its own handling of Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from bench.command import run
from bench.paired.pairs import QUICK_ROUNDS, ROUNDS, PairPlan
from bench.paired.run import run_paired
from bench.throughput.run import DIRECTORY, Plan, run_all, run_growth
from ops.cli.help_texts import examples

app = App(
    name="bench",
    help_epilogue=examples(
        "bench",
        "bench --base v0.1.0",
        "bench --quick",
        "bench --rounds 3 --only switch --only limit",
        "bench --growth cards",
    ),
)


@app.default
def bench(
    *,
    base: Annotated[
        str | None,
        Parameter(help="Compare this checkout with another commit instead: both in turn, in one run."),
    ] = None,
    quick: Annotated[
        bool,
        Parameter(
            help="A short comparison with HEAD while there are changes, else with the commit before; or with"
            " --base. Nothing is written."
        ),
    ] = False,
    anyway: Annotated[
        bool, Parameter(help="Compare on a busy machine, too; the page says what others took.")
    ] = False,
    rounds: Annotated[
        int | None,
        Parameter(
            help="How often each lane has its turn: 5; in a comparison the most: 30, quick 12.",
            validator=Number(gte=1),
        ),
    ] = None,
    seconds: Annotated[
        float, Parameter(help="Length of a measured window.", validator=Number(gte=0.5, lte=600))
    ] = 4,
    only: Annotated[
        list[str] | None, Parameter(help="Lanes whose name contains this; nothing is written then.")
    ] = None,
    growth: Annotated[
        list[Literal["journal", "cards", "connections"]] | None,
        Parameter(help="Measure what grows instead: minutes each; the journal needs 20 GB of disk."),
    ] = None,
    directory: Annotated[
        Path, Parameter(help="Where the bench makes its data, which is removed in the end.")
    ] = DIRECTORY,
) -> int:
    """Measure throughput, latency and overload beside echo servers, Postgres alone and a naive server."""
    if base or quick:
        rounds_max = rounds or (QUICK_ROUNDS if quick else ROUNDS)
        pairs = PairPlan(
            base=base,
            rounds=rounds_max,
            directory=directory / "bench",
            is_written=not quick,
            is_judged_when_busy=anyway,
        )
        return run(lambda stop: run_paired(pairs, stop))
    plan = Plan(rounds=rounds or 5, seconds=seconds, only=only or (), directory=directory)
    if growth:
        return run(lambda stop: run_growth(plan, growth, stop))
    return run(lambda stop: run_all(plan, stop))

"""`cityswitch bench`: measure this machine, on a Postgres of the bench's own.

Owns the options; the work is `bench.throughput`'s. A plain function, not an async one: the bench runs trio
itself, with its own handling of Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from bench.command import run
from bench.throughput.run import DIRECTORY, Plan, run_all, run_growth, run_quick
from ops.cli.help_texts import examples

app = App(
    name="bench",
    help_epilogue=examples(
        "bench", "bench --quick", "bench --rounds 3 --only switch --only limit", "bench --growth cards"
    ),
)


@app.default
def bench(
    *,
    quick: Annotated[
        bool, Parameter(help="Under a minute: compare the ratios with the committed ones, write nothing.")
    ] = False,
    rounds: Annotated[int, Parameter(help="How often each lane has its turn.", validator=Number(gte=1))] = 5,
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
    plan = Plan(rounds=rounds, seconds=seconds, only=only or (), directory=directory)
    if growth:
        return run(lambda stop: run_growth(plan, growth, stop))
    return run(lambda stop: run_quick(plan, stop) if quick else run_all(plan, stop))

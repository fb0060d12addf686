"""`cityswitch simulate differential`: the store in memory held to Postgres, by a seed.

Owns the options and what is printed; the comparison is `simulators.world.differential`'s. Invariant: exit
status 0 only if there was no difference.
"""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import Parameter

from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.cli.simulate import app
from ops.exit_codes import Exit
from ops.output import print_line, say
from simulators.world.differential.run import Difference, Told, figures, run
from simulators.world.differential.scratch import scratch_postgres

__all__ = ["app"]

OPERATIONS_MAX: Final = 100_000_000
BUCKETS_MAX: Final = 64
SEED_MAX: Final = 2**63 - 1
_PARTS: Final = 20
"""So often it is told how far a run is."""


@app.command(
    help_epilogue=examples(
        "simulate differential --seed 1 --operations 10000",
        "simulate differential --seed 2 --operations 1000000 --buckets 4",
    )
)
async def differential(
    *,
    seed: Annotated[int, Parameter(help="Of all requests.", validator=between(0, SEED_MAX))] = 1,
    operations: Annotated[
        int, Parameter(help="How many requests.", validator=between(1, OPERATIONS_MAX))
    ] = 10_000,
    buckets: Annotated[
        int, Parameter(help="How many buckets both ledgers have.", validator=between(1, BUCKETS_MAX))
    ] = 1,
) -> Exit:
    """Compare the store in memory with a Postgres of its own: the same random requests, equal answers."""
    progress = _Progress(operations)
    async with scratch_postgres() as (owner, service):
        try:
            told = await run(
                owner, service, seed=seed, operations=operations, buckets=buckets, on_progress=progress.show
            )
        except Difference as difference:
            print_line(str(difference))
            return Exit.DIFFERENCES
    for line in figures(told):
        print_line(line)
    print_line(f"seed {seed}, buckets {buckets}: no difference.")
    return Exit.OK


class _Progress:
    """Tells how far a run is, a few times."""

    def __init__(self, operations: int) -> None:
        self._operations = operations
        self._part = 0

    def show(self, told: Told) -> None:
        part = told.operations * _PARTS // self._operations
        if part > self._part:
            self._part = part
            say(f"{told.operations:,} of {self._operations:,} operations, no difference")

"""`cityswitch simulate world`: whole worlds in memory, by their seeds, under faults, until all is settled.

Owns the options and what is printed; a world is `simulators.world`'s. Needs no switch, no database and no
network. Invariant: a world that failed is named with the command that runs it again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from ops.cli.bounds import between
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line, say
from simulators.world.cities import TERMINALS
from simulators.world.faults import Fault
from simulators.world.run import OPERATIONS, Plan, Report, run_world
from simulators.world.runs import SEEDS_FOR_EVERYTHING, Together, run_worlds
from simulators.world.shrink import shrink as shrunk

SEED_MAX = 2**31 - 1
SEEDS_MAX = 1_000_000
OPERATIONS_MAX = 1_000_000
PROCESSES_MAX = 256


def world(
    *,
    seed: Annotated[int, Parameter(help="The first seed.", validator=between(0, SEED_MAX))] = 1,
    seeds: Annotated[
        int, Parameter(help="How many seeds, one after the other.", validator=between(1, SEEDS_MAX))
    ] = 1,
    operations: Annotated[
        int, Parameter(help="Operations at the tills of each.", validator=between(1, OPERATIONS_MAX))
    ] = OPERATIONS,
    faults: Annotated[
        str | None, Parameter(help="Kinds of faults, with commas between, or none; as each seed has it.")
    ] = None,
    tills: Annotated[
        int, Parameter(help="Terminals of each city.", validator=between(1, TERMINALS))
    ] = TERMINALS,
    processes: Annotated[
        int, Parameter(help="For many seeds; 0: one a processor.", validator=between(0, PROCESSES_MAX))
    ] = 0,
    shrink: Annotated[bool, Parameter(help="Cut the first seed that fails down.")] = False,
    json: Annotated[bool, Parameter(help="What the worlds came to, as JSON.")] = False,
) -> Exit:
    """Run simulated worlds: the real switch and terminals on virtual time, under faults by the seed."""
    kinds = None if faults is None else _kinds(faults)
    plans = [Plan(number, operations, kinds, tills) for number in range(seed, seed + seeds)]
    together = Together()
    failed: Report | None = None
    for report in run_worlds(plans, processes or os.cpu_count() or 1):
        together.add(report)
        if report.violations:
            failed = failed or report
            say(f"seed {report.plan.seed}: {report.violations[0]}")
        elif seeds > 1 and together.seeds % 10 == 0:
            say(f"{together.seeds} of {seeds} seeds")
    is_whole = seeds >= SEEDS_FOR_EVERYTHING and operations >= OPERATIONS and kinds is None
    never = together.never() if is_whole else []
    if json:
        print_json({**msgspec.to_builtins(together), "never": never})
    else:
        _tell(together, never)
    if failed is not None and shrink:
        _shrink(failed)
    return Exit.DIFFERENCES if together.failed or never else Exit.OK


def _kinds(text: str) -> tuple[Fault, ...]:
    known = {kind.value: kind for kind in Fault}
    names = [] if text == "none" else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise CommandError(
                Exit.USAGE,
                f"--faults: {name[:40]!r} is no kind of fault. There are {', '.join(known)}; or none.",
            )
    return tuple(known[name] for name in names)


def _tell(together: Together, never: Iterable[str]) -> None:
    print_line(
        f"{together.seeds} seeds, {together.operations:,} operations, {together.rows:,} rows in the books, "
        f"{together.events:,} events"
    )
    for name, count in sorted(together.counts.items()):
        print_line(f"  {name:<40} {count:>10,}")
    for name in never:
        print_line(f"NEVER {name}")
    for number, violations in together.failed.items():
        for line in violations:
            print_line(f"SEED {number} {line}")
    if not together.failed:
        print_line("No violation.")


def _shrink(report: Report) -> None:
    say(f"cutting seed {report.plan.seed} down")
    plan = shrunk(report.plan, report, run_world, lambda smaller: say(command_of(smaller)))
    for line in run_world(plan).violations:
        print_line(line)
    print_line(f"Again: {command_of(plan)}")


def command_of(plan: Plan) -> str:
    """Return the command that runs a world."""
    kinds: Any = plan.kinds
    faults = "" if kinds is None else f" --faults {','.join(kinds) or 'none'}"
    tills = "" if plan.tills == TERMINALS else f" --tills {plan.tills}"
    return f"cityswitch simulate world --seed {plan.seed} --operations {plan.operations}{faults}{tills}"

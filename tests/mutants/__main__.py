"""Plants one bug after the other in a copy of the checkout, and sees what finds it.

    python -m tests.mutants [--only NAME ...] [--seed FIRST] [--seeds K] [--write]

Owns who looks for what: the check that the head of the patch names. Invariants: a bug counts as found only if
the same check finds nothing where it was not planted; exit status 0 only if every bug was found.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.mutants.catchers import WORLD_OPERATIONS, Catch, catch
from tests.mutants.patches import Mutant, copy_of_the_checkout, mutants, planted
from tests.mutants.table import read_table, row_of, write_table

SEEDS = 12
"""So many worlds may find a bug."""
DIFFERENTIALS = 3
"""So many seeds of the differential run, which take longer."""


class Control:
    """The checkout as it is: what a check says of it, asked once."""

    def __init__(self, copy: Path) -> None:
        self._copy = copy
        self._clean: dict[tuple[str, int], bool] = {}

    def is_clean(self, found: Catch) -> bool:
        """Whether what found a bug finds nothing here."""
        key = found.by, found.seed
        if key not in self._clean:
            self._clean[key] = catch(self._copy, found.by, found.seed, 1) is None
        return self._clean[key]


def look_for(mutant: Mutant, copy: Path, control: Control, first: int, count: int) -> Catch | None:
    """Plant a bug in a copy and return what finds it."""
    with planted(mutant, copy):
        by = mutant.found_by
        found = catch(copy, by, first, count if by in WORLD_OPERATIONS else min(count, DIFFERENTIALS))
    if found is None or control.is_clean(found):
        return found
    print(f"{mutant.name}: {by} {found.seed} fails without it, too: {found.said}", flush=True)
    return None


def main(arguments: list[str]) -> int:
    """Look for each bug; 0 if all were found."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", nargs="*", metavar="NAME", help="these bugs alone")
    parser.add_argument("--seed", type=int, default=1, metavar="FIRST", help="the first seed")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="K", help="worlds a bug, at most")
    parser.add_argument("--write", action="store_true", help="write TABLE.md")
    options = parser.parse_args(arguments)
    everything = mutants()
    chosen = [mutant for mutant in everything if not options.only or mutant.name in options.only]
    missed = []
    with copy_of_the_checkout() as clean, copy_of_the_checkout() as copy:
        control = Control(clean)
        for mutant in chosen:
            row = row_of(mutant, found := look_for(mutant, copy, control, options.seed, options.seeds))
            print(" | ".join((row.name, row.by, row.seeds, row.said)), flush=True)
            if found is None:
                missed.append(mutant.name)
            if options.write:
                write_table([*read_table(), row], [each.name for each in everything])
    print(f"{len(chosen) - len(missed)} of {len(chosen)} found.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

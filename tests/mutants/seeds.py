"""Worlds of one seed after the other until one fails, in the copy this is started in.

    python -m tests.mutants.seeds FIRST COUNT OPERATIONS

Prints one line of JSON: the seed that failed or null, and what was said first. Must not know what was
planted.
"""

from __future__ import annotations

import json
import sys

from simulators.world.run import Plan, run_world


def main(first: int, count: int, operations: int) -> None:
    """Run worlds and print what came of them."""
    for seed in range(first, first + count):
        try:
            violations = run_world(Plan(seed, operations)).violations
        except Exception as error:  # a bug may end a world in any way
            violations = [f"the world ended with {type(error).__name__}: {error}"]
        if violations:
            # What was seen says more than where a task fell over it.
            said = min(violations, key=lambda line: line.startswith("a task crashed"))
            print(json.dumps({"seed": seed, "said": said}))
            return
    print(json.dumps({"seed": None, "said": ""}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

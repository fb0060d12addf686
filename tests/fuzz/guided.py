"""One harness under atheris, in a process of its own: libFuzzer ends the process, so nothing comes after it.

Owns the process and what it leaves in its directory: `counts.json`, inputs worth keeping, inputs that
escaped. Must be the first to import what is instrumented. `python -m tests.fuzz` starts it.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

COUNTERS: Final = 2_048
"""Counters of outcomes: what a decoder in C said is coverage, too, and libFuzzer sees none of C's."""
WRITE_EVERY: Final = 1_024


def main(name: str, modules: list[str], directory: Path, flags: list[str]) -> None:
    """Fuzz a harness until libFuzzer's own limits; does not return."""
    import atheris  # the one place where it may be missing

    with atheris.instrument_imports(include=modules, enable_loader_override=False):
        target = importlib.import_module(f"tests.fuzz.{name}").TARGET
    branches = [atheris._reserve_counter() for _ in range(COUNTERS)]
    seen: dict[Any, int] = {}
    kinds: Counter[str] = Counter()
    inputs, written_at = 0, 0.0

    def run(data: bytes) -> None:
        nonlocal inputs, written_at
        inputs += 1
        outcome = target.run(data)
        kinds[outcome.kind] += 1
        number = seen.setdefault(outcome, len(seen)) if len(seen) < COUNTERS else seen.get(outcome, 0)
        atheris._trace_branch(branches[number])
        if inputs % WRITE_EVERY == 0 and time.monotonic() - written_at > 1:
            written_at = time.monotonic()
            counts = {"inputs": inputs, "kinds": kinds, "edges": branches[0], "outcomes": len(seen)}
            (directory / "counts.json").write_text(json.dumps(counts))

    atheris.Setup([sys.argv[0], *flags], run, internal_libfuzzer=True)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), Path(sys.argv[3]), sys.argv[4:])

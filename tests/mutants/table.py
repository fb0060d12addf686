"""TABLE.md: what found each planted bug, after how many seeds. Read and written whole.

Owns the file's form. Must not know how anything was run. Invariant: a row that is not run again stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutants.catchers import WORLD_OPERATIONS, Catch
from tests.mutants.patches import FOLDER, Mutant

TABLE: Final = FOLDER / "TABLE.md"
NOBODY: Final = "nobody"
SAID_MAX: Final = 150
_HEAD: Final = """# Planted bugs

{caught} of {all} are found: {by}.

One patch each in this folder. Written by `python -m tests.mutants --write`, which breaks a copy of the
checkout with one patch at a time and lets that check look for it which the patch names: worlds of 600
operations, or whole ones of 2,000 where what matters is rarer (`cityswitch simulate world --operations 600
--seed N`), the differential run where the bug is in SQL (`cityswitch simulate differential`), a test of the
suite for what neither sees. What found a bug finds nothing without it.

| bug | promise it breaks | found by | after seeds | what was said |
| --- | --- | --- | --- | --- |
"""
_ROW: Final = re.compile(r"^\| (\w+) \| (.*?) \| (.*?) \| (.*?) \| (.*) \|$", re.MULTILINE)


class Row(NamedTuple):
    """One bug and what found it, as text."""

    name: str
    breaks: str
    by: str
    seeds: str
    said: str


def row_of(mutant: Mutant, found: Catch | None) -> Row:
    """Return the row of a bug that something found, or nothing."""
    if found is None:
        return Row(mutant.name, mutant.breaks, NOBODY, "", "")
    seeds = str(found.seeds) if found.seed else ""
    said = re.sub(r"\s+", " ", found.said)
    said = said if len(said) <= SAID_MAX else said[: SAID_MAX - 1] + "…"
    return Row(mutant.name, mutant.breaks, found.by, seeds, said.replace("|", "\\|").replace("<", "&lt;"))


def read_table() -> list[Row]:
    """Return the rows that were written last."""
    if not TABLE.exists():
        return []
    rows = [Row(*found.groups()) for found in _ROW.finditer(TABLE.read_text(encoding="utf-8"))]
    return [row for row in rows if row.name != "bug"]


def write_table(rows: Iterable[Row], names: Iterable[str], to: Path = TABLE) -> None:
    """Write the rows of these bugs; of two of one bug the later."""
    known = {row.name: row for row in rows}
    kept = [known[name] for name in names if name in known]
    caught = [row for row in kept if row.by != NOBODY]
    worlds = sum(row.by in WORLD_OPERATIONS for row in caught)
    differential = sum(row.by == "differential" for row in caught)
    by = (
        f"{worlds} by a world, {differential} by the differential run, "
        f"{len(caught) - worlds - differential} by a test of the suite"
    )
    lines = [f"| {' | '.join(row)} |" for row in kept]
    to.write_text(
        _HEAD.format(caught=len(caught), all=len(kept), by=by) + "\n".join(lines) + "\n", encoding="utf-8"
    )

"""What the command prints: tables for people, JSON for scripts, one line for a failure.

Owns the two streams: results go to stdout, everything said on the way (progress, notices, failures) to
stderr, so a pipe gets results only. Must not know what the rows mean. Invariant: no card number in full is
ever printed here; callers hand over masked ones.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import msgspec
from rich.console import Console
from rich.table import Table

Cell = str | int | bool | None
Row = Mapping[str, Cell]


def say(text: str) -> None:
    """Print a notice on stderr, unwrapped: what was started, skipped or chosen."""
    print(text, file=sys.stderr, flush=True)


def print_line(text: str) -> None:
    """Print one line of result on stdout."""
    print(text, flush=True)


def print_json(value: object) -> None:
    """Print one JSON document on stdout: object keys in their given order, one line."""
    print(msgspec.json.encode(value).decode(), flush=True)


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows as a table (a JSON array with `as_json`); `empty` is said on stderr when there are none."""
    if as_json:
        print_json([{column: row[column] for column in columns} for row in rows])
        return
    if not rows:
        say(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = all(isinstance(row[column], int) and not isinstance(row[column], bool) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(text_of(row[column]) for column in columns))
    width_needed = Console(width=10_000).measure(table).maximum
    # Into a pipe nothing may be cut off; on a terminal rich's own width decides.
    Console(width=None if sys.stdout.isatty() else width_needed).print(table)


def print_fields(row: Row, *, as_json: bool) -> None:
    """Print one record, a field a line (a JSON object with `as_json`)."""
    if as_json:
        print_json(dict(row))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        print_line(f"{name.replace('_', ' '):<{width}}  {text_of(value)}")


def text_of(cell: Cell) -> str:
    """Return a cell as people read it: yes/no, a dash for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return str(cell)

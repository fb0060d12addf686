"""CSV files of cards, partners and terminals: the good lines kept, the bad ones told with a reason.

Owns reading the file, the progress bar and the report. Must not know the registry: the caller says how a
line is read and how a batch is stored. Invariants: a refused line never stops the others; a line number is
the one an editor shows (the header is line 1); no reason repeats a card number in full.
"""

from __future__ import annotations

import csv
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ledger.registry.admin import Import
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line, say

T = TypeVar("T")

BATCH_LINES_MAX = 1_000
REFUSED_SHOWN_MAX = 50


class LineError(ValueError):
    """A line that cannot be imported; the text is the reason, without a card number."""


@dataclass(frozen=True)
class Line(Generic[T]):
    """A line that was read: its number in the file (the header is 1) and what it says."""

    number: int
    value: T


@dataclass(frozen=True)
class Refused:
    """A line that was refused: its number in the file and the reason."""

    line: int
    reason: str


@dataclass(frozen=True)
class Columns:
    """The columns a file has: those it must have and those it may have, in the order help shows them."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def read_lines(
    path: Path, columns: Columns, read: Callable[[Mapping[str, str]], T]
) -> Iterator[Line[T] | Refused]:
    """Yield every line of a CSV file (UTF-8, comma or semicolon, with a header), read by `read` or refused.

    `read` gets the line's columns, stripped, the absent optional ones empty, and raises `LineError` to
    refuse. Raises `CommandError` when the file itself cannot be used.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            delimiter = ";" if first.count(";") > first.count(",") else ","
            file.seek(0)
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            _check_header(path, header, columns)
            for fields in reader:
                if fields:
                    yield _read_line(reader.line_num, header, columns, fields, read)
    except UnicodeDecodeError:
        raise CommandError(
            Exit.USAGE, f"{path}: is not UTF-8 text.", "Save it as CSV UTF-8 and import it again."
        ) from None
    except csv.Error as error:
        raise CommandError(
            Exit.USAGE, f"{path}: line {reader.line_num}: {error}.", "Mend the quotes of that line."
        ) from None
    except OSError as error:
        raise CommandError(
            Exit.USAGE, f"{path}: {error.strerror}.", "Check the path and its permissions."
        ) from None


def _check_header(path: Path, header: Sequence[str], columns: Columns) -> None:
    known = columns.required + columns.optional
    problems = [f"column '{name}' is missing" for name in columns.required if name not in header]
    problems += [f"column '{name}' is unknown" for name in header if name not in known]
    problems += [f"column '{name}' is there twice" for name in known if header.count(name) > 1]
    if problems:
        raise CommandError(
            Exit.USAGE,
            f"{path}: {problems[0]} in the first line.",
            f"The first line names the columns: {','.join(known)}.",
        )


def _read_line(
    number: int,
    header: Sequence[str],
    columns: Columns,
    fields: Sequence[str],
    read: Callable[[Mapping[str, str]], T],
) -> Line[T] | Refused:
    if len(fields) != len(header):
        return Refused(number, f"has {len(fields)} fields, the header has {len(header)}")
    row = dict.fromkeys(columns.optional, "") | {
        name: field.strip() for name, field in zip(header, fields, strict=True)
    }
    for name in columns.required:
        if not row[name]:
            return Refused(number, f"{name} is empty")
    try:
        return Line(number, read(row))
    except LineError as error:
        return Refused(number, str(error))


async def import_lines(
    lines: Iterator[Line[T] | Refused],
    store: Callable[[list[Line[T]]], Awaitable[list[Refused]]],
    *,
    what: str,
    lines_total: int,
) -> tuple[int, list[Refused]]:
    """Store the lines in batches, with a progress bar on stderr; return how many were stored, and the
    refused.

    `store` stores one batch and returns the lines it had to refuse (a number that exists already, say).
    """
    stored = 0
    refused: list[Refused] = []
    batch: list[Line[T]] = []
    with _progress() as progress:
        task = progress.add_task(what, total=lines_total)

        async def flush() -> int:
            turned_down = await store(batch) if batch else []
            refused.extend(turned_down)
            progress.advance(task, len(batch))
            count = len(batch) - len(turned_down)
            batch.clear()
            return count

        for line in lines:
            if isinstance(line, Refused):
                refused.append(line)
                progress.advance(task)
            else:
                batch.append(line)
            if len(batch) >= BATCH_LINES_MAX:
                stored += await flush()
        stored += await flush()
    return stored, sorted(refused, key=lambda entry: entry.line)


async def store_once(
    lines: list[Line[T]], key: Callable[[T], int], store: Callable[[list[T]], Awaitable[Import]]
) -> list[Refused]:
    """Store lines whose values are known by a key; a key that occurs twice is refused the second time.

    `store` names what it refuses by key; the answer names it by line.
    """
    first_at: dict[int, int] = {}
    refused: list[Refused] = []
    fresh: list[T] = []
    for line in lines:
        number = first_at.setdefault(key(line.value), line.number)
        if number == line.number:
            fresh.append(line.value)
        else:
            refused.append(Refused(line.number, f"is line {number} once more"))
    done = await store(fresh)
    return refused + [Refused(first_at[refusal.key], refusal.reason) for refusal in done.refused]


def count_lines(path: Path) -> int:
    """Return how many lines a file has below its header, for the progress bar; 0 if it cannot be read."""
    try:
        with path.open("rb") as file:
            return max(sum(1 for _ in file) - 1, 0)
    except OSError:
        return 0


def report(stored: int, refused: Sequence[Refused], *, what: str, as_json: bool) -> Exit:
    """Print what was imported and every refused line; returns the exit status."""
    if as_json:
        print_json({"imported": stored, "refused": [{"line": r.line, "reason": r.reason} for r in refused]})
    else:
        print_line(f"{stored} {what} imported, {len(refused)} lines refused")
        for entry in refused[:REFUSED_SHOWN_MAX]:
            print_line(f"  line {entry.line}: {entry.reason}")
        if len(refused) > REFUSED_SHOWN_MAX:
            print_line(f"  and {len(refused) - REFUSED_SHOWN_MAX} more (--json lists all)")
    if refused:
        say("The good lines are imported. Mend the refused ones and import them again.")
    return Exit.DIFFERENCES if refused else Exit.OK


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )

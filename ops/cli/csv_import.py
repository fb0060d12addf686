"""CSV files of cards, partners and terminals: read and checked whole before anything is stored.

Owns reading the file and the report. Must not know the registry's rows: the caller says how a line is read
and how all are stored. Invariants: every refused line is told with its number (the one an editor shows, the
header is line 1), the column and the reason; no reason repeats a field; unless the good lines are asked
for, one refused line means that nothing is stored.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeVar

from cyclopts import Group, Parameter

from ledger.registry.imports import Import, Mode
from ops.csv_text import exact_csv
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line, say, work_is_done

T = TypeVar("T")

FILE_BYTES_MAX: Final = 512 * 1024 * 1024
REFUSED_SHOWN_MAX: Final = 50
NOTES: Final = ("refused_line", "refused_because")
"""Columns of a file of refused lines; passed over when it is imported again."""


@Parameter(name="*", group=Group("Import", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class How:
    """What becomes of a file with lines that have to be refused."""

    good_lines: Annotated[
        bool, Parameter(help="Store the good lines, and write the refused ones to a file with the reasons.")
    ] = False
    refused_to: Annotated[
        Path | None, Parameter(help="That file, a new one; FILE.refused.csv beside the imported one.")
    ] = None
    dry_run: Annotated[bool, Parameter(help="Only say what would be stored.")] = False

    @property
    def mode(self) -> Mode:
        """What the registry is told to do."""
        if self.dry_run:
            return Mode.DRY_RUN
        return Mode.GOOD_ROWS if self.good_lines else Mode.WHOLE


ALL_OR_NOTHING: Final = How()


class LineError(ValueError):
    """A line that cannot be imported: the column, and the reason without what stands there."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True)
class Line(Generic[T]):
    """A line that was read: its number in the file (the header is 1), what it says, and its fields."""

    number: int
    value: T
    fields: Sequence[str]


@dataclass(frozen=True)
class Refused:
    """A line that was refused: its number in the file, the column ("": the line as such), the reason."""

    line: int
    column: str
    reason: str
    fields: Sequence[str] = ()

    def __str__(self) -> str:
        column = f"{self.column}: " if self.column else ""
        return f"line {self.line}: {column}{self.reason}"


@dataclass(frozen=True)
class Columns:
    """The columns a file has: those it must have and those it may have, in the order help shows them."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet(Generic[T]):
    """A file that was read whole."""

    path: Path
    sha256: str
    header: Sequence[str]
    lines: list[Line[T]]
    refused: list[Refused]

    @property
    def source(self) -> str:
        """How the trail names it."""
        return f"{self.path.name[:200]} sha256 {self.sha256}"


def read_sheet(path: Path, columns: Columns, read: Callable[[Mapping[str, str]], T]) -> Sheet[T]:
    """Read a CSV file whole (UTF-8, comma or semicolon, with a header).

    `read` gets a line's columns, stripped, the absent optional ones empty, and raises `LineError` to refuse
    it. Raises `CommandError`, with line and column, when the file itself cannot be used.
    """
    data = _read_bytes(path)
    text = _decode(path, data)
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Line[T]] = []
    refused: list[Refused] = []
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(path, header, columns)
        for entry in _read_lines(reader, header, columns, read):
            (refused if isinstance(entry, Refused) else lines).append(entry)  # type: ignore[arg-type]
    except csv.Error as error:
        raise CommandError(
            Exit.USAGE, f"{path}: line {reader.line_num}: {error}.", "Mend the quotes of that line."
        ) from None
    return Sheet(path, hashlib.sha256(data).hexdigest(), header, lines, refused)


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise CommandError(
            Exit.USAGE, f"{path}: {error.strerror}.", "Check the path and its permissions."
        ) from None
    if len(data) > FILE_BYTES_MAX:
        raise CommandError(
            Exit.USAGE, f"{path}: is larger than {FILE_BYTES_MAX >> 20} MiB.", "Import it in parts."
        )
    return data


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        raise CommandError(
            Exit.USAGE,
            f"{path}: line {line}, byte {column}: is not UTF-8 text.",
            "Save it as CSV UTF-8 and import it again.",
        ) from None


def _check_header(path: Path, header: Sequence[str], columns: Columns) -> None:
    known = columns.required + columns.optional
    problems = [f"column '{name}' is missing" for name in columns.required if name not in header]
    problems += [f"column {at} is unknown" for at, name in enumerate(header, 1) if name not in known + NOTES]
    problems += [f"column '{name}' is there twice" for name in known if header.count(name) > 1]
    if problems:
        raise CommandError(
            Exit.USAGE,
            f"{path}: line 1: {problems[0]}.",
            f"The first line names the columns: {','.join(known)}.",
        )


def _read_lines(
    reader: Any, header: Sequence[str], columns: Columns, read: Callable[[Mapping[str, str]], T]
) -> Iterator[Line[T] | Refused]:
    number = reader.line_num + 1
    for fields in reader:
        if fields:
            yield _read_line(number, header, columns, fields, read)
        number = reader.line_num + 1  # a quoted field may span lines: the line where this one begins


def _read_line(
    number: int,
    header: Sequence[str],
    columns: Columns,
    fields: Sequence[str],
    read: Callable[[Mapping[str, str]], T],
) -> Line[T] | Refused:
    if len(fields) != len(header):
        reason = f"has {len(fields)} fields, the header has {len(header)}"
        return Refused(number, "", reason, fields)
    row = dict.fromkeys(columns.optional, "") | {
        name: field.strip() for name, field in zip(header, fields, strict=True)
    }
    try:
        for name, field in row.items():
            if not field.isprintable():
                raise LineError(name, "has a character that cannot be seen (a control character or a mark)")
        for name in columns.required:
            if not row[name]:
                raise LineError(name, "is empty")
        return Line(number, read(row), fields)
    except LineError as error:
        return Refused(number, error.column, str(error.reason), fields)


def whole_number(row: Mapping[str, str], column: str, least: int, most: int) -> int:
    """Return the number in a column. Raises `LineError` out of bounds, and for anything but ASCII digits."""
    text = row[column]
    # Python turns no text of more than some thousand digits into a number, zeros before it included.
    digits = text.lstrip("0") or "0"
    is_number = text.isascii() and text.isdigit() and len(digits) <= len(str(most))
    if not is_number or not least <= int(digits) <= most:
        raise LineError(column, f"is no number from {least} to {most}")
    return int(digits)


async def store_sheet(
    sheet: Sheet[T],
    how: How,
    key: Callable[[T], int],
    store: Callable[[list[T], Mode], Awaitable[Import]],
    *,
    what: str,
    as_json: bool,
    see: str = "",
) -> Exit:
    """Store a sheet's lines as `how` says, and report; return the exit status.

    `store` names what it refuses by key; the report names it by line. A key that occurs twice is refused the
    second time. `see`: the command that shows what was stored, if it is not the list of `what`.
    """
    refused_to = how.refused_to or sheet.path.with_name(sheet.path.name + ".refused.csv")
    if how.mode is Mode.GOOD_ROWS and refused_to.exists():
        raise CommandError(
            Exit.USAGE, f"{refused_to}: is there already.", "Name a new file with --refused-to."
        )
    by_key: dict[int, Line[T]] = {}
    refused = list(sheet.refused)
    for line in sheet.lines:
        first = by_key.setdefault(key(line.value), line)
        if first is not line:
            refused.append(Refused(line.number, "", f"is line {first.number} once more", line.fields))
    is_hopeless = bool(refused) and how.mode is Mode.WHOLE
    values = [line.value for line in by_key.values()]
    done = await store(values, Mode.DRY_RUN if is_hopeless else how.mode)
    for refusal in done.refused:
        line = by_key[refusal.key]
        refused.append(Refused(line.number, refusal.column, str(refusal.reason), line.fields))
    refused.sort(key=lambda entry: entry.line)
    stored = 0 if is_hopeless else done.added
    if stored and how.mode is not Mode.DRY_RUN:
        work_is_done(f"See: cityswitch {see or what + ' list'}")
    _report(sheet, how, stored, done.unchanged, refused, what=what, as_json=as_json)
    if refused and how.mode is Mode.GOOD_ROWS:
        _write_refused(refused_to, sheet.header, refused)
    return Exit.DIFFERENCES if refused else Exit.OK


def _report(
    sheet: Sheet[Any],
    how: How,
    stored: int,
    unchanged: int,
    refused: Sequence[Refused],
    *,
    what: str,
    as_json: bool,
) -> None:
    if as_json:
        print_json({
            "file": str(sheet.path), "sha256": sheet.sha256, "dry_run": how.dry_run,
            "imported": stored, "unchanged": unchanged,
            "refused": [{"line": r.line, "column": r.column, "reason": r.reason} for r in refused],
        })  # fmt: skip
        return
    imported = "would be imported" if how.dry_run else "imported"
    print_line(f"{stored} {what} {imported}, {unchanged} there already, {len(refused)} lines refused")
    for entry in refused[:REFUSED_SHOWN_MAX]:
        print_line(f"  {entry}")
    if len(refused) > REFUSED_SHOWN_MAX:
        print_line(f"  and {len(refused) - REFUSED_SHOWN_MAX} more (--json lists all)")
    if refused and how.mode is Mode.WHOLE:
        say("Nothing was imported. Mend these lines, or store the good ones with --good-lines.")


def _write_refused(path: Path, header: Sequence[str], refused: Sequence[Refused]) -> None:
    """Write the refused lines to a new file for this user alone: they may hold card numbers."""
    kept = [at for at, name in enumerate(header) if name not in NOTES]
    rows = (
        [
            *(entry.fields[at] if at < len(entry.fields) else "" for at in kept),
            entry.line,
            f"{entry.column}: {entry.reason}" if entry.column else entry.reason,
        ]
        for entry in refused
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(exact_csv([*(header[at] for at in kept), *NOTES], rows))
    except OSError as error:
        say(f"{path}: {error.strerror}: the refused lines could not be written; a dry run lists them again.")
    else:
        say(f"The refused lines are in {path}: mend and import it.")

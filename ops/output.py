"""What the command prints: tables for people, JSON for scripts, one line for a failure.

Owns the two streams: results go to stdout, everything said on the way (progress, notices, failures) to
stderr, so a pipe gets results only. Must not know what the rows mean. Invariants: printing never raises: what
the terminal's character set lacks is replaced by what looks nearest, and what cannot be written at all is
remembered for the end (`finish`), so that output never fails an effect; a column is shown whole or left out
with a word; JSON is exact in every character set, and a number beyond ±(2**53 - 1) is a string there.
"""

from __future__ import annotations

import codecs
import errno
import io
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.csv_text import sheet
from ops.errors import CommandError, one_line
from ops.exit_codes import Exit

Cell = str | int | bool | None
Row = Mapping[str, Cell]

JSON_INTEGER_MAX: Final = 2**53 - 1
"""What common tools read exactly: they hold every number as a double (RFC 8259, section 6)."""
NEAREST: Final = "cityswitch.nearest"
"""Name of the error handler that replaces what a character set lacks, one character for one."""
STOPPED_UNKNOWN: Final = "It may have taken effect: look before you do it again."
STOPPED_DONE: Final = "It has taken effect."
_LOOKS_LIKE: Final = dict(zip("─│┌┐└┘├┤łŁ…·–—„”“’→←×±━╸╺", '-|++++++lL.---"""\'><x+---', strict=True))


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_look_alike, lacking)), error.end


def _look_alike(char: str) -> str:
    if char in _LOOKS_LIKE:
        return _LOOKS_LIKE[char]
    first = unicodedata.normalize("NFKD", char)[0]
    return first if first.isascii() and first.isprintable() else "?"


codecs.register_error(NEAREST, _nearest)


class Form(Enum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass
class _Run:
    """What is known of this run's output."""

    as_json: bool = False
    log_event: str = ""
    is_done: bool = False
    again: str = ""
    so_far: str = ""
    is_changing: bool = False
    lost: OSError | None = None


_run = _Run()


class _Closed(io.TextIOWrapper):
    """A standard stream that whoever started us has closed: as if its reader had left."""

    def __init__(self) -> None:
        super().__init__(open(os.devnull, "wb"), encoding="utf-8")  # noqa: SIM115 - as long as the process

    def write(self, text: str) -> int:
        if text:
            raise BrokenPipeError(errno.EPIPE, "the stream is closed")
        return 0


def begin(*, as_json: bool, log_event: str = "") -> None:
    """Prepare the streams for one run; `as_json`: what is said on stderr is JSON, too, a document a line.

    `log_event`: standard error is a log, and a failure is a line of it under this name.
    """
    global _run  # noqa: PLW0603 - the streams are the process' own, and so is what is known of them
    _run = _Run(as_json=as_json, log_event=log_event)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _Closed())
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=NEAREST)


def work_is_done(again: str = "") -> None:
    """Say that the effect asked for has happened: from here on lost output changes no exit status.

    `again`: how to see the result once more.
    """
    _run.is_done = True
    _run.so_far = ""
    _run.again = again


def effect_so_far(text: str) -> None:
    """Say what part of the effect has happened, or may have: a failure from here on tells it."""
    _run.so_far = text


def change_begins() -> None:
    """Say that from here on something may have taken effect: who stops it is told so."""
    _run.is_changing = True


def finish(status: int) -> int:
    """End the output of a run that came to `status`; return the exit status, which tells of lost output."""
    _write(sys.stdout, "")
    if _run.lost is None:
        return status
    _discard(sys.stdout)
    if isinstance(_run.lost, BrokenPipeError) and not _run.again:
        # The reader of our output has left (`cityswitch cards list | head`): nothing is wrong.
        return status
    cause = f"the result could not be printed: {_run.lost.strerror or _run.lost}."
    if _run.is_done:
        taken = CommandError(Exit(status), cause, f"It has taken effect. {_run.again}")
        say(str(taken)) if status == Exit.OK else tell_failure(taken)
        return status
    tell_failure(CommandError(Exit.STATE, cause, "Free some space (df -h) and run it again."))
    return status or Exit.STATE


def was_lost(error: OSError) -> None:
    """Take note of a result that could not be written."""
    _run.lost = _run.lost or error


def _discard(stream: TextIO) -> None:
    """Let what is still buffered go nowhere, for Python would fail on it when it ends."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        if stream is sys.stdout:
            was_lost(error)
    except ValueError as error:  # the stream was closed
        if stream is sys.stdout:
            was_lost(OSError(str(error)))


def print_text(text: str, out: TextIO | None = None) -> None:
    """Print a part of a line on stdout, or on `out`."""
    _write(out or sys.stdout, text)


def print_line(text: str) -> None:
    """Print one line of result on stdout."""
    _write(sys.stdout, text + "\n")


def say(text: str) -> None:
    """Print a notice on stderr, unwrapped: what was started, skipped or chosen."""
    _write(sys.stderr, (_json({"notice": text}, sys.stderr) if _run.as_json else text) + "\n")


def tell_failure(error: CommandError) -> None:
    """Print a failure on stderr, and what has taken effect all the same: one line, or one JSON document."""
    so_far = _run.so_far
    if not so_far and error.status is Exit.INTERRUPTED and _run.is_changing:
        so_far = STOPPED_DONE if _run.is_done else STOPPED_UNKNOWN
    error = CommandError(error.status, error.cause, f"{error.cure} {so_far}")
    told = {
        "status": int(error.status),
        "name": error.status.name.lower(),
        "cause": error.cause,
        "cure": error.cure,
    }
    if _run.log_event:
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {**told, "event": _run.log_event, "level": "critical", "timestamp": now}
        _write(sys.stderr, _json(line, sys.stderr) + "\n")
    elif _run.as_json:
        _write(sys.stderr, _json({"error": told}, sys.stderr) + "\n")
    else:
        _write(sys.stderr, f"cityswitch: {error}\n")


def print_json(value: object) -> None:
    """Print one JSON document on stdout: object keys in their given order, one line."""
    _write(sys.stdout, _json(value, sys.stdout) + "\n")


def _json(value: object, stream: TextIO) -> str:
    plain = _readable(msgspec.to_builtins(value, str_keys=True))
    is_utf8 = (stream.encoding or "utf-8").lower().replace("_", "-") in {"utf-8", "utf8"}
    return json.dumps(plain, ensure_ascii=not is_utf8, separators=(",", ":"))


def _readable(value: Any) -> Any:
    """Return a value without numbers that common JSON tools would round."""
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(inner) for inner in value]
    if isinstance(value, int) and abs(value) > JSON_INTEGER_MAX:
        return str(value)
    return value


def print_rows(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    as_json: bool = False,
    form: Form = Form.TABLE,
    empty: str,
    narrow: Sequence[str] = (),
) -> None:
    """Print rows as a table of `columns`; `empty` is said on stderr when there are none.

    With `as_json`, or as JSON, it is an array of the rows with all their fields; as CSV it has all of them,
    too.

    Where the terminal is too narrow for all columns, those of `narrow` are shown and the others named; where
    it is too narrow for these, each row is printed as a record.
    """
    if as_json or form is Form.JSON:
        print_json([dict(row) for row in rows])
        return
    if form is Form.CSV and rows:
        _write(sys.stdout, sheet(rows[0], (map(_csv_cell, row.values()) for row in rows)))
        return
    if not rows:
        say(empty)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for shown in (columns, narrow) if narrow else (columns,):
        table = _table(rows, shown)
        needed = Console(width=10_000).measure(table).maximum
        if width is None or needed <= width:
            console = Console(width=width or needed)
            with console.capture() as captured:
                console.print(table)
            _write(sys.stdout, captured.get())
            if left_out := [column.replace("_", " ") for column in columns if column not in shown]:
                say(f"Left out for want of width: {', '.join(left_out)} (--json has them).")
            return
    for number, row in enumerate(rows):
        print_line("") if number else None
        print_fields({column: row[column] for column in columns}, as_json=False)


def _csv_cell(cell: Cell) -> str:
    return "" if cell is None else text_of(cell)


def _table(rows: Sequence[Row], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        numeric = all(isinstance(row[column], int) and not isinstance(row[column], bool) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(text_of(row[column])) for column in columns))
    return table


def print_fields(row: Row, *, as_json: bool) -> None:
    """Print one record, a field a line (a JSON object with `as_json`)."""
    if as_json:
        print_json(dict(row))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        print_line(f"{name.replace('_', ' '):<{width}}  {text_of(value)}")


def text_of(cell: Cell) -> str:
    """Return a cell as people read it: yes/no, a dash for nothing, no control characters."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return one_line(str(cell))

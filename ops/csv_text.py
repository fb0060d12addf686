"""CSV as everything here writes it: a line a row, ended by a line feed, quoted as RFC 4180 says.

Owns what is quoted, and which text a spreadsheet would take for a formula. Must not know what rows mean, nor
where they go. Invariant: a file read again gives the very cells that were written, whatever stands in them.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

_LINE_END: Final = "\r\n"
"""What `csv` ends rows with: before Python 3.13 it quotes no other line end, and readers know both."""
_COMPUTED: Final = re.compile(r"""^[\s"]*+(?=[=@]|[+-](?![\d.,]+$))|[;\t\r\n][\s"]*+(?=[=@+-])""")
"""Where a spreadsheet begins to compute: at a cell's begin, unless it is a number with its sign, and after
what it may take for the end of a cell. A Polish one parts cells at `;`, and then knows no quotes.
"""


class _Lines:
    """Takes rows as `csv` ends them."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def write(self, row: str) -> None:
        self.made.append(row.removesuffix(_LINE_END) + "\n")


def exact_csv(
    columns: Iterable[object], rows: Iterable[Iterable[object]], *, parted_by: Literal[",", ";"] = ","
) -> str:
    """Return a table for a program that reads it: every cell as it is."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator=_LINE_END, delimiter=parted_by)
    writer.writerow(columns)
    writer.writerows(rows)
    return "".join(lines.made)


def sheet(columns: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a table for a spreadsheet: no text in it, whoever wrote it, is a formula there."""
    return exact_csv(columns, ([harmless(str(cell)) for cell in row] for row in rows))


def office_sheet(columns: Iterable[object], rows: Iterable[Iterable[object]], language: str) -> bytes:
    """Return a table as an office's spreadsheet of that language opens it by itself: UTF-8 with the mark that
    it knows it by; a Polish one parts cells at semicolons and writes a Decimal with a comma. Else as `sheet`.
    """
    is_polish = language == "pl"

    def told(cell: object) -> str:
        if isinstance(cell, Decimal):
            return str(cell).replace(".", ",") if is_polish else str(cell)
        return harmless(str(cell))

    text = exact_csv(columns, (map(told, row) for row in rows), parted_by=";" if is_polish else ",")
    return text.encode("utf-8-sig")


def harmless(text: str) -> str:
    """Return a text as a spreadsheet shows it; there is an apostrophe before what it would compute."""
    return _COMPUTED.sub(r"\g<0>'", text)

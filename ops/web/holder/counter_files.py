"""The counter of benefits to take along: CSV, and a PDF that a screen reader can read (PDF/UA-1).

Owns both files. Must not know where entries come from. Invariants: texts reach the PDF as data, never as its
source; one PDF is made at a time for the whole site.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import trio
import typst

from ops.csv_text import office_sheet
from ops.web.language import Speech
from ops.written import NO_BREAK

SOURCE: Final = Path(__file__).parent / "counter.typ"
PDF_ROWS_MAX: Final = 2_000
"""Some sixty pages; who wants more takes the CSV."""
_one_at_a_time: Final = trio.CapacityLimiter(1)


class Line(NamedTuple):
    """An entry as it is told."""

    at: str
    what: str
    result: str
    partner: str
    outlet: str
    offer: str
    amount: str
    discount: str
    points: str
    balance: str


COLUMNS: Final = tuple(f"h_col_{name}" for name in Line._fields)


def as_csv(lines: Sequence[Line], speech: Speech) -> bytes:
    """Return the lines as a spreadsheet of that language opens them; sums without the gap of thousands, so
    that they are numbers there.
    """
    rows = (
        line._replace(amount=line.amount.replace(NO_BREAK, ""), discount=line.discount.replace(NO_BREAK, ""))
        for line in lines
    )
    return office_sheet(map(speech.say, COLUMNS), rows, speech.language)


async def as_pdf(lines: Sequence[Line], speech: Speech, texts: Mapping[str, str]) -> bytes:
    """Return the newest lines as a tagged PDF; `texts`: its title, whom it is of, when it was made."""
    data = {
        "language": speech.language,
        **texts,
        "columns": [speech.say(column) for column in COLUMNS],
        "rows": [list(line) for line in lines[:PDF_ROWS_MAX]],
        "page": speech.say("h_page"),
        "cut": speech.say("h_pdf_cut", most=PDF_ROWS_MAX) if len(lines) > PDF_ROWS_MAX else "",
    }
    encoded = msgspec.json.encode(data).decode()
    return await trio.to_thread.run_sync(_compiled, encoded, limiter=_one_at_a_time)


def _compiled(data: str) -> bytes:
    made = typst.compile(str(SOURCE), sys_inputs={"data": data}, pdf_standards="ua-1")
    assert isinstance(made, bytes)
    return made

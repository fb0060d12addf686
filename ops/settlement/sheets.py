"""Statements as CSV: the lines of one or many, and the organiser's summary; for programs and for an office.

Owns the columns. For programs sums are in grosze, as integers, and columns by their names; for an office the
same table opens in a spreadsheet as it is: words, days and sums in złoty of the page's language, moments by
the city's clock. Invariant: every fact of a statement and of the summary has its cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Final

from ledger.settlement.compute import Summary
from ledger.settlement.statement import Line, Statement
from ops import written
from ops.csv_text import office_sheet, sheet
from ops.settlement.words import Language, word

LINE_COLUMNS: Final = (
    *("kind", "origin", "contract", "reason", "quantity", "unit_grosze", "net_grosze", "vat_rate"),
)
SUMS: Final = ("net_grosze", "vat_grosze", "gross_grosze", "rebates_grosze", "due_grosze")
_DAY: Final = (
    *("earns", "points_issued", "redemptions", "points_redeemed", "rebates", "uses", "discounts"),
    *("refunds", "reversals"),
)
STATEMENT_COLUMNS: Final = (
    *("number", "programme", "month", "closed_at_ms", "partner", "name", "tax_id", "address", "row"),
    *(*LINE_COLUMNS, *SUMS[1:], "date", *_DAY),
)
_OF_SUMMARY: Final = ("statements", "duplicate_fees_grosze", "duplicate_fees_paid_grosze")
SUMMARY_COLUMNS: Final = (
    *("programme", "month", "closed_at_ms", "row", *LINE_COLUMNS, *SUMS[1:], *_OF_SUMMARY),
)
_MONEY: Final = {"unit_grosze", *SUMS, "rebates", "discounts", *_OF_SUMMARY[1:]}
_WORDS: Final = {"row", "kind"}
"""Columns whose cells are words themselves."""


def statements_csv(statements: Iterable[Statement]) -> str:
    """Return statements: a row for each line, then one `total` with the sums and one for each day."""
    return sheet(STATEMENT_COLUMNS, _statements(statements))


def summary_csv(summary: Summary) -> str:
    """Return the organiser's summary: a row for each line, then `total` with the sums of all statements, and
    what holders owed and paid of duplicates' fees.
    """
    return sheet(SUMMARY_COLUMNS, _summary(summary))


def statements_sheet(statements: Iterable[Statement], language: Language, zone: tzinfo) -> bytes:
    """Return the same rows of statements as an office's spreadsheet opens them; by the clock of a city."""
    return _for_office(STATEMENT_COLUMNS, _statements(statements), language, zone)


def summary_sheet(summary: Summary, language: Language, zone: tzinfo) -> bytes:
    """Return the same rows of the organiser's summary as an office's spreadsheet opens them."""
    return _for_office(SUMMARY_COLUMNS, _summary(summary), language, zone)


def _for_office(
    columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], language: Language, zone: tzinfo
) -> bytes:
    head = [word(f"col_{name}", language) for name in columns]
    told = (
        [_told(name, cell, language, zone) for name, cell in zip(columns, row, strict=True)] for row in rows
    )
    return office_sheet(head, told, language)


def _told(name: str, cell: object, language: Language, zone: tzinfo) -> object:
    if name == "unit_grosze" and not cell:  # no product of a price
        return ""
    if name in _MONEY and isinstance(cell, int):
        return Decimal(cell).scaleb(-2)
    if name == "closed_at_ms" and isinstance(cell, int):
        return written.moment(datetime.fromtimestamp(cell / 1000, UTC), language, zone)
    if isinstance(cell, date):
        return written.day(cell, language)
    return word(cell, language) if name in _WORDS and isinstance(cell, str) and cell else cell


def _summary(summary: Summary) -> Iterator[tuple[object, ...]]:
    head = (summary.programme, summary.month, _open_or(summary.closed_at_ms))
    for line in summary.lines:
        yield (*head, "line", *_line(line), *("",) * len((*SUMS[1:], *_OF_SUMMARY)))
    sums = [getattr(summary, name) for name in SUMS]
    yield (*head, "total", *_net(sums[0]), *sums[1:], *(getattr(summary, name) for name in _OF_SUMMARY))


def _statements(statements: Iterable[Statement]) -> Iterator[tuple[object, ...]]:
    for statement in statements:
        yield from _rows(statement)


def _rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    head = (
        *(statement.number, statement.programme, statement.month, _open_or(statement.closed_at_ms)),
        *(statement.partner, statement.partner_name, statement.tax_id, statement.address),
    )
    no_sums, no_line, no_day = ("",) * len(SUMS[1:]), ("",) * len(LINE_COLUMNS), ("",) * (len(_DAY) + 1)
    for line in statement.lines:
        yield (*head, "line", *_line(line), *no_sums, *no_day)
    sums = [getattr(statement, name) for name in SUMS]
    yield (*head, "total", *_net(sums[0]), *sums[1:], *no_day)
    for day in statement.days:
        yield (
            *(*head, "day", *no_line, *no_sums, day.date, day.earns, day.points_issued),
            *(day.redemptions, day.points_redeemed, day.rebates_grosze, day.uses, day.discounts_grosze),
            *(day.refunds, day.reversals),
        )


def _open_or(closed_at_ms: int | None) -> object:
    """Return when a month was closed: nothing of one that is open."""
    return "" if closed_at_ms is None else closed_at_ms


def _net(net_grosze: int) -> tuple[object, ...]:
    """Return a line's cells of a sum: its net sum stands where those of the lines do."""
    return tuple(net_grosze if name == "net_grosze" else "" for name in LINE_COLUMNS)


def _line(line: Line) -> tuple[object, ...]:
    rate = "" if line.vat_rate is None else line.vat_rate
    whose = (line.kind, line.origin, line.contract or "", line.reason)
    return (*whose, line.quantity, line.unit_grosze, line.net_grosze, rate)

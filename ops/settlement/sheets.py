"""Statements as CSV: the lines of one or many, and the organiser's summary; for programs and for an office.

Owns the columns. For programs sums are in grosze, as integers, and columns by their names; for an office the
same table opens in a spreadsheet as it is: words and sums in złoty of the page's language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from ledger.settlement.compute import Summary
from ledger.settlement.statement import Line, Statement
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
    *("number", "partner", "name", "tax_id", "row", *LINE_COLUMNS, *SUMS[1:]),
    *("date", *_DAY),
)
SUMMARY_COLUMNS: Final = ("programme", "month", "row", *LINE_COLUMNS, *SUMS[1:], "statements")
_MONEY: Final = {"unit_grosze", *SUMS, "rebates", "discounts"}
_WORDS: Final = {"row", "kind"}
"""Columns whose cells are words themselves."""


def statements_csv(statements: Iterable[Statement]) -> str:
    """Return statements: a row for each line, then one `total` with the sums and one for each day."""
    return sheet(STATEMENT_COLUMNS, _statements(statements))


def summary_csv(summary: Summary) -> str:
    """Return the organiser's summary: a row for each line, then `total` with the sums of all statements."""
    return sheet(SUMMARY_COLUMNS, _summary(summary))


def statements_sheet(statements: Iterable[Statement], language: Language) -> bytes:
    """Return the same rows of statements as an office's spreadsheet opens them."""
    return _for_office(STATEMENT_COLUMNS, _statements(statements), language)


def summary_sheet(summary: Summary, language: Language) -> bytes:
    """Return the same rows of the organiser's summary as an office's spreadsheet opens them."""
    return _for_office(SUMMARY_COLUMNS, _summary(summary), language)


def _for_office(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], language: Language) -> bytes:
    head = [word(f"col_{name}", language) for name in columns]
    told = ([_told(name, cell, language) for name, cell in zip(columns, row, strict=True)] for row in rows)
    return office_sheet(head, told, language)


def _told(name: str, cell: object, language: Language) -> object:
    if name == "unit_grosze" and not cell:  # no product of a price
        return ""
    if name in _MONEY and isinstance(cell, int):
        return Decimal(cell).scaleb(-2)
    return word(cell, language) if name in _WORDS and isinstance(cell, str) and cell else cell


def _summary(summary: Summary) -> Iterator[tuple[object, ...]]:
    head = (summary.programme, summary.month)
    for line in summary.lines:
        yield (*head, "line", *_line(line), *("",) * len(SUMS))
    sums = [getattr(summary, name) for name in SUMS]
    yield (*head, "total", *_net(sums[0]), *sums[1:], summary.statements)


def _statements(statements: Iterable[Statement]) -> Iterator[tuple[object, ...]]:
    for statement in statements:
        yield from _rows(statement)


def _rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    head = (statement.number, statement.partner, statement.partner_name, statement.tax_id)
    no_sums, no_line, no_day = ("",) * len(SUMS[1:]), ("",) * len(LINE_COLUMNS), ("",) * (len(_DAY) + 1)
    for line in statement.lines:
        yield (*head, "line", *_line(line), *no_sums, *no_day)
    sums = [getattr(statement, name) for name in SUMS]
    yield (*head, "total", *_net(sums[0]), *sums[1:], *no_day)
    for day in statement.days:
        yield (
            *(*head, "day", *no_line, *no_sums, day.date.isoformat(), day.earns, day.points_issued),
            *(day.redemptions, day.points_redeemed, day.rebates_grosze, day.uses, day.discounts_grosze),
            *(day.refunds, day.reversals),
        )


def _net(net_grosze: int) -> tuple[object, ...]:
    """Return a line's cells of a sum: its net sum stands where those of the lines do."""
    return tuple(net_grosze if name == "net_grosze" else "" for name in LINE_COLUMNS)


def _line(line: Line) -> tuple[object, ...]:
    rate = "" if line.vat_rate is None else line.vat_rate
    whose = (line.kind, line.origin, line.contract or "", line.reason)
    return (*whose, line.quantity, line.unit_grosze, line.net_grosze, rate)

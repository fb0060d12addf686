"""Statements as CSV: the lines of one or many, and the organiser's summary.

Owns the columns. Sums are in grosze, as integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ledger.settlement.compute import Summary
from ledger.settlement.statement import Line, Statement
from ops.csv_text import sheet

LINE_COLUMNS = ("kind", "origin", "contract", "quantity", "unit_grosze", "net_grosze", "vat_rate")
SUMS = ("net_grosze", "vat_grosze", "gross_grosze", "rebates_grosze", "due_grosze")


def statements_csv(statements: Iterable[Statement]) -> str:
    """Return statements: a row for each line, then one `total` with the sums and one for each day."""
    return sheet(
        ("number", "partner", "name", "tax_id", "row", *LINE_COLUMNS, *SUMS[1:], "date", *_DAY),
        (row for statement in statements for row in _rows(statement)),
    )


def summary_csv(summary: Summary) -> str:
    """Return the organiser's summary: a row for each line, then `total` with the sums of all statements."""
    head = (summary.programme, summary.month)
    blank = ("",) * len(SUMS[1:])
    rows: list[tuple[object, ...]] = [(*head, "line", *_line(line), *blank) for line in summary.lines]
    sums = [getattr(summary, name) for name in SUMS]
    rows.append((*head, "total", "", "", "", summary.statements, "", sums[0], "", *sums[1:]))
    return sheet(("programme", "month", "row", *LINE_COLUMNS, *SUMS[1:]), rows)


_DAY = (
    *("earns", "points_issued", "redemptions", "points_redeemed", "rebates", "uses", "discounts"),
    *("refunds", "reversals"),
)


def _rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    head = (statement.number, statement.partner, statement.partner_name, statement.tax_id)
    no_sums, no_line, no_day = ("",) * len(SUMS[1:]), ("",) * len(LINE_COLUMNS), ("",) * (len(_DAY) + 1)
    for line in statement.lines:
        yield (*head, "line", *_line(line), *no_sums, *no_day)
    sums = [getattr(statement, name) for name in SUMS]
    yield (*head, "total", "", "", "", "", "", sums[0], "", *sums[1:], *no_day)
    for day in statement.days:
        yield (
            *(*head, "day", *no_line, *no_sums, day.date.isoformat(), day.earns, day.points_issued),
            *(day.redemptions, day.points_redeemed, day.rebates_grosze, day.uses, day.discounts_grosze),
            *(day.refunds, day.reversals),
        )


def _line(line: Line) -> tuple[object, ...]:
    rate = "" if line.vat_rate is None else line.vat_rate
    whose = (line.kind, line.origin, line.contract or "")
    return (*whose, line.quantity, line.unit_grosze, line.net_grosze, rate)

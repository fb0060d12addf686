"""A statement as PDF: tagged (PDF/UA-1), with a chart of its days, Polish or English.

Owns the document's data. Must not compute a sum, nor know how a PDF is made (`ops.settlement.typeset`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from typing import Any

from ledger.settlement.statement import Day, Line, Statement
from ops import written
from ops.settlement.chart import chart_of
from ops.settlement.organiser import Organiser
from ops.settlement.typeset import typeset
from ops.settlement.words import Language, word


def statement_pdf(statement: Statement, organiser: Organiser, language: Language = "pl") -> bytes:
    """Return a statement from an organiser as PDF. Raises RegistryRefused where the extra `office` is not
    installed.
    """
    template = resources.files("ops.settlement").joinpath("statement.typ").read_bytes()
    chart = chart_of(statement.month, statement.days)
    return typeset(template, _data(statement, organiser, language), chart=chart)


def line_name(line: Line, language: Language) -> str:
    """Return what a line is for, under which contract, the month it takes something back from, and why."""
    parts = [word(line.kind, language)]
    parts += [word("contract", language, contract=line.contract)] if line.contract else []
    parts += [word("origin", language, origin=line.origin)] if line.origin else []
    return ": ".join(filter(None, (", ".join(parts), line.reason)))


def _data(statement: Statement, organiser: Organiser, language: Language) -> dict[str, Any]:
    def say(name: str, **filled: object) -> str:
        return word(name, language, **filled)

    def money(grosze: int) -> str:
        return written.zloty(grosze, language)

    due = statement.due_grosze
    head = [
        ("organiser", organiser.name),
        ("address", organiser.address),
        ("tax_id", organiser.nip),
        ("partner", f"{statement.partner_name} ({statement.partner})"),
        ("address", statement.address),
        ("tax_id", statement.tax_id),
        ("month", statement.month),
    ]
    return {
        "lang": language,
        "title": say("title", number=statement.number),
        "author": "cityswitch",
        "head": [(say(name), value) for name, value in head if value],
        "state": _state(statement.closed_at_ms, organiser, language),
        "sums_title": say("sums"),
        "columns": [say(name) for name in ("line", "quantity", "unit", "net", "vat")],
        "lines": [
            [
                line_name(line, language),
                written.number(line.quantity, language),
                money(line.unit_grosze) if line.unit_grosze else "",
                money(line.net_grosze),
                say("outside") if line.vat_rate is None else written.percent(line.vat_rate, language),
            ]
            for line in statement.lines
        ],
        "sums": [
            (say("net"), money(statement.net_grosze)),
            (say("vat"), money(statement.vat_grosze)),
            (say("gross"), money(statement.gross_grosze)),
            (say("rebates_sum"), money(statement.rebates_grosze)),
            (say("due" if due >= 0 else "owed"), money(abs(due))),
        ],
        "days_title": say("days"),
        "no_days": say("no_days"),
        "chart_title": say("chart"),
        "chart_alt": _alt(statement, language),
        "day_columns": [
            say(name)
            for name in (
                *("day", "earns", "issued", "redemptions", "redeemed", "rebate", "uses", "discounts"),
                *("refunds", "reversals"),
            )
        ],
        "days": [_day(day, language) for day in statement.days],
    }


def _state(closed_at_ms: int | None, organiser: Organiser, language: Language) -> str:
    """Say whether the month is open, or when it was closed by the city's clock."""
    if closed_at_ms is None:
        return word("open", language)
    closed_at = datetime.fromtimestamp(closed_at_ms / 1000, UTC)
    return word("closed", language, moment=written.moment(closed_at, language, organiser.zone))


def _day(day: Day, language: Language) -> list[str]:
    def count(of: int) -> str:
        return written.number(of, language)

    return [
        written.day(day.date, language),
        *map(count, (day.earns, day.points_issued, day.redemptions, day.points_redeemed)),
        written.zloty(day.rebates_grosze, language),
        count(day.uses),
        written.zloty(day.discounts_grosze, language),
        *map(count, (day.refunds, day.reversals)),
    ]


def _alt(statement: Statement, language: Language) -> str:
    top = max(statement.days, key=lambda day: day.points_issued, default=None)
    return word(
        "chart_alt",
        language,
        month=statement.month,
        issued=written.number(sum(day.points_issued for day in statement.days), language),
        redeemed=written.number(sum(day.points_redeemed for day in statement.days), language),
        top=written.day(None if top is None else top.date, language),
    )

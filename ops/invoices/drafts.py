"""Which documents a statement asks for: an invoice, or a correction of earlier ones, and a note of rebates.

Owns the decision, which is pure. Must not know numbers, parties or XML. Invariants: the sums of the drafts
are those of the statement, to the grosz; only a closed month is invoiced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from ledger.errors import RegistryRefused
from ledger.registry.invoices import Issued, Kind
from ledger.settlement.statement import KINDS, REBATES, Line, Statement, check_month, total

LINES_MAX: Final = 10_000
RATES: Final = (23, 8, 5)
"""Percent: those a taxpayer may have now, of which the programmes know 23."""
_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")


class Draft(Struct, frozen=True):
    """A document to issue: its kind, its lines and their sums (`vat_grosze` of a note is 0)."""

    kind: Kind
    lines: tuple[Line, ...]
    net_grosze: int
    vat_grosze: int


def drafts_of(statement: Statement) -> list[Draft]:
    """Return what is to be issued for a statement, none where nothing is owed.

    A month whose net sum is negative is a correction of earlier invoices (VAT Act, art. 106j); rebates stand
    apart, as they are no sale of the organiser's (CJEU C-53/09). Raises RegistryRefused for an open month and
    for a statement whose sums are not those of its lines.
    """
    _check(statement)
    taxed = tuple(line for line in statement.lines if line.vat_rate is not None and line.net_grosze)
    apart = tuple(line for line in statement.lines if line.vat_rate is None and line.net_grosze)
    drafts = []
    if taxed:
        kind: Kind = "correction" if statement.net_grosze < 0 else "invoice"
        drafts.append(Draft(kind, taxed, statement.net_grosze, statement.vat_grosze))
    if statement.rebates_grosze:
        drafts.append(Draft("note", apart, statement.rebates_grosze, 0))
    return drafts


def _check(statement: Statement) -> None:
    check_month(statement.month)
    if statement.closed_at_ms is None:
        raise RegistryRefused(
            "{month} is not closed yet: `settlement close` closes it", month=statement.month
        )
    if len(statement.lines) > LINES_MAX:
        raise RegistryRefused(
            "a statement of more than {most} lines is more than an invoice can hold", most=LINES_MAX
        )
    for line in statement.lines:
        _check_line(line)
    told = (
        statement.net_grosze,
        statement.vat_grosze,
        statement.gross_grosze,
        statement.rebates_grosze,
        statement.due_grosze,
    )
    if told != total(statement.lines):
        raise RegistryRefused("the statement's sums are not those of its lines")


def _check_line(line: Line) -> None:
    if line.kind not in KINDS:
        raise RegistryRefused("a line is of a kind that no document knows")
    if (line.vat_rate is None) != (line.kind == REBATES):
        raise RegistryRefused("rebates are outside VAT, and nothing else is")
    if line.vat_rate is not None and line.vat_rate not in RATES:
        raise RegistryRefused("there is no VAT of {rate} %", rate=line.vat_rate)
    if line.unit_grosze and line.quantity * line.unit_grosze != line.net_grosze:
        raise RegistryRefused("a line's sum is not its quantity times its price")


def corrected_by(draft: Draft, before: Sequence[Issued]) -> list[Issued]:
    """Return the invoices a correction corrects: those of the months its lines come from, else the last.

    `before`: the partner's invoices of earlier months, the oldest first. A month that was not invoiced (it
    was negative itself, or nothing was sold in it) stands for the last invoice before it.
    """
    found: dict[str, Issued] = {}
    for month in sorted({line.origin for line in draft.lines if line.net_grosze < 0}):
        earlier = [invoice for invoice in before if not _MONTH.fullmatch(month) or invoice.month <= month]
        for invoice in earlier[-1:]:
            found[invoice.text] = invoice
    if not found and before:
        found[before[-1].text] = before[-1]
    if not found:
        raise RegistryRefused("the month is negative, and no earlier invoice is there to be corrected")
    return list(found.values())

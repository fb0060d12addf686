"""Which documents a statement asks for: an invoice of the month's sale, a correction of each earlier invoice
that it changes, and a note of rebates.

Owns the decision, which is pure. Must not know numbers, parties or XML. Invariants: the sums of the drafts
are those of the statement, to the grosz; only a closed month is invoiced.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ledger.errors import RegistryRefused
from ledger.registry.invoices import Kind
from ledger.settlement.statement import (
    KINDS,
    REBATES,
    Line,
    Statement,
    billed,
    check_month,
    half_up,
    net_of,
    total,
)
from ledger.settlement.vat import RATES

LINES_MAX: Final = 10_000


class Draft(Struct, frozen=True):
    """A document to issue: its kind, its lines and their sums (`vat_grosze` of a note is 0).

    `origin`: of a correction, the month whose invoice it is of; "" where its lines name none.
    """

    kind: Kind
    lines: tuple[Line, ...]
    net_grosze: int
    vat_grosze: int
    origin: str = ""

    @property
    def net_of(self) -> dict[int, int]:
        """The net sum at each rate of VAT; of a note none."""
        return net_of(line for line in self.lines if line.vat_rate is not None)


def drafts_of(statement: Statement) -> list[Draft]:
    """Return what is to be issued for a statement, none where nothing is owed (`billed` says which lines are
    of one document); rebates stand apart, as they are no sale of the organiser's (CJEU C-53/09).

    Raises RegistryRefused for an open month and for a statement whose sums are not those of its lines.
    """
    _check(statement)
    drafts = []
    for each in billed(statement.lines):
        kind: Kind = "invoice" if each.is_sale else "correction"
        net = sum(each.net_of.values())
        vat = sum(half_up(of_rate, rate) for rate, of_rate in each.net_of.items())
        drafts.append(Draft(kind, each.lines, net, vat, each.origin))
    if statement.rebates_grosze:
        apart = tuple(line for line in statement.lines if line.vat_rate is None and line.net_grosze)
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

"""Owns what becomes of a card that a terminal reports (migrations, 0031).

Knows nothing of who decides later.
"""

from __future__ import annotations

from typing import Final

from ledger.books.result_codes import APPROVED, STAN_CONFLICT
from ledger.registry.card_cases import CaseKind, Report
from ledger.registry.card_states import CardStatus
from simulators.world.memory.registry import CardCase, MemoryRegistry

_IN_HAND: Final = frozenset({CardStatus.ACTIVE, CardStatus.ORDERED, CardStatus.READY})
_KEPT: Final = _IN_HAND | {CardStatus.BLOCKED, CardStatus.WANTED}


def report_card(registry: MemoryRegistry, report: Report) -> int:
    """Take a report down, once by its id, and stop the card of the terminal's programme; return a result
    code."""
    case = registry.cases.get((report.terminal, report.stan))
    if case is not None:
        return APPROVED if case.digest == report.digest else STAN_CONFLICT
    terminal = registry.terminals.rows[report.terminal]
    programme = registry.partners.rows[terminal.partner].programme
    card = None if report.token is None else registry.cards.rows.get(report.token)
    if card is not None and card.programme != programme:
        card = None
    became = None if card is None else _becomes(report.kind, card.status)
    registry.cases[report.terminal, report.stan] = CardCase(
        report.terminal,
        report.stan,
        report.digest,
        report.kind,
        card.token if card else None,
        card.status if card else None,
        became,
    )
    if card is not None and became != card.status:
        registry.set_card(card.token, status=became)
    return APPROVED


def _becomes(kind: int, status: int) -> int:
    """Kept by the partner: retained. Gone with whoever tried it: blocked, or wanted as before."""
    if kind == CaseKind.RETAINED and status in _KEPT:
        return int(CardStatus.RETAINED)
    if kind == CaseKind.ATTEMPT and status in _IN_HAND:
        return int(CardStatus.BLOCKED)
    return status

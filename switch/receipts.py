"""The text a terminal prints, made from the rules of a programme and the figures of one reply.

Pure: the same rules version and figures give the same text, so a stored reply is printed again word for word.
Must not know connections, cards in memory or the database. Invariant: at most `limits.RECEIPT_BYTES_MAX`
bytes of UTF-8.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from operator import attrgetter
from typing import NamedTuple

from ledger.posting import Kind
from protocol import ResultCode, limits
from switch.programme import Rules

_SECTION_OF_KIND = {
    Kind.EARN: "earn",
    Kind.EARN_ADVICE: "advice",
    Kind.REDEEM: "redeem",
    Kind.REVERSAL: "reversal",
    Kind.BALANCE: "balance",
}
_REASONS = {int(code): code.text_pl for code in ResultCode}


def money(grosze: int) -> str:
    """Format an amount of grosze as "45,90 zł" (negative amounts keep their sign in front)."""
    sign = "-" if grosze < 0 else ""
    zloty, rest = divmod(abs(grosze), 100)
    return f"{sign}{zloty},{rest:02d} zł"


# No character takes more than 4 bytes of UTF-8 (RFC 3629).
_SURELY_FITS = limits.RECEIPT_BYTES_MAX // 4
# Approvals that need a word more than their section says.
_NOTES = frozenset({int(ResultCode.APPROVED_ORIGINAL_UNSEEN), int(ResultCode.APPROVED_NOTHING_TO_REVERSE)})


class Figures(NamedTuple):
    """What a receipt may show."""

    last4: str
    amount_grosze: int
    points: int
    balance: int
    value_grosze: int
    original: int
    reason: str


_FIELDS: dict[str, Callable[[Figures], object]] = {
    "card": lambda figures: f"****{figures.last4}",
    "amount": lambda figures: money(figures.amount_grosze),
    "points": attrgetter("points"),
    "balance": attrgetter("balance"),
    "value": lambda figures: money(figures.value_grosze),
    "original": attrgetter("original"),
    "reason": attrgetter("reason"),
}


class _Template:
    """The lines of one section; only the fields they name are ever formatted."""

    def __init__(self, *parts: tuple[str, ...]) -> None:
        parsed = list(string.Formatter().parse("\n".join(line for part in parts for line in part)))
        self._layout = "".join(
            text.replace("%", "%%") + ("%s" if name else "") for text, name, _, _ in parsed
        )
        self._fields = tuple(_FIELDS[name] for _, name, _, _ in parsed if name)

    def text(self, figures: Figures) -> str:
        return self._layout % tuple([field(figures) for field in self._fields])


class ReceiptPrinter:
    """Prints the receipts of one rules version."""

    def __init__(self, rules: Rules) -> None:
        receipt = rules.receipt
        self._point_value_grosze = rules.settlement.point_value_grosze
        self._sections = {
            int(kind): _Template(receipt.header, getattr(receipt, section), receipt.footer)
            for kind, section in _SECTION_OF_KIND.items()
        }
        self._decline = _Template(receipt.header, receipt.decline)

    def text(
        self,
        kind: int,
        code: int,
        *,
        last4: str,
        amount_grosze: int,
        points: int,
        balance: int,
        original: int = 0,
    ) -> str:
        """Return the receipt for one reply; lines are separated by "\n"."""
        approved = code < ResultCode.TRY_AGAIN
        figures = Figures(
            last4,
            amount_grosze,
            -points if kind == Kind.REDEEM else points,
            balance,
            balance * self._point_value_grosze,
            original,
            _REASONS.get(code, ""),
        )
        text = (self._sections[kind] if approved else self._decline).text(figures)
        if code in _NOTES:
            text += "\n" + _REASONS[code]
        if len(text) <= _SURELY_FITS:
            return text
        return text.encode()[: limits.RECEIPT_BYTES_MAX].decode(errors="ignore")

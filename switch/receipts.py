"""The text a terminal prints, made from the rules of a programme and the figures of one reply.

Pure: the same rules version and figures give the same text, so a stored reply is printed again word for word.
Must not know connections, cards in memory or the database. Invariant: at most `limits.RECEIPT_BYTES_MAX`
bytes of UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable

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


# Approvals that need a word more than their section says.
_NOTES = frozenset({int(ResultCode.APPROVED_ORIGINAL_UNSEEN), int(ResultCode.APPROVED_NOTHING_TO_REVERSE)})


class ReceiptPrinter:
    """Prints the receipts of one rules version."""

    def __init__(self, rules: Rules) -> None:
        receipt = rules.receipt
        self._point_value_grosze = rules.settlement.point_value_grosze
        self._print: dict[int, Callable[..., str]] = {
            int(kind): self._template(receipt.header, getattr(receipt, section), receipt.footer)
            for kind, section in _SECTION_OF_KIND.items()
        }
        self._decline = self._template(receipt.header, receipt.decline, ())

    @staticmethod
    def _template(*parts: tuple[str, ...]) -> Callable[..., str]:
        return "\n".join(line for part in parts for line in part).format

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
        """Return the receipt for one reply; lines are separated by "\\n"."""
        approved = code < ResultCode.TRY_AGAIN
        text = (self._print[kind] if approved else self._decline)(
            card=f"****{last4}",
            amount=money(amount_grosze),
            points=abs(points) if kind == Kind.REDEEM else points,
            balance=balance,
            value=money(balance * self._point_value_grosze),
            original=original,
            reason=_REASONS.get(code, str(code)),
        )
        if code in _NOTES and approved:
            text += "\n" + _REASONS[code]
        encoded = text.encode()
        if len(encoded) <= limits.RECEIPT_BYTES_MAX:
            return text
        return encoded[: limits.RECEIPT_BYTES_MAX].decode(errors="ignore")

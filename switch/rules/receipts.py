"""The text a terminal prints, made from the rules of a programme and the figures of one reply.

Pure: the same rules version and figures give the same text, so a stored reply is printed again word for word.
Must not know connections, cards in memory or the database. Invariant: at most `limits.RECEIPT_BYTES_MAX`
bytes of UTF-8 (programme.py refuses rules that could print more).
"""

from __future__ import annotations

import string
from operator import itemgetter

from ledger.books.posting import Kind
from protocol import ResultCode
from switch.rules.calendar import Calendar
from switch.rules.programme import Rules

SECTIONS: dict[int, str] = {
    int(Kind.EARN): "earn",
    int(Kind.EARN_ADVICE): "advice",
    int(Kind.REDEEM): "redeem",
    int(Kind.REVERSAL): "reversal",
    int(Kind.BALANCE): "balance",
}
"""Which part of the rules file's receipts an approved operation prints, by the ledger's kind."""
WITHOUT_EFFECT: dict[int, str] = {
    int(ResultCode.APPROVED_NOTHING_TO_REVERSE): "nothing_to_reverse",
    int(ResultCode.APPROVED_ORIGINAL_UNSEEN): "original_unseen",
}
"""Which part is printed for a code that is final for the terminal and yet no approval to a reader."""
_REDEEM = int(Kind.REDEEM)
_REASONS = {int(code): code.text_pl for code in ResultCode}


_GROSZE = [f",{rest:02d} zł" for rest in range(100)]


def money(grosze: int) -> str:
    """Format an amount of grosze as "45,90 zł" (negative amounts keep their sign in front)."""
    if grosze < 0:
        return "-" + money(-grosze)
    return str(grosze // 100) + _GROSZE[grosze % 100]


_FIELDS = ("time", "card", "amount", "points", "balance", "value", "original", "reason")
"""What a receipt may show; the tuple of a receipt's figures has this order."""


_MASKED = [f"****{first:02d}" for first in range(100)]
_LAST_TWO = [f"{last:02d}" for last in range(100)]


def masked(last4: int) -> str:
    """A card number as it may be shown: "****0042"; `NO_DIGITS` where none was read."""
    return _MASKED[last4 // 100] + _LAST_TWO[last4 % 100] if last4 >= 0 else "****????"


class _Template:
    """The lines of one section: `layout` takes what `pick` picks of the figures.

    Of time and amounts only those the lines name need be formatted.
    """

    def __init__(self, *parts: tuple[str, ...]) -> None:
        parsed = list(string.Formatter().parse("\n".join(line for part in parts for line in part)))
        names = [name for _, name, _, _ in parsed if name]
        self.layout = "".join(text.replace("%", "%%") + ("%s" if name else "") for text, name, _, _ in parsed)
        self.shows_time = "time" in names
        self.shows_amount = "amount" in names
        self.shows_value = "value" in names
        # Two at least, so that the picked are a tuple; what is too many has no width.
        self.layout += "%.0s" * (spare := max(0, 2 - len(names)))
        self.pick = itemgetter(*[_FIELDS.index(name) for name in names], *[0] * spare)


class ReceiptPrinter:
    """Prints the receipts of one rules version."""

    def __init__(self, rules: Rules, calendar: Calendar) -> None:
        receipt = rules.receipt
        self._calendar = calendar
        self._point_value_grosze = rules.settlement.point_value_grosze
        self._approvals = {
            kind: _Template(receipt.header, getattr(receipt, section), receipt.footer)
            for kind, section in SECTIONS.items()
        }
        self._refusals = {
            code: _Template(receipt.header, getattr(receipt, section))
            for code, section in WITHOUT_EFFECT.items()
        }
        self._decline = _Template(receipt.header, receipt.decline)

    def text(
        self,
        kind: int,
        code: int,
        *,
        at_ms: int,
        last4: int,
        amount_grosze: int,
        points: int,
        balance: int,
        original: int = 0,
    ) -> str:
        """Return the receipt for one reply; lines are separated by "\n". `at_ms`: ms since 1970."""
        template = self._refusals.get(code, self._decline) if code else self._approvals[kind]
        figures = (
            self._calendar.text(at_ms) if template.shows_time else "",
            masked(last4),
            money(amount_grosze) if template.shows_amount else "",
            -points if kind == _REDEEM else points,
            balance,
            money(balance * self._point_value_grosze) if template.shows_value else "",
            original,
            _REASONS.get(code, ""),
        )
        picked: tuple[object, ...] = template.pick(figures)
        return template.layout % picked

"""The text a terminal prints, made from the rules of a programme and the figures of one reply.

Pure: the same rules version and figures give the same text, so a stored reply is printed again word for word.
Must not know connections, cards in memory or the database. Invariant: at most `limits.RECEIPT_BYTES_MAX`
bytes of UTF-8 (the rules file is refused that could print more), and no line wider than the paper.
"""

from __future__ import annotations

from ledger.books.posting import Kind
from protocol import ResultCode
from switch.rules.calendar import Calendar
from switch.rules.filling import CENTS, fill
from switch.rules.paper import Print, make_print
from switch.rules.programme import LANGUAGES, Language, Receipt, Rules
from switch.rules.programme.receipt import checks_lines, excluded_lines
from switch.rules.text import fit

SECTIONS: dict[int, str] = {
    int(Kind.EARN): "earn",
    int(Kind.EARN_ADVICE): "advice",
    int(Kind.REDEEM): "redeem",
    int(Kind.REVERSAL): "reversal",
    int(Kind.BALANCE): "balance",
    int(Kind.BENEFIT_USE): "benefit",
    int(Kind.BENEFIT_ADVICE): "benefit_advice",
    int(Kind.REFUND): "refund",
    int(Kind.QUOTE): "quote",
    int(Kind.VERIFY): "verify",
}
"""Which part of the rules file's receipts an approved operation prints, by the ledger's kind."""
WITHOUT_EFFECT: dict[int, str] = {
    int(ResultCode.APPROVED_NOTHING_TO_REVERSE): "nothing_to_reverse",
    int(ResultCode.APPROVED_ORIGINAL_UNSEEN): "original_unseen",
}
"""Which part is printed for a code that is final for the terminal and yet no approval to a reader."""
_REDEEM = int(Kind.REDEEM)
_SAYS_EXCLUDED = {"earn", "advice"}
_REASONS: dict[Language, dict[int, str]] = {
    "pl": {int(code): code.text_pl for code in ResultCode},
    "en": {int(code): code.text_en for code in ResultCode},
}
_NO_LIMIT = {"pl": "bez limitu", "en": "no limit"}


class _Printed:
    """All that one rules version prints in one language, made ready once."""

    def __init__(self, rules: Rules, language: Language) -> None:
        self.language, receipt = rules.receipt_in(language)
        self.width = rules.receipt.columns
        self.cents = CENTS[self.language]
        self.no_limit = _NO_LIMIT[self.language]
        beneath = excluded_lines(receipt, rules.excluded_in(self.language), self.width)
        self.approvals = {
            kind: self._print(
                receipt.header,
                getattr(receipt, section),
                beneath if section in _SAYS_EXCLUDED else (),
                receipt.footer,
            )
            for kind, section in SECTIONS.items()
        }
        self._receipt: Receipt = receipt
        self._checked: dict[tuple[int, int], Print] = {}
        self.refused: dict[int, Print] = {}
        """By code, what was printed before."""

    def with_checks(self, kind: int, checks: int) -> Print:
        """Return the lines of an answer that tells the cashier what to check."""
        lines = self._checked.get((kind, checks))
        if lines is None:
            receipt = self._receipt
            lines = self._checked[kind, checks] = self._print(
                receipt.header,
                getattr(receipt, SECTIONS[kind]),
                checks_lines(receipt, checks),
                receipt.footer,
            )
        return lines

    def refusal(self, code: int) -> Print:
        """Make the lines of a code, its reason in them, for this time and the next."""
        receipt, reason = self._receipt, _REASONS[self.language].get(code, "")
        section = getattr(receipt, WITHOUT_EFFECT.get(code, "decline"))
        lines = self.refused[code] = self._print(receipt.header, section, reason=reason)
        return lines

    def _print(self, *sections: tuple[str, ...], reason: str = "") -> Print:
        return make_print([line for section in sections for line in section], self.width, reason)


class ReceiptPrinter:
    """Prints the receipts of one rules version; languages by their number in the books."""

    def __init__(self, rules: Rules, calendar: Calendar) -> None:
        self._calendar = calendar
        self._point_value_grosze = rules.settlement.point_value_grosze if rules.settlement else 0
        self._printed = [_Printed(rules, language) for language in LANGUAGES]

    def text(  # noqa: PLR0917 by name its arguments cost a transaction 0.25 µs
        self,
        kind: int,
        code: int,
        at_ms: int,
        last4: int,
        amount_grosze: int,
        points: int,
        balance: int,
        original: int = 0,
        language: int = 0,
        discount_grosze: int = 0,
        remaining: int = -1,
        offer: str = "",
        checks: int = 0,
    ) -> str:
        """Return the receipt for one reply; lines are separated by "\n". `at_ms`: ms since 1970.

        `remaining` −1: no limit. `offer` is its short name. `checks`: what the cashier is told to check, as
        bits.
        """
        printed = self._printed[language]
        if code:
            lines = printed.refused.get(code) or printed.refusal(code)
        elif checks:
            lines = printed.with_checks(kind, checks)
        else:
            lines = printed.approvals[kind]
        figures = (  # in the order of FIELDS
            self._calendar.text(at_ms),
            last4,
            amount_grosze,
            -points if kind == _REDEEM else points,
            balance,
            balance * self._point_value_grosze,
            original,
            discount_grosze,
            amount_grosze - discount_grosze,
            remaining if remaining >= 0 else printed.no_limit,
            offer,
        )
        text = fill(lines.parts, figures, printed.cents)
        return text if len(text) <= lines.room + lines.offers * len(offer) else fit(text, printed.width)

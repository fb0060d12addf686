"""The text a terminal prints, made from the rules of a programme and the figures of one reply.

Pure: the same rules version and figures give the same text, so a stored reply is printed again word for word.
Must not know connections, cards in memory or the database. Invariant: at most `limits.RECEIPT_BYTES_MAX`
bytes of UTF-8 (the rules file is refused that could print more).
"""

from __future__ import annotations

import string

from ledger.books.posting import Kind
from protocol import ResultCode
from switch.rules.calendar import Calendar
from switch.rules.filling import CENTS, Part, Way, fill
from switch.rules.programme import LANGUAGES, Language, Receipt, Rules
from switch.rules.programme.receipt import FIELDS, checks_lines, excluded_lines

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
_WAYS = {
    "card": Way.CARD,
    "amount": Way.MONEY,
    "value": Way.MONEY,
    "discount": Way.MONEY,
    "to_pay": Way.MONEY,
}
"""How the figures are written that are not plain."""


def _parts(*sections: tuple[str, ...]) -> tuple[Part, ...]:
    """The lines of sections, ready to be filled in."""
    lines = "\n".join(line for section in sections for line in section)
    parts: list[Part] = []
    for text, name, _, _ in string.Formatter().parse(lines):
        parts.append(text)
        if name:
            parts.append(FIELDS.index(name) << 2 | _WAYS.get(name, Way.PLAIN))
    return tuple(parts)


class _Printed:
    """All that one rules version prints in one language, made ready once."""

    def __init__(self, rules: Rules, language: Language) -> None:
        self.language, receipt = rules.receipt_in(language)
        self.reasons = _REASONS[self.language]
        self.cents = CENTS[self.language]
        self.no_limit = _NO_LIMIT[self.language]
        beneath = excluded_lines(receipt, rules.excluded_in(self.language), rules.receipt.columns)
        self.approvals = {
            kind: _parts(
                receipt.header,
                getattr(receipt, section),
                beneath if section in _SAYS_EXCLUDED else (),
                receipt.footer,
            )
            for kind, section in SECTIONS.items()
        }
        self.refusals = {
            code: _parts(receipt.header, getattr(receipt, section))
            for code, section in WITHOUT_EFFECT.items()
        }
        self.decline = _parts(receipt.header, receipt.decline)
        self._receipt: Receipt = receipt
        self._checked: dict[tuple[int, int], tuple[Part, ...]] = {}

    def with_checks(self, kind: int, checks: int) -> tuple[Part, ...]:
        """Return the lines of an answer that tells the cashier what to check."""
        parts = self._checked.get((kind, checks))
        if parts is None:
            receipt = self._receipt
            parts = self._checked[kind, checks] = _parts(
                receipt.header,
                getattr(receipt, SECTIONS[kind]),
                checks_lines(receipt, checks),
                receipt.footer,
            )
        return parts


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
            parts = printed.refusals.get(code, printed.decline)
        elif checks:
            parts = printed.with_checks(kind, checks)
        else:
            parts = printed.approvals[kind]
        figures = (  # in the order of FIELDS
            self._calendar.text(at_ms),
            last4,
            amount_grosze,
            -points if kind == _REDEEM else points,
            balance,
            balance * self._point_value_grosze,
            original,
            printed.reasons.get(code, "") if code else "",
            discount_grosze,
            amount_grosze - discount_grosze,
            remaining if remaining >= 0 else printed.no_limit,
            offer,
        )
        return fill(parts, figures, printed.cents)

"""The text a terminal prints, made from the rules of a programme and the figures of one reply.

Pure: the same rules version and figures give the same text, so a stored reply is printed again word for word.
Must not know connections, cards in memory or the database. Invariant: at most `limits.RECEIPT_BYTES_MAX`
bytes of UTF-8 (the rules file is refused that could print more).
"""

from __future__ import annotations

import string
from operator import itemgetter

from ledger.books.posting import Kind
from protocol import ResultCode
from switch.rules.calendar import Calendar
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
_NUMBERS = {"points", "balance", "original"}
"""The figures that are integers as they are printed; the others are texts by then, or may be."""
_BENEFIT = {"discount", "to_pay", "remaining", "offer"}
"""The figures of benefits alone: the last of `FIELDS`, left out where they are not shown."""
_SAYS_EXCLUDED = {"earn", "advice"}
_REASONS: dict[Language, dict[int, str]] = {
    "pl": {int(code): code.text_pl for code in ResultCode},
    "en": {int(code): code.text_en for code in ResultCode},
}
_NO_LIMIT = {"pl": "bez limitu", "en": "no limit"}
_CENTS = {
    "pl": [f",{rest:02d} zł" for rest in range(100)],
    "en": [f".{rest:02d} zł" for rest in range(100)],
}


def money(grosze: int, cents: list[str] = _CENTS["pl"]) -> str:
    """Format an amount of grosze as "45,90 zł" (a minus keeps its place in front); `cents`: how 00 to 99 are
    written.
    """
    if grosze < 0:
        return "-" + money(-grosze, cents)
    return f"{grosze // 100}{cents[grosze % 100]}"


_MASKED = [f"****{first:02d}" for first in range(100)]
_LAST_TWO = [f"{last:02d}" for last in range(100)]
"""Together a card number as it may be shown, "****0042": a table of all would not stay in the caches."""


class _Template:
    """The lines of one section: `layout` takes what `pick` picks of the figures.

    Of time and amounts only those the lines name need be formatted.
    """

    def __init__(self, *parts: tuple[str, ...]) -> None:
        parsed = list(string.Formatter().parse("\n".join(line for part in parts for line in part)))
        names = [name for _, name, _, _ in parsed if name]
        self.layout = "".join(
            text.replace("%", "%%") + (("%d" if name in _NUMBERS else "%s") if name else "")
            for text, name, _, _ in parsed
        )
        self.shows_time = "time" in names
        self.shows_amount = "amount" in names
        self.shows_value = "value" in names
        self.shows_benefit = not _BENEFIT.isdisjoint(names)
        # Two at least, so that the picked are a tuple; what is too many has no width.
        self.layout += "%.0s" * (spare := max(0, 2 - len(names)))
        self.pick = itemgetter(*[FIELDS.index(name) for name in names], *[0] * spare)


class _Printed:
    """All that one rules version prints in one language, made ready once."""

    def __init__(self, rules: Rules, language: Language) -> None:
        self.language, receipt = rules.receipt_in(language)
        self.reasons = _REASONS[self.language]
        self.cents = _CENTS[self.language]
        self.no_limit = _NO_LIMIT[self.language]
        beneath = excluded_lines(receipt, rules.excluded_in(self.language), rules.receipt.columns)
        self.approvals = {
            kind: _Template(
                receipt.header,
                getattr(receipt, section),
                beneath if section in _SAYS_EXCLUDED else (),
                receipt.footer,
            )
            for kind, section in SECTIONS.items()
        }
        self.refusals = {
            code: _Template(receipt.header, getattr(receipt, section))
            for code, section in WITHOUT_EFFECT.items()
        }
        self.decline = _Template(receipt.header, receipt.decline)
        self._receipt: Receipt = receipt
        self._checked: dict[tuple[int, int], _Template] = {}

    def with_checks(self, kind: int, checks: int) -> _Template:
        """Return the template of an answer that tells the cashier what to check."""
        template = self._checked.get((kind, checks))
        if template is None:
            receipt = self._receipt
            template = self._checked[kind, checks] = _Template(
                receipt.header,
                getattr(receipt, SECTIONS[kind]),
                checks_lines(receipt, checks),
                receipt.footer,
            )
        return template


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
            template = printed.refusals.get(code, printed.decline)
        elif checks:
            template = printed.with_checks(kind, checks)
        else:
            template = printed.approvals[kind]
        cents = printed.cents
        figures: tuple[object, ...] = (
            self._calendar.text(at_ms) if template.shows_time else "",
            _MASKED[last4 // 100] + _LAST_TWO[last4 % 100] if last4 >= 0 else "****????",
            money(amount_grosze, cents) if template.shows_amount else "",
            -points if kind == _REDEEM else points,
            balance,
            money(balance * self._point_value_grosze, cents) if template.shows_value else "",
            original,
            printed.reasons.get(code, "") if code else "",
        )
        if template.shows_benefit:
            figures += (
                money(discount_grosze, cents),
                money(amount_grosze - discount_grosze, cents),
                remaining if remaining >= 0 else printed.no_limit,
                offer,
            )
        picked: tuple[object, ...] = template.pick(figures)
        return template.layout % picked

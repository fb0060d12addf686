"""What a rules file says of receipts: the lines of each outcome, once in every language of the programme.

Owns the shape of these tables, the placeholders and what makes a line unprintable. Must not know how a
receipt is filled in (`switch.rules.receipts`). Invariant: what passes `faults_of_receipt` fits the terminal's
buffer with the widest figures there are, and its paper with usual ones as it stands.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Annotated, Final, NamedTuple, TypeAlias

from msgspec import Meta

from protocol import limits
from switch.rules.programme.parts import Language, Part, Rule
from switch.rules.text import columns, fit, is_plain, wrap

Line: TypeAlias = Annotated[str, Meta(max_length=64)]
Lines: TypeAlias = Annotated[tuple[Line, ...], Meta(max_length=8)]
COLUMNS: Final = 32
"""Of the paper of most terminals (58 mm)."""

FIELDS: Final = (
    "time",
    "card",
    "amount",
    "points",
    "balance",
    "value",
    "original",
    "discount",
    "to_pay",
    "remaining",
    "offer",
    "reason",
)
"""What a receipt may show; its figures come in this order. The reason is none of them: it is put into the
lines of its code once (`switch.rules.paper`)."""
_INT64, _MONEY = str(limits.INT64_MIN), "-" + "9" * 19 + ",00 zł"
WIDEST: Final = dict(
    zip(
        FIELDS,
        (
            "2026-12-31 23:59",
            "****1234",
            _MONEY,
            _INT64,
            _INT64,
            _MONEY,
            str(limits.STAN_MAX),
            _MONEY,
            _MONEY,
            _INT64,
            "x" * limits.OFFER_NAME_BYTES_MAX,
            "x" * limits.RESULT_TEXT_BYTES_MAX,
        ),
        strict=True,
    )
)
"""Each placeholder at its longest, in bytes."""
USUAL: Final = WIDEST | {
    "amount": "20000,00 zł",
    "points": "1000000",
    "balance": "1000000",
    "value": "20000,00 zł",
    "original": "999999",
    "reason": "",
    "discount": "2000,00 zł",
    "to_pay": "20000,00 zł",
    "remaining": "100",
}
"""Each as wide as it ordinarily gets; what is wider, and each reason, is wrapped."""
WITH_REASON: Final = {"decline", "nothing_to_reverse", "original_unseen"}
"""The parts of a receipt that are for more than one result, and may say which."""
EXCLUDED: Final = "excluded"
"""The one placeholder of the part of that name, for what did not count; it is filled in once a version."""


class Receipt(Part, frozen=True):
    """The lines a terminal prints: `header`, what is said of the outcome, `footer` (not under a refusal).

    Each part holds any of the placeholders of `FIELDS`, {reason} only where nothing was done.
    `nothing_to_reverse` and `original_unseen` are for reversals without an effect: they must not read like a
    return that was accepted. `check_…` are for the cashier, under an answer of what applies; `excluded`
    stands under points that were awarded.
    """

    header: Lines
    decline: Lines
    reversal: Lines
    nothing_to_reverse: Lines
    original_unseen: Lines
    footer: Lines = ()
    earn: Lines = ()
    advice: Lines = ()
    redeem: Lines = ()
    balance: Lines = ()
    refund: Lines = ()
    quote: Lines = ()
    verify: Lines = ()
    benefit: Lines = ()
    benefit_advice: Lines = ()
    check_id: Lines = ()
    check_guardian: Lines = ()
    check_alone: Lines = ()
    excluded: Lines = ()


class Receipts(Rule, frozen=True):
    """The receipts in each language, and how many columns the paper has."""

    columns: Annotated[int, Meta(ge=24, le=64)] = COLUMNS
    pl: Receipt | None = None
    en: Receipt | None = None

    def of(self, language: Language) -> Receipt | None:
        """Return the receipts in a language, if there are any."""
        receipt: Receipt | None = getattr(self, language)
        return receipt


class Fault(NamedTuple):
    """What is wrong with a rules file: the key and the reason."""

    key: str
    reason: str


CHECKS: Final = ("check_id", "check_guardian", "check_alone")
_NOT_OUTCOMES: Final = {"header", "footer", EXCLUDED, *CHECKS}


def excluded_lines(receipt: Receipt, names: list[str], width: int) -> tuple[str, ...]:
    """Return what the receipt of an award says of the goods that did not count, in lines of that width."""
    said = ", ".join(names)
    lines = (line.replace("{" + EXCLUDED + "}", said) for line in receipt.excluded)
    escaped = (line.replace("{", "{{").replace("}", "}}") for line in lines)
    return tuple(part for line in escaped for part in wrap(line, width)) if names else ()


def checks_lines(receipt: Receipt, checks: int) -> tuple[str, ...]:
    """Return what the cashier is told to check, by the bits of `checks`."""
    told = (getattr(receipt, part) for bit, part in enumerate(CHECKS) if checks >> bit & 1)
    return tuple(line for lines in told for line in lines)


def faults_of_receipt(receipt: Receipt, key: str, width: int, excluded: list[str]) -> Iterator[Fault]:
    """Yield what cannot be printed of one language's receipts; `excluded`: goods that do not count."""
    for section in receipt.__struct_fields__:
        for line in getattr(receipt, section):
            if reason := _fault_of_line(line, section, width):
                yield Fault(f"{key}.{section}", reason)
                return
    around = (*receipt.header, *receipt.footer)
    beneath = excluded_lines(receipt, excluded, width)
    asked = checks_lines(receipt, 0b111)
    for section in receipt.__struct_fields__:
        if section in _NOT_OUTCOMES:
            continue
        more = beneath if section in {"earn", "advice"} else asked
        widest = "\n".join((*around, *getattr(receipt, section), *more)).format_map(WIDEST)
        size = len(fit(widest, width).encode())
        if size > limits.RECEIPT_BYTES_MAX:
            yield Fault(
                f"{key}.{section}",
                f"with header and footer up to {size} bytes, and a terminal takes {limits.RECEIPT_BYTES_MAX}",
            )


def _fault_of_line(line: str, section: str, width: int) -> str | None:
    if not is_plain(line):
        return f"a character that is not one column wide in {line!r}"
    try:
        parsed = list(string.Formatter().parse(line))
    except ValueError as error:
        return f"{error} in {line!r}"
    if any(layout or conversion for _, _, layout, conversion in parsed):
        return f"a placeholder takes no format: {line!r}"
    if section == EXCLUDED:
        allowed = {EXCLUDED}
    else:
        allowed = set(FIELDS) if section in WITH_REASON else set(FIELDS) - {"reason"}
    if unknown := {name for _, name, _, _ in parsed if name is not None} - allowed:
        return f"unknown placeholder {sorted(unknown)[0]!r}"
    taken = columns(line.format_map({**USUAL, EXCLUDED: ""}))
    if taken > width:
        return f"{taken} columns in {line!r}, and the paper has {width}"
    return None

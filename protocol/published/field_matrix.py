"""What every field of a reply holds, by the reply's code: the one source for SPEC.md and the switch's tests.

Owns the table as data; `spec_tables` prints it, and tests play `scenarios` against the real switch and hold
each reply to its row. Knows nothing of how a reply is made. Invariant: every reply and every code a switch
may give has exactly one row.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from protocol.messages import Request
from protocol.requests import (
    Balance,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Quote,
    Redeem,
    Refund,
    Reversal,
)
from protocol.result_codes import ResultClass, ResultCode


class Fill(Enum):
    """What a field holds; the value is SPEC.md's wording."""

    ZERO = "0"
    NO_LIMIT = "−1"
    OWN_ID = "its own, > 0"
    KEYED = "as sent"
    TIER_VALUE = "the tier's value"
    ORIGINALS = "the original's, less refunds"
    AWARDED = "≥ 0: awarded"
    MINUS_TIER = "−tier"
    TAKEN_BACK = "≤ 0: taken back"
    TAKEN_OFF = "≥ 0: taken off"
    LEFT = "left after it; −1 no limit"
    SEEN = "what was to be seen"
    MISSING = "what was not confirmed"
    QUOTED = "as the operation itself would"
    MIRROR = "− the original's, less refunds"
    AFTER = "after it"
    PRESENT = "as it stands; 0 if the card is not one of the programme"
    WHEN_CANCELLED = "as it stood when it was cancelled, or 0"


class Row(NamedTuple):
    """One line of the matrix: for these requests and codes, what each figure of the reply holds."""

    requests: tuple[type[Request], ...]
    codes: tuple[int, ...]
    what: str
    transaction_id: Fill
    amount_grosze: Fill
    points: Fill
    balance: Fill
    discount_grosze: Fill = Fill.ZERO
    remaining: Fill = Fill.NO_LIMIT
    checks: Fill = Fill.ZERO


_EARNS: tuple[type[Request], ...] = (Earn, EarnAdvice)
_BENEFITS: tuple[type[Request], ...] = (BenefitUse, BenefitAdvice)
_SALES: tuple[type[Request], ...] = (Earn, EarnAdvice, Redeem, BenefitUse, BenefitAdvice, Refund)
_APPROVED = (int(ResultCode.APPROVED),)
_UNSEEN_OR_NOTHING = (int(ResultCode.APPROVED_ORIGINAL_UNSEEN), int(ResultCode.APPROVED_NOTHING_TO_REVERSE))
_CONFLICT = int(ResultCode.STAN_CONFLICT)
_CANCELLED = int(ResultCode.ORIGINAL_CANCELLED)
_OPEN = tuple(
    int(code)
    for code in ResultCode
    if code.result_class is ResultClass.RETRY or code in {ResultCode.SYSTEM_ERROR, ResultCode.STAN_CONFLICT}
)
"""Nothing is kept of these replies: not decided, or (a conflict) decided for another request."""
_OF_A_REFERENCE = (int(ResultCode.ORIGINAL_MISMATCH), int(ResultCode.ORIGINAL_NOT_REVERSIBLE))
_OF_A_REFUND = (int(ResultCode.ORIGINAL_NOT_REFUNDABLE), int(ResultCode.ORIGINAL_UNKNOWN))
_OF_A_STATUS = (int(ResultCode.STAN_UNKNOWN),)
_REFUSED = tuple(
    int(code)
    for code in ResultCode
    if code >= 20 and code not in {*_OPEN, *_OF_A_REFERENCE, *_OF_A_REFUND, *_OF_A_STATUS, _CANCELLED}
)
"""Refused for good, and kept."""
_UNCONFIRMED = (int(ResultCode.CONFIRMATION_MISSING),)
_USED_UP = (int(ResultCode.QUOTA_USED_UP),)
_WITHOUT_BENEFIT = tuple(code for code in _REFUSED if code not in {*_UNCONFIRMED, *_USED_UP})
_WITHOUT_REFUND = tuple(sorted({*_REFUSED, *_OF_A_REFUND, int(ResultCode.ORIGINAL_MISMATCH)}))

_F = Fill
MATRIX: tuple[Row, ...] = (
    Row(_EARNS, _APPROVED, "approved", _F.OWN_ID, _F.KEYED, _F.AWARDED, _F.AFTER),
    Row(_EARNS, _REFUSED, "refused", _F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT),
    Row((Redeem,), _APPROVED, "approved", _F.OWN_ID, _F.TIER_VALUE, _F.MINUS_TIER, _F.AFTER),
    Row((Redeem,), _REFUSED, "refused", _F.OWN_ID, _F.ZERO, _F.ZERO, _F.PRESENT),
    Row(_BENEFITS, _APPROVED, "granted", _F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT,
        _F.TAKEN_OFF, _F.LEFT, _F.SEEN),
    Row(_BENEFITS, _WITHOUT_BENEFIT, "refused", _F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT),
    Row(_BENEFITS, _UNCONFIRMED, "refused: not confirmed", _F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT,
        checks=_F.MISSING),
    Row(_BENEFITS, _USED_UP, "refused: used up", _F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT, remaining=_F.ZERO),
    Row((Refund,), _APPROVED, "given back", _F.OWN_ID, _F.KEYED, _F.TAKEN_BACK, _F.AFTER, remaining=_F.LEFT),
    Row((Refund,), _WITHOUT_REFUND, "refused", _F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT),
    Row(_SALES, _OPEN, "not decided, or a conflict", _F.ZERO, _F.ZERO, _F.ZERO, _F.ZERO),
    Row((*_SALES, Reversal), (_CANCELLED,), "cancelled before",
        _F.OWN_ID, _F.ZERO, _F.ZERO, _F.WHEN_CANCELLED),
    Row((Reversal,), _APPROVED, "reversed", _F.OWN_ID, _F.ORIGINALS, _F.MIRROR, _F.AFTER,
        _F.ORIGINALS, _F.LEFT),
    Row((Reversal,), _UNSEEN_OR_NOTHING, "nothing to reverse", _F.OWN_ID, _F.ZERO, _F.ZERO, _F.PRESENT),
    Row((Reversal,), _OF_A_REFERENCE[:1], "another card's, or not below its own STAN",
        _F.OWN_ID, _F.ZERO, _F.ZERO, _F.ZERO),
    Row((Reversal,), _OF_A_REFERENCE[1:], "a reversal's, or a refund's",
        _F.OWN_ID, _F.ZERO, _F.ZERO, _F.PRESENT),
    Row((Reversal,), _OPEN, "not decided, or a conflict", _F.ZERO, _F.ZERO, _F.ZERO, _F.ZERO),
    Row((Balance,), _APPROVED, "told", _F.ZERO, _F.ZERO, _F.ZERO, _F.PRESENT),
    Row((Balance,), tuple(sorted({*_OPEN, *_REFUSED} - {_CONFLICT})), "not told",
        _F.ZERO, _F.ZERO, _F.ZERO, _F.ZERO),
    Row((Quote,), _APPROVED, "quoted", _F.ZERO, _F.QUOTED, _F.QUOTED, _F.QUOTED,
        _F.QUOTED, _F.QUOTED, _F.QUOTED),
    Row((Quote,), tuple(sorted({*_OPEN, *_REFUSED} - {_CONFLICT})), "not told",
        _F.ZERO, _F.ZERO, _F.ZERO, _F.ZERO),
)  # fmt: skip


OTHERS: tuple[tuple[str, str, str], ...] = (
    ("STATUS", "0", "`original` is the reply the original got, a refusal too"),
    ("STATUS", "all others", "`original` is nil"),
    ("SIGN_ON", "0", "all fields hold"),
    ("SIGN_ON", "30, 31, 33", "all fields hold, and the terminal is signed on: new business is refused"),
    ("SIGN_ON", "10", "only `stan`, `code` and `server_time_ms` hold: `last_stan` is not known, and 0"),
    ("TOTALS", "0, 3", "the switch's sums"),
    ("TOTALS", "10, 20", "0 in all sums"),
    ("VERIFY", "0", "all fields hold; no benefit at all is 0, too"),
    ("VERIFY", "all others", "no benefits, `checks` and `benefits_next` 0; `receipt` says why"),
    ("KEY_CHANGE", "0", "`generation` is above the one of the session, `wrapped` has 60 bytes"),
    ("KEY_CHANGE", "10, 20", "`generation` 0, `wrapped` empty"),
    ("CARD_REPORT", "0", "taken down, whatever the card is"),
    ("CARD_REPORT", "10, 20, 21", "nothing was taken down"),
    ("SIGN_OFF, ECHO", "0", "always"),
)
"""The replies without figures of their own: which codes they have, and what that means."""


def row_of(request: type[Request], code: int) -> Row:
    """Return the row of a reply to a request of this class; raises LookupError where the code has none."""
    found = [row for row in MATRIX if request in row.requests and code in row.codes]
    if len(found) != 1:
        raise LookupError(f"{len(found)} rows for code {code} in a reply to {request.__name__}")
    return found[0]

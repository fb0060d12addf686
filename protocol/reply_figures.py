"""What the fields of a reply hold, by its code: the words in which a request declares it (`catalogue`).

Owns the groups of result codes and the usual shapes; which request has which is said with the request.
`published.field_matrix` gathers them for SPEC.md and the tests. Knows nothing of how a reply is made, nor of
any request. Invariant: the rows of one request name no code twice.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

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
    LEFT_AGAIN = "left after it; −1 no limit, or no use given back"
    SEEN = "what was to be seen"
    MISSING = "what was not confirmed"
    QUOTED = "as the operation itself would"
    MIRROR = "− the original's, less refunds"
    AFTER = "after it"
    PRESENT = "as it stands; 0 if the card is not one of the programme"
    WHEN_CANCELLED = "as it stood when it was cancelled, or 0"


class Held(NamedTuple):
    """For these codes, what each figure of a transaction's reply holds."""

    codes: tuple[int, ...]
    what: str
    transaction_id: Fill
    amount_grosze: Fill
    points: Fill
    balance: Fill
    discount_grosze: Fill = Fill.ZERO
    remaining: Fill = Fill.NO_LIMIT
    checks: Fill = Fill.ZERO


class Said(NamedTuple):
    """For these codes, what a reply without figures of its own says."""

    codes: str
    what: str


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
_WITHOUT_REFUND = tuple(sorted({*_REFUSED, *_OF_A_REFUND}))
_NOT_TOLD = tuple(sorted({*_OPEN, *_REFUSED} - {_CONFLICT}))

_F = Fill
_KEPT_REFUSAL = (_F.OWN_ID, _F.KEYED, _F.ZERO, _F.PRESENT)
_NOTHING = (_F.ZERO, _F.ZERO, _F.ZERO, _F.ZERO)
_UNDECIDED = Held(_OPEN, "not decided, or a conflict", *_NOTHING)
_CANCELLED_BEFORE = Held((_CANCELLED,), "cancelled before", _F.OWN_ID, _F.ZERO, _F.ZERO, _F.WHEN_CANCELLED)
_SALE = (_UNDECIDED, _CANCELLED_BEFORE)
_UNTOLD = Held(_NOT_TOLD, "not told", *_NOTHING)

POINTS_GIVEN = (
    Held(_APPROVED, "approved", _F.OWN_ID, _F.KEYED, _F.AWARDED, _F.AFTER),
    Held(_REFUSED, "refused", *_KEPT_REFUSAL),
    *_SALE,
)
POINTS_SPENT = (
    Held(_APPROVED, "approved", _F.OWN_ID, _F.TIER_VALUE, _F.MINUS_TIER, _F.AFTER),
    Held(_REFUSED, "refused", _F.OWN_ID, _F.ZERO, _F.ZERO, _F.PRESENT),
    *_SALE,
)
BENEFIT_GRANTED = (
    Held(_APPROVED, "granted", *_KEPT_REFUSAL, _F.TAKEN_OFF, _F.LEFT, _F.SEEN),
    Held(_WITHOUT_BENEFIT, "refused", *_KEPT_REFUSAL),
    Held(_UNCONFIRMED, "refused: not confirmed", *_KEPT_REFUSAL, checks=_F.MISSING),
    Held(_USED_UP, "refused: used up", *_KEPT_REFUSAL, remaining=_F.ZERO),
    *_SALE,
)
MONEY_BACK = (
    Held(_APPROVED, "given back", _F.OWN_ID, _F.KEYED, _F.TAKEN_BACK, _F.AFTER, remaining=_F.LEFT_AGAIN),
    Held(_WITHOUT_REFUND, "refused", *_KEPT_REFUSAL),
    Held(
        _OF_A_REFERENCE[:1],
        "another card's, or not below its own STAN",
        _F.OWN_ID,
        _F.KEYED,
        _F.ZERO,
        _F.ZERO,
    ),
    *_SALE,
)
UNDONE = (
    Held(_APPROVED, "reversed", _F.OWN_ID, _F.ORIGINALS, _F.MIRROR, _F.AFTER, _F.ORIGINALS, _F.LEFT),
    Held(_UNSEEN_OR_NOTHING, "nothing to reverse", _F.OWN_ID, _F.ZERO, _F.ZERO, _F.PRESENT),
    Held(_OF_A_REFERENCE[:1], "another card's, or not below its own STAN",
         _F.OWN_ID, _F.ZERO, _F.ZERO, _F.ZERO),
    Held(_OF_A_REFERENCE[1:], "a reversal's, or a refund's", _F.OWN_ID, _F.ZERO, _F.ZERO, _F.PRESENT),
    *_SALE,
)  # fmt: skip
BALANCE_TOLD = (Held(_APPROVED, "told", _F.ZERO, _F.ZERO, _F.ZERO, _F.PRESENT), _UNTOLD)
QUOTE_TOLD = (Held(_APPROVED, "quoted", _F.ZERO, *[_F.QUOTED] * 6), _UNTOLD)
ALWAYS = (Said("0", "always"),)

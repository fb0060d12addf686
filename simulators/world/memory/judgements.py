"""Owns what the ledger decides of a posting that names an original: its code, and the points of a refund.

Pure functions of the posting and of what stands for its original; who may be named, what is undone already,
and how much of a sale is left. Changes nothing, and looks nothing up.
"""

from __future__ import annotations

from ledger.books import result_codes as codes
from ledger.books.posting import Posting
from simulators.world.memory.entries import Entry, Refunds


def is_anothers(posting: Posting, original: Entry) -> bool:
    """Whether the card that is named is known, and not the original's."""
    return posting.account >= 0 and original.account not in (0, posting.account)


def judge_reversal(posting: Posting, original: Entry | None, refunds: Refunds, *, is_reversed: bool) -> int:
    """STANs count up, so an original is below its reference; what is not, names nothing.

    What was declined, refunded whole or reversed before leaves nothing to reverse; a reference is no sale.
    """
    if posting.original_stan >= posting.stan:
        return codes.ORIGINAL_MISMATCH
    if original is None:
        return codes.APPROVED_ORIGINAL_UNSEEN
    if is_anothers(posting, original):
        return codes.ORIGINAL_MISMATCH
    if original.outcome.original_stan:
        return codes.ORIGINAL_NOT_REVERSIBLE
    is_refunded = refunds.times > 0 and refunds.grosze == original.paid_grosze
    is_undone = original.outcome.code or is_refunded or is_reversed
    return codes.APPROVED_NOTHING_TO_REVERSE if is_undone else codes.APPROVED


def judge_status(posting: Posting, original: Entry | None) -> int:
    """What stands may be told to who names its card; a tombstone is told as unknown."""
    if posting.original_stan >= posting.stan:
        return codes.ORIGINAL_MISMATCH
    if original is None:
        return codes.STAN_UNKNOWN
    if is_anothers(posting, original):
        return codes.ORIGINAL_MISMATCH
    return codes.STAN_UNKNOWN if original.digest is None else codes.APPROVED


def judge_refund(posting: Posting, sale: Entry, before: Refunds, *, is_reversed: bool) -> int:
    """Refunds come to no more than their sale. Points spent are no payment; what cost nothing is refunded by
    nothing, once.
    """
    told, amount = sale.outcome, posting.amount_grosze
    if told.code or told.original_stan or told.points < 0 or is_reversed:
        return codes.ORIGINAL_NOT_REFUNDABLE
    if not amount and sale.paid_grosze:
        return codes.AMOUNT_ZERO
    if amount < 0 or before.grosze + amount > sale.paid_grosze or (not amount and before.times):
        return codes.REFUND_OVER_SALE
    return codes.APPROVED


def points_of_refund(sale: Entry, before: Refunds, left_grosze: int) -> int:
    """The change by which the points become those of what is still paid. Without a step all come back with
    the last grosz.
    """
    told = sale.outcome
    if told.step_grosze > 0:
        return left_grosze // told.step_grosze - told.points - before.points
    return 0 if left_grosze else -told.points

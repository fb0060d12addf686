"""Owns the few result codes the ledger decides by itself.

The numbers are those of the protocol's `ResultCode` (a test holds them equal); the ledger does not import it,
because neither part knows the other. All other codes pass through the ledger as plain integers.
"""

from typing import Final

APPROVED: Final = 0
APPROVED_ORIGINAL_UNSEEN: Final = 1
APPROVED_NOTHING_TO_REVERSE: Final = 2
TRY_AGAIN: Final = 10
SYSTEM_ERROR: Final = 12
STAN_CONFLICT: Final = 21
ORIGINAL_MISMATCH: Final = 22
ORIGINAL_NOT_REVERSIBLE: Final = 23
ORIGINAL_CANCELLED: Final = 24
STAN_UNKNOWN: Final = 25
ORIGINAL_NOT_REFUNDABLE: Final = 26
ORIGINAL_UNKNOWN: Final = 27
AMOUNT_ZERO: Final = 50
REFUND_OVER_SALE: Final = 54
POINTS_INSUFFICIENT: Final = 60
QUOTA_USED_UP: Final = 61

"""What a terminal is told: the reply to an outcome, receipt included.

Pure. Must not know how a reply travels. Invariant: it depends on stored figures only, so that a replay is the
first reply again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ledger.books.posting import Kind, Outcome
from protocol import Reply, ResultCode, StatusReply, TransactionReply
from switch.rules.directory import Programme

TRY_AGAIN = int(ResultCode.TRY_AGAIN)
REDEEM = int(Kind.REDEEM)

MakeReply: TypeAlias = Callable[[int, int, Outcome, Programme, str], Reply]
"""Makes the reply of one operation: (stan, original_stan, outcome, programme, last4)."""


def transaction_reply(
    stan: int, original_stan: int, outcome: Outcome, programme: Programme, last4: str
) -> TransactionReply:
    """One transaction reply with its receipt, printed by the rules version it was posted under.

    What each figure holds by code: SPEC.md, "What a reply holds" (`protocol.published.field_matrix`).
    """
    is_told = outcome.transaction_id and (outcome.code < TRY_AGAIN or outcome.kind != REDEEM)
    amount_grosze = outcome.amount_grosze if is_told else 0
    printer = (programme.versions.get(outcome.rules_version) or programme.current).printer
    return TransactionReply(
        stan=stan,
        code=outcome.code,
        transaction_id=outcome.transaction_id,
        server_time_ms=outcome.accepted_at_ms,
        amount_grosze=amount_grosze,
        points=outcome.points,
        balance=outcome.balance,
        receipt=printer.text(
            outcome.kind,
            outcome.code,
            at_ms=outcome.accepted_at_ms,
            last4=last4,
            amount_grosze=amount_grosze,
            points=outcome.points,
            balance=outcome.balance,
            original=original_stan,
        ),
    )


def status_reply(
    stan: int, original_stan: int, outcome: Outcome, programme: Programme, last4: str
) -> StatusReply:
    """What became of the original: its own reply, or none."""
    original = None
    if outcome.original is not None:
        stored = outcome.original
        original = transaction_reply(original_stan, stored.original_stan, stored, programme, last4)
    return StatusReply(stan=stan, code=outcome.code, server_time_ms=outcome.accepted_at_ms, original=original)

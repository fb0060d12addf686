"""What a terminal is told: the reply to an outcome, receipt included.

Pure. Must not know how a reply travels. Invariant: it depends on stored figures only, so that a replay is the
first reply again, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ledger.books.posting import Outcome
from protocol import Reply, StatusReply, TransactionReply
from switch.rules.directory import Programme

MakeReply: TypeAlias = Callable[[int, int, Outcome, Programme, str], Reply]
"""Makes the reply of one operation: (stan, original_stan, outcome, programme, last4)."""


def transaction_reply(
    stan: int, original_stan: int, outcome: Outcome, programme: Programme, last4: str
) -> TransactionReply:
    """One transaction reply with its receipt, printed by the rules version it was posted under."""
    printer = (programme.versions.get(outcome.rules_version) or programme.current).printer
    return TransactionReply(
        stan=stan,
        code=outcome.code,
        transaction_id=outcome.transaction_id,
        server_time_ms=outcome.accepted_at_ms,
        amount_grosze=outcome.amount_grosze,
        points=outcome.points,
        balance=outcome.balance,
        receipt=printer.text(
            outcome.kind,
            outcome.code,
            at_ms=outcome.accepted_at_ms,
            last4=last4,
            amount_grosze=outcome.amount_grosze,
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
        original = transaction_reply(original_stan, 0, outcome.original, programme, last4)
    return StatusReply(stan=stan, code=outcome.code, server_time_ms=outcome.accepted_at_ms, original=original)

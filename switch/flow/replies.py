"""What a terminal is told: the reply to an outcome, receipt included.

Pure. Must not know how a reply travels. Invariant: it depends on stored figures only, so that a replay is the
first reply again, byte for byte.
"""

from __future__ import annotations

import msgspec

from ledger.books.posting import Kind, Outcome, Posting
from protocol import Reply, StatusReply, TransactionReply
from switch.flow.connection import Connection
from switch.rules.directory import Programme

STATUS = int(Kind.STATUS)


class Pending(msgspec.Struct, frozen=True, gc=False):
    """What the reply needs to know of its request; travels through the ledger as the posting's context."""

    connection: Connection
    request_type: int
    message: str
    programme: Programme
    last4: str


def reply_of(posting: Posting, outcome: Outcome, pending: Pending) -> Reply:
    """The reply to a posting; depends on stored figures only, so a replay repeats it byte for byte."""
    if posting.kind != STATUS:
        return transaction_reply(
            posting.stan, posting.original_stan, outcome, pending.programme, pending.last4
        )
    original = None
    if outcome.original is not None:
        original = transaction_reply(
            posting.original_stan, 0, outcome.original, pending.programme, pending.last4
        )
    return StatusReply(
        stan=posting.stan, code=outcome.code, server_time_ms=outcome.accepted_at_ms, original=original
    )


def transaction_reply(
    stan: int, original_stan: int, outcome: Outcome, programme: Programme, last4: str
) -> TransactionReply:
    """One transaction reply with its receipt, printed by the rules version it was posted under."""
    printer = programme.printers.get(outcome.rules_version) or programme.printers[programme.rules_version]
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
            last4=last4,
            amount_grosze=outcome.amount_grosze,
            points=outcome.points,
            balance=outcome.balance,
            original=original_stan,
        ),
    )

"""What a terminal is told: the reply to an outcome, receipt included.

Pure. Must not know how a reply travels. Invariant: it depends on stored figures and on the rules version they
name only, so that a replay is the first reply again, byte for byte, whatever asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ledger.books.posting import Kind, Outcome
from protocol import (
    Ack,
    CardReport,
    Reply,
    Request,
    ResultCode,
    StatusReply,
    TransactionReply,
    Verify,
    VerifyReply,
)
from switch.rules.directory import Programme

TRY_AGAIN = int(ResultCode.TRY_AGAIN)
REDEEM = int(Kind.REDEEM)
NOT_SUPPORTED = (ResultCode.NOT_SUPPORTED.text_pl, ResultCode.NOT_SUPPORTED.text_en)
"""By the number of a language."""
NO_LIMIT = -1
"""In `remaining` of a reply: it may be done again as often as anybody likes."""

MakeReply: TypeAlias = Callable[[int, Outcome, Programme], Reply]
"""Makes the reply of one operation to the request `stan`. Raises `RulesUnknown`."""


AnswerAtOnce: TypeAlias = Callable[[Request, int, int], Reply]
"""Answers a request without asking anybody, at a moment in ms since 1970, in a language by its number."""


class RulesUnknown(Exception):
    """This worker does not know the rules version an outcome was posted under: its registry lags.

    Another version's text would be another reply.
    """


def transaction_reply(stan: int, outcome: Outcome, programme: Programme) -> TransactionReply:
    """One transaction reply with its receipt, printed by the rules version it was posted under.

    What each figure holds by code: SPEC.md, "What a reply holds" (`protocol.published.field_matrix`).
    """
    version = programme.versions.get(outcome.rules_version)
    if version is None:
        raise RulesUnknown
    is_told = outcome.transaction_id and (outcome.code < TRY_AGAIN or outcome.kind != REDEEM)
    amount_grosze = outcome.amount_grosze if is_told else 0
    return TransactionReply(
        stan=stan,
        code=outcome.code,
        transaction_id=outcome.transaction_id,
        server_time_ms=outcome.accepted_at_ms,
        amount_grosze=amount_grosze,
        discount_grosze=0,
        points=outcome.points,
        balance=outcome.balance,
        remaining=NO_LIMIT,
        checks=0,
        receipt=version.printer.text(
            outcome.kind,
            outcome.code,
            at_ms=outcome.accepted_at_ms,
            last4=outcome.last4,
            amount_grosze=amount_grosze,
            points=outcome.points,
            balance=outcome.balance,
            original=outcome.original_stan,
            language=outcome.language,
        ),
    )


def status_reply(stan: int, outcome: Outcome, programme: Programme) -> StatusReply:
    """What became of the original: its own reply, or none."""
    if outcome.rules_version not in programme.versions:
        raise RulesUnknown
    original = None
    if outcome.original is not None:
        original = transaction_reply(outcome.original_stan, outcome.original, programme)
    return StatusReply(stan=stan, code=outcome.code, server_time_ms=outcome.accepted_at_ms, original=original)


def acknowledge(request: Request, now_ms: int, _: int) -> Reply:
    """The answer to who only wants to hear that the switch is there."""
    return Ack(stan=request.stan, code=int(ResultCode.APPROVED), server_time_ms=now_ms)


def not_supported(request: Request, now_ms: int, language: int) -> Reply:
    """The answer to what no programme here has, in the shape of its own reply; nothing is kept of it."""
    stan, code, text = request.stan, int(ResultCode.NOT_SUPPORTED), NOT_SUPPORTED[language]
    match request:
        case CardReport():
            return Ack(stan, code, now_ms)
        case Verify():
            return VerifyReply(stan, code, now_ms, checks=0, benefits=[], benefits_next=0, receipt=text)
    return TransactionReply(
        stan=stan,
        code=code,
        transaction_id=0,
        server_time_ms=now_ms,
        amount_grosze=0,
        discount_grosze=0,
        points=0,
        balance=0,
        remaining=NO_LIMIT,
        checks=0,
        receipt=text,
    )

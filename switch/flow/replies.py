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
    Reply,
    Request,
    ResultCode,
    StatusReply,
    TransactionReply,
    Verify,
    VerifyReply,
)
from switch.rules.directory import Programme
from switch.rules.programme import LANGUAGES

TRY_AGAIN = int(ResultCode.TRY_AGAIN)
CONFIRMATION_MISSING = int(ResultCode.CONFIRMATION_MISSING)
QUOTA_USED_UP = int(ResultCode.QUOTA_USED_UP)
REDEEM, QUOTE, REFUND = int(Kind.REDEEM), int(Kind.QUOTE), int(Kind.REFUND)
NOT_SUPPORTED = (ResultCode.NOT_SUPPORTED.text_pl, ResultCode.NOT_SUPPORTED.text_en)
"""By the number of a language."""
NO_LIMIT = -1
"""In `remaining` of a reply: it may be done again as often as anybody likes."""

_WITH_CHECKS = {0, CONFIRMATION_MISSING}

MakeReply: TypeAlias = Callable[[int, Outcome, Programme], Reply]
"""Makes the reply of one operation to the request `stan`. Raises `RulesUnknown`."""


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
    code, kind, remaining = outcome.code, outcome.kind, outcome.remaining
    if kind == QUOTE:
        is_told = not code
    else:
        is_told = outcome.transaction_id != 0 and (code < TRY_AGAIN or kind != REDEEM)
    amount_grosze = outcome.amount_grosze if is_told else 0
    balance = outcome.balance if is_told or kind != QUOTE else 0
    discount_grosze = outcome.discount_grosze if not code and kind != REFUND else 0
    checks = outcome.checks if is_told and code in _WITH_CHECKS else 0
    if code and (code != QUOTA_USED_UP or kind == QUOTE):
        remaining = NO_LIMIT
    at_ms, language = outcome.accepted_at_ms, outcome.language
    offer = programme.offers.name(outcome.offer, at_ms, LANGUAGES[language]) if outcome.offer else ""
    # By place, both: by name their arguments cost 0.4 µs.
    receipt = version.printer.text(
        kind,
        code,
        at_ms,
        outcome.last4,
        amount_grosze,
        outcome.points,
        balance,
        outcome.original_stan,
        language,
        discount_grosze,
        remaining,
        offer,
        checks if kind == QUOTE else 0,
    )
    return TransactionReply(
        stan,
        code,
        outcome.transaction_id,
        at_ms,
        amount_grosze,
        discount_grosze,
        outcome.points,
        balance,
        remaining,
        checks,
        receipt,
    )


def status_reply(stan: int, outcome: Outcome, programme: Programme) -> StatusReply:
    """What became of the original: its own reply, or none."""
    if outcome.rules_version not in programme.versions:
        raise RulesUnknown
    original = None
    if outcome.original is not None:
        original = transaction_reply(outcome.original_stan, outcome.original, programme)
    return StatusReply(stan=stan, code=outcome.code, server_time_ms=outcome.accepted_at_ms, original=original)


def acknowledge(request: Request, now_ms: int) -> Reply:
    """The answer to who only wants to hear that the switch is there."""
    return Ack(stan=request.stan, code=int(ResultCode.APPROVED), server_time_ms=now_ms)


def not_supported(request: Request, now_ms: int, language: int) -> Reply:
    """The answer to a question that this programme does not answer, in the shape of its own reply."""
    stan, code = request.stan, int(ResultCode.NOT_SUPPORTED)
    if isinstance(request, Verify):
        text = NOT_SUPPORTED[language]
        return VerifyReply(stan, code, now_ms, checks=0, benefits=[], benefits_next=0, receipt=text)
    return Ack(stan, code, now_ms)

"""What the switch answers: the fields of every reply, in the order of the wire.

Owns the replies; which request each answers is `messages`'. `code` is a plain int 0..255: a terminal must not
fail on a code younger than itself.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from protocol import limits
from protocol.fields import (
    Bits,
    Code,
    Count,
    EntryBits,
    GenerationOrNone,
    Int64,
    Message,
    MessageNumber,
    OfferKind,
    OfferName,
    OfferNumber,
    OfferOrNone,
    Remaining,
    Stan,
    StanOrNone,
    UInt63,
    WrappedKey,
)


class SignOnReply(Message, frozen=True):
    """The programme as this terminal needs it; `last_stan` 0 means none; amounts in grosze.

    `tiers` are (points, value), `offers` (number, kind, short name); `operations` the numbers of the
    messages that are served here, `entries` the bits 1 << entry of how a card may be read. `offers_next`:
    what to ask for with `offers_after`, 0 if there are no more.
    """

    stan: Stan
    code: Code
    server_time_ms: UInt63
    programme: Annotated[str, Meta(max_length=limits.PROGRAMME_BYTES_MAX)]
    partner_name: Annotated[str, Meta(max_length=limits.PARTNER_NAME_BYTES_MAX)]
    last_stan: StanOrNone
    amount_max_grosze: UInt63
    points_step_grosze: UInt63
    tiers: Annotated[list[tuple[UInt63, UInt63]], Meta(max_length=limits.TIERS_MAX)]
    advice_age_max_days: Count
    operations: Annotated[list[MessageNumber], Meta(max_length=limits.OPERATIONS_MAX)]
    entries: EntryBits
    offers: Annotated[list[tuple[OfferNumber, OfferKind, OfferName]], Meta(max_length=limits.OFFERS_MAX)]
    offers_next: OfferOrNone


class KeyChangeReply(Message, frozen=True):
    """Reply to KEY_CHANGE: the newer key, wrapped under the session; 0 and nothing where there is none."""

    stan: Stan
    code: Code
    server_time_ms: UInt63
    generation: GenerationOrNone
    wrapped: WrappedKey


class Ack(Message, frozen=True):
    """Reply to SIGN_OFF, ECHO and CARD_REPORT."""

    stan: Stan
    code: Code
    server_time_ms: UInt63


class TransactionReply(Message, frozen=True):
    """Reply to every other request for a card; `points` is the card account's signed change.

    `remaining`: how often it may be done again, -1 without a limit; `checks`: bits of what the cashier is
    to see.
    """

    stan: Stan
    code: Code
    transaction_id: UInt63
    server_time_ms: UInt63
    amount_grosze: Int64
    discount_grosze: Int64
    points: Int64
    balance: Int64
    remaining: Remaining
    checks: Bits
    receipt: Annotated[str, Meta(max_length=limits.RECEIPT_BYTES_MAX)]


class VerifyReply(Message, frozen=True):
    """Reply to VERIFY: what holds for the card here and now, by offer, and how often; never why.

    `benefits` are (offer, remaining, checks): how often, never 0, -1 without a limit, and what the cashier is
    to see for this one. `checks`: what is to be seen for every one of them; `benefits_next`: what to ask for
    with `offers_after`, 0 if there are no more.
    """

    stan: Stan
    code: Code
    server_time_ms: UInt63
    checks: Bits
    benefits: Annotated[list[tuple[OfferNumber, Remaining, Bits]], Meta(max_length=limits.BENEFITS_MAX)]
    benefits_next: OfferOrNone
    receipt: Annotated[str, Meta(max_length=limits.RECEIPT_BYTES_MAX)]


class StatusReply(Message, frozen=True):
    """Reply to STATUS: `original` is the reply the original got, or None if it was never executed."""

    stan: Stan
    code: Code
    server_time_ms: UInt63
    original: TransactionReply | None


class TotalsReply(Message, frozen=True):
    """The switch's own sums over the same STANs."""

    stan: Stan
    code: Code
    server_time_ms: UInt63
    earn_count: Count
    earn_points: Int64
    redeem_count: Count
    redeem_points: Int64
    reversal_count: Count
    reversal_points: Int64
    benefit_count: Count
    benefit_grosze: Int64
    refund_count: Count
    refund_points: Int64


Reply: TypeAlias = (
    SignOnReply | Ack | KeyChangeReply | TransactionReply | VerifyReply | StatusReply | TotalsReply
)

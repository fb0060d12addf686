"""The requests that can move points, as a terminal handles them: what it notes, reads back and adds up.

Owns the closed set of posting requests, the witness's interface and what an answer adds to the totals.
Must not know: links, tries, files.
"""

from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import msgspec

from protocol import (
    REQUEST_OF,
    TYPE_OF,
    Ack,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Earn,
    EarnAdvice,
    MisuseError,
    Redeem,
    Refund,
    Request,
    ResultCode,
    Reversal,
    TransactionReply,
    check_request,
    encode_request,
    without_track_1,
)
from simulators.errors import InvalidEntry
from simulators.till.records import PendingRequest, RunningTotals

EARN: Final = TYPE_OF[Earn]
EARN_ADVICE: Final = TYPE_OF[EarnAdvice]
BENEFIT_USE: Final = TYPE_OF[BenefitUse]
BENEFIT_ADVICE: Final = TYPE_OF[BenefitAdvice]
REFUND: Final = TYPE_OF[Refund]
REDEEM: Final = TYPE_OF[Redeem]
REVERSAL: Final = TYPE_OF[Reversal]

PostingRequest: TypeAlias = Earn | EarnAdvice | Redeem | BenefitUse | BenefitAdvice | Refund | Reversal
StoredRequest: TypeAlias = PostingRequest | CardReport
NEVER_GIVEN_UP: Final = frozenset({REVERSAL, REFUND})
"""What tells of a fact: it is sent until it has a final answer, before any new sale."""
_R = TypeVar("_R", bound=Request)


class Witness(Protocol):
    """Who writes down, outside the switch, what a terminal sent and was told (`audit.log.AuditLog`)."""

    def signed_on(self, terminal: int, stan: int) -> None:
        """Take note that the terminal uses STANs above `stan` from here on."""

    def sending(self, terminal: int, request: PostingRequest) -> None:
        """Take note of a new request before any byte of it is sent."""

    def told(self, terminal: int, request: PostingRequest, reply: TransactionReply) -> None:
        """Take note of the final answer to a request before the terminal acts on it."""


class Settled(NamedTuple):
    """Something left unfinished that `settle` brought to its end."""

    request: StoredRequest
    reply: TransactionReply | Ack


def check_entry(entry: _R) -> _R:
    """Return a request as it may be numbered and stored, its card without track 1.

    Raises InvalidEntry for what the wire cannot carry, which the switch would hang up on every time it is
    sent; all else is the switch's to refuse.
    """
    if (card := getattr(entry, "card", None)) is not None:
        sent = without_track_1(card)
        if not sent:
            raise InvalidEntry("no card was read")
        if sent != card:
            entry = msgspec.structs.replace(entry, card=sent)
    try:
        check_request(*encode_request(entry))
    except MisuseError as error:
        raise InvalidEntry(f"this cannot be sent: {error}") from None
    return entry


def decode_posting(type_byte: int, body: bytes) -> StoredRequest:
    """Read a request back from the bytes in the memory."""
    return cast(StoredRequest, msgspec.msgpack.decode(body, type=REQUEST_OF[type_byte]))


def effect_on_totals(pending: PendingRequest, reply: TransactionReply) -> RunningTotals | None:
    """Return what an answer adds to the terminal's totals.

    The acknowledged reversal of a request that was given up also tells that the request had posted.
    """
    if reply.code != ResultCode.APPROVED:
        return None
    if pending.type != REVERSAL:
        return _effect_of(pending.type, reply.points, reply.discount_grosze)
    reversed_ = RunningTotals(reversal_count=1, reversal_points=reply.points)
    if not pending.original_type:
        return reversed_
    return reversed_.plus(_effect_of(pending.original_type, -reply.points, reply.discount_grosze))


def _effect_of(type_byte: int, points: int, discount_grosze: int) -> RunningTotals:
    """Return what a request that posted adds."""
    if type_byte == REDEEM:
        return RunningTotals(redeem_count=1, redeem_points=points)
    if type_byte in {BENEFIT_USE, BENEFIT_ADVICE}:
        return RunningTotals(benefit_count=1, benefit_grosze=discount_grosze)
    if type_byte == REFUND:
        return RunningTotals(refund_count=1, refund_points=points)
    return RunningTotals(earn_count=1, earn_points=points)

"""The requests that can move points, as a terminal handles them: what it notes, reads back and adds up.

Owns the closed set of posting requests, the witness's interface and what an answer adds to the totals.
Must not know: links, tries, files.
"""

from typing import Final, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import msgspec

from protocol import (
    REQUEST_OF,
    TYPE_OF,
    Earn,
    EarnAdvice,
    MisuseError,
    Redeem,
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
REDEEM: Final = TYPE_OF[Redeem]
REVERSAL: Final = TYPE_OF[Reversal]

PostingRequest: TypeAlias = Earn | EarnAdvice | Redeem | Reversal
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

    request: PostingRequest
    reply: TransactionReply


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


def decode_posting(type_byte: int, body: bytes) -> PostingRequest:
    """Read a request back from the bytes in the memory."""
    return cast(PostingRequest, msgspec.msgpack.decode(body, type=REQUEST_OF[type_byte]))


def effect_on_totals(pending: PendingRequest, reply: TransactionReply) -> RunningTotals | None:
    """Return what an answer adds to the terminal's totals.

    The acknowledged reversal of a request that was given up also tells that the request had posted.
    """
    if reply.code != ResultCode.APPROVED:
        return None
    points = reply.points
    if pending.type in {EARN, EARN_ADVICE}:
        return RunningTotals(earn_count=1, earn_points=points)
    if pending.type == REDEEM:
        return RunningTotals(redeem_count=1, redeem_points=points)
    if pending.original_type == REDEEM:
        return RunningTotals(redeem_count=1, redeem_points=-points, reversal_count=1, reversal_points=points)
    if pending.original_type:
        return RunningTotals(earn_count=1, earn_points=-points, reversal_count=1, reversal_points=points)
    return RunningTotals(reversal_count=1, reversal_points=points)

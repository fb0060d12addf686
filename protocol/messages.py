"""The messages: their type bytes, and the way between a message and its body.

Owns the strict decoders and the type bytes of the handshake; those of requests stand in the catalogue. Knows
nothing of frames, tags or sessions. A body is one msgpack array with the fields in the order they are
written in (`handshake`, `requests`, `replies`; SPEC.md).
Invariants: a decoder accepts exactly what is declared (no missing, extra or out-of-range field); whatever
the bytes, a decoder made by `strict_decoder` raises `ProtocolError` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

import protocol.requests  # noqa: F401 it fills the catalogue
from protocol import limits
from protocol.catalogue import CATALOGUE
from protocol.errors import CloseReason, MisuseError, ProtocolError
from protocol.fields import CardMessage, Request
from protocol.handshake import Accept, Challenge, Hello, Proof
from protocol.replies import Reply, SignOnReply, StatusReply, TransactionReply, VerifyReply

REPLY_BIT = 0x80
"""Set in every type byte that the switch sends."""
REPEAT_BIT = 0x40
"""Set when a terminal sends the same request again (ISO 8583: xxx1)."""
MESSAGE_MASK = 0x3F

Handshake: TypeAlias = Hello | Challenge | Proof | Accept


class Received(msgspec.Struct, frozen=True, gc=False):
    """A verified data frame: message, type byte as received (repeat bit included), bytes of the body.

    The body is not printed: it may hold a card.
    """

    message: Request | Reply
    type: int
    body: bytes

    def __repr__(self) -> str:
        return f"Received({self.message!r}, type=0x{self.type:02x}, body of {len(self.body)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("message", self.message), ("type", self.type)]


HELLO, CHALLENGE, PROOF, ACCEPT = 0x01, 0x81, 0x02, 0x82

HANDSHAKE_OF: dict[int, type[Handshake]] = {
    HELLO: Hello,
    CHALLENGE: Challenge,
    PROOF: Proof,
    ACCEPT: Accept,
}

REQUEST_OF: dict[int, type[Request]] = {number: CATALOGUE[number].request for number in sorted(CATALOGUE)}

REPLY_OF: dict[int, type[Reply]] = {number | REPLY_BIT: CATALOGUE[number].reply for number in REQUEST_OF}
"""Reply class by the reply's type byte, which is the request's with bit 7 set and the repeat bit clear."""

MESSAGE_OF: dict[int, type[Any]] = {**HANDSHAKE_OF, **REQUEST_OF, **REPLY_OF}
"""Every message class by its type byte, repeat bit clear."""

TYPE_OF: dict[type[Any], int] = {
    **{message: number for number, message in HANDSHAKE_OF.items()},
    **{message: number for number, message in REQUEST_OF.items()},
}
"""Type byte of handshake messages and requests; a reply's follows from its request's."""

encode: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode
"""Body of a message: msgpack in its shortest form."""

Decode: TypeAlias = Callable[[bytes], Any]

DECODE_ERRORS = (ValueError, RecursionError)
"""What a msgspec decoder raises on hostile bytes: its own errors and UnicodeDecodeError are ValueErrors."""


def decoder(message: type[Any]) -> Decode:
    """Return the raw decoder of a message class; it raises one of `DECODE_ERRORS`."""
    return msgspec.msgpack.Decoder(message).decode


def body_error(error: Exception) -> ProtocolError:
    """Return the declared error for what a raw decoder raised; the detail never repeats field values."""
    return ProtocolError(CloseReason.BODY, type(error).__name__)


def texts_fit(message: Request | Reply) -> bool:
    """Return whether the texts of a message are within their limits in bytes; msgspec counts characters."""
    if isinstance(message, CardMessage):
        return len(message.card.encode()) <= limits.CARD_BYTES_MAX
    if isinstance(message, SignOnReply):
        return (
            len(message.programme.encode()) <= limits.PROGRAMME_BYTES_MAX
            and len(message.partner_name.encode()) <= limits.PARTNER_NAME_BYTES_MAX
            and all(len(name.encode()) <= limits.OFFER_NAME_BYTES_MAX for _, _, name in message.offers)
        )
    transaction = message.original if isinstance(message, StatusReply) else message
    if isinstance(transaction, TransactionReply | VerifyReply):
        return len(transaction.receipt.encode()) <= limits.RECEIPT_BYTES_MAX
    return True


def encode_request(message: Request) -> tuple[int, bytes]:
    """Return (type byte, body): what a terminal persists before sending, and repeats byte for byte.

    Raises `MisuseError` for what msgpack cannot carry. Ranges are not looked at (`check_request` does).
    """
    type_byte = TYPE_OF.get(type(message))
    if type_byte not in REQUEST_OF:
        raise MisuseError(f"{type(message).__name__} is not a request")
    return type_byte, encode_strictly(message)


def encode_strictly(message: Request | Reply) -> bytes:
    """Return the body of a message. Raises `MisuseError`, which repeats no value of a field."""
    try:
        return encode(message)
    except (OverflowError, TypeError, ValueError) as error:
        raise MisuseError(f"{type(message).__name__} cannot be encoded: {type(error).__name__}") from None


def check_request(type_byte: int, body: bytes) -> None:
    """Raise `MisuseError` unless the switch will read this request: what a terminal asks before it persists.

    A request once persisted is sent until it is answered, and one that breaks the protocol never is.
    """
    message = REQUEST_OF.get(type_byte & MESSAGE_MASK)
    if message is None:
        raise MisuseError(f"0x{type_byte:02x} is not a request")
    try:
        if texts_fit(decoder(message)(body)):
            return
    except DECODE_ERRORS:
        pass
    raise MisuseError(f"a field of {message.__name__} is out of its range")

"""The messages: their fields, type bytes, and the way between a message and its body.

Owns the msgspec structures, the type bytes and the strict decoders; knows nothing of frames, tags or
sessions. A body is one msgpack array with the fields in the order written here (SPEC.md, "Messages").
Invariants: a decoder accepts exactly what is declared (no missing, extra or out-of-range field); whatever
the bytes, a decoder made by `strict_decoder` raises `ProtocolError` and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from struct import Struct
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from protocol import limits
from protocol.card_number import mask_text
from protocol.errors import CloseReason, MisuseError, ProtocolError

REPLY_BIT = 0x80
"""Set in every type byte that the switch sends."""
REPEAT_BIT = 0x40
"""Set when a terminal sends the same request again (ISO 8583: xxx1)."""
MESSAGE_MASK = 0x3F

Stan: TypeAlias = Annotated[int, Meta(ge=1, le=limits.STAN_MAX)]
StanOrNone: TypeAlias = Annotated[int, Meta(ge=0, le=limits.STAN_MAX)]
TerminalTime: TypeAlias = Annotated[int, Meta(ge=0, le=limits.TERMINAL_TIME_MAX)]
Card: TypeAlias = Annotated[str, Meta(max_length=limits.CARD_BYTES_MAX)]
PrintableAscii: TypeAlias = Annotated[str, Meta(pattern=r"\A[ -~]*\Z")]
WireAmount: TypeAlias = Annotated[int, Meta(ge=-limits.AMOUNT_WIRE_MAX, le=limits.AMOUNT_WIRE_MAX)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=limits.COUNT_MAX)]
Code: TypeAlias = Annotated[int, Meta(ge=0, le=limits.CODE_MAX)]
Int64: TypeAlias = Annotated[int, Meta(ge=limits.INT64_MIN, le=limits.INT64_MAX)]
UInt63: TypeAlias = Annotated[int, Meta(ge=0, le=limits.INT64_MAX)]
Nonce: TypeAlias = Annotated[bytes, Meta(min_length=limits.NONCE_SIZE, max_length=limits.NONCE_SIZE)]
SessionId: TypeAlias = Annotated[
    bytes, Meta(min_length=limits.SESSION_ID_SIZE, max_length=limits.SESSION_ID_SIZE)
]
Mac: TypeAlias = Annotated[bytes, Meta(min_length=limits.MAC_SIZE, max_length=limits.MAC_SIZE)]
Version: TypeAlias = Annotated[int, Meta(ge=1, le=255)]


class _Message(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True, gc=False):
    """A msgpack array of exactly the declared fields."""


class _CardMessage(_Message, frozen=True):
    """A request for a card; printed for a log or a failure it shows the last four digits at most."""

    stan: Stan
    terminal_time: TerminalTime
    card: Card

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return list({**fields, "card": mask_text(self.card)}.items())


# Handshake.


class Hello(_Message, frozen=True):
    """Terminal: versions spoken, who it claims to be, which generation of its key, and a fresh nonce."""

    versions: Annotated[list[Version], Meta(min_length=1, max_length=limits.VERSIONS_MAX)]
    terminal: Annotated[int, Meta(ge=1, le=limits.TERMINAL_MAX)]
    generation: Annotated[int, Meta(ge=1, le=limits.GENERATION_MAX)]
    nonce: Nonce


class Challenge(_Message, frozen=True):
    """Switch: the version chosen, the session's name, and a fresh nonce; the same for unknown terminals."""

    version: Version
    session_id: SessionId
    nonce: Nonce


class Proof(_Message, frozen=True):
    """Terminal: HMAC-SHA256(client finish, T1)."""

    mac: Mac


class Accept(_Message, frozen=True):
    """Switch: HMAC-SHA256(server finish, T2)."""

    mac: Mac


# Requests. `stan` 1..2**31-1, `terminal_time` in Unix seconds 0..2**32-1 (recorded, never trusted).


class SignOn(_Message, frozen=True):
    """Ask for the programme's settings; `software` names the terminal's program, printable ASCII."""

    stan: Stan
    terminal_time: TerminalTime
    software: Annotated[PrintableAscii, Meta(max_length=limits.SOFTWARE_BYTES_MAX)]


class SignOff(_Message, frozen=True):
    """The terminal goes home; nothing is in flight any more."""

    stan: Stan
    terminal_time: TerminalTime


class Echo(_Message, frozen=True):
    """Is the switch there?"""

    stan: Stan
    terminal_time: TerminalTime


class Balance(_CardMessage, frozen=True):
    """Ask for the balance of a card; never journalled."""


class Earn(_CardMessage, frozen=True):
    """Points for `amount` grosze paid, decided now."""

    amount: WireAmount


class EarnAdvice(_CardMessage, frozen=True):
    """Points for `amount` grosze paid while the terminal was offline (`terminal_time` says when)."""

    amount: WireAmount


class Redeem(_CardMessage, frozen=True):
    """Spend one tier of points; `tier` in points."""

    tier: WireAmount


class Reversal(_CardMessage, frozen=True):
    """Undo the terminal's own `original_stan`, which was for this card, or keep it from ever posting."""

    original_stan: Stan


class Status(_CardMessage, frozen=True):
    """What became of `original_stan`? If the switch has never seen it, it never will be executed."""

    original_stan: Stan


class Totals(_Message, frozen=True):
    """The terminal's sums over its STANs `stan_from..stan_to`: counts, and signed points as replied."""

    stan: Stan
    terminal_time: TerminalTime
    stan_from: Stan
    stan_to: Stan
    earn_count: Count
    earn_points: Int64
    redeem_count: Count
    redeem_points: Int64
    reversal_count: Count
    reversal_points: Int64


# Replies. `code` is a plain int 0..255: a terminal must not fail on a code younger than itself.


class SignOnReply(_Message, frozen=True):
    """The programme as this terminal needs it; `last_stan` 0 means none; amounts in grosze."""

    stan: Stan
    code: Code
    server_time_ms: UInt63
    programme: Annotated[str, Meta(max_length=limits.PROGRAMME_BYTES_MAX)]
    partner_name: Annotated[str, Meta(max_length=limits.PARTNER_NAME_BYTES_MAX)]
    last_stan: StanOrNone
    amount_max_grosze: UInt63
    points_step_grosze: UInt63
    tiers: Annotated[list[tuple[UInt63, UInt63]], Meta(max_length=limits.TIERS_MAX)]


class Ack(_Message, frozen=True):
    """Reply to SIGN_OFF and ECHO."""

    stan: Stan
    code: Code
    server_time_ms: UInt63


class TransactionReply(_Message, frozen=True):
    """Reply to balance, earn, advice, redeem and reversal; `points` is the card account's signed change."""

    stan: Stan
    code: Code
    transaction_id: UInt63
    server_time_ms: UInt63
    amount_grosze: Int64
    points: Int64
    balance: Int64
    receipt: Annotated[str, Meta(max_length=limits.RECEIPT_BYTES_MAX)]


class StatusReply(_Message, frozen=True):
    """Reply to STATUS: `original` is the reply the original got, or None if it was never executed."""

    stan: Stan
    code: Code
    server_time_ms: UInt63
    original: TransactionReply | None


class TotalsReply(_Message, frozen=True):
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


Request: TypeAlias = (
    SignOn | SignOff | Echo | Balance | Earn | EarnAdvice | Redeem | Reversal | Status | Totals
)
Reply: TypeAlias = SignOnReply | Ack | TransactionReply | StatusReply | TotalsReply
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

REQUEST_OF: dict[int, type[Request]] = {
    0x08: SignOn,
    0x09: SignOff,
    0x0A: Echo,
    0x10: Balance,
    0x20: Earn,
    0x21: EarnAdvice,
    0x22: Redeem,
    0x30: Reversal,
    0x31: Status,
    0x38: Totals,
}

_REPLY_TO: dict[type[Request], type[Reply]] = {
    SignOn: SignOnReply,
    SignOff: Ack,
    Echo: Ack,
    Status: StatusReply,
    Totals: TotalsReply,
}

REPLY_OF: dict[int, type[Reply]] = {
    number | REPLY_BIT: _REPLY_TO.get(request, TransactionReply) for number, request in REQUEST_OF.items()
}
"""Reply class by the reply's type byte, which is the request's with bit 7 set and the repeat bit clear."""

MESSAGE_OF: dict[int, type[Any]] = {**HANDSHAKE_OF, **REQUEST_OF, **REPLY_OF}
"""Every message class by its type byte, repeat bit clear."""

TYPE_OF: dict[type[Any], int] = {
    **{message: number for number, message in HANDSHAKE_OF.items()},
    **{message: number for number, message in REQUEST_OF.items()},
}
"""Type byte of handshake messages and requests; a reply's follows from its request's."""

RESERVED_TYPES: dict[int, str] = {
    0x0B: "KEY_CHANGE",
    0x11: "VERIFY",
    0x12: "QUOTE",
    0x23: "BENEFIT_USE",
    0x24: "BENEFIT_ADVICE",
    0x32: "RETAINED_CARD",
}
"""Numbers kept for messages to come; today they are unknown types."""

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
    if isinstance(message, _CardMessage):
        return len(message.card.encode()) <= limits.CARD_BYTES_MAX
    if isinstance(message, SignOnReply):
        return (
            len(message.programme.encode()) <= limits.PROGRAMME_BYTES_MAX
            and len(message.partner_name.encode()) <= limits.PARTNER_NAME_BYTES_MAX
        )
    transaction = message.original if isinstance(message, StatusReply) else message
    if isinstance(transaction, TransactionReply):
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


_OF_TYPE = [hashlib.sha256(bytes([number])).copy for number in range(MESSAGE_MASK + 1)]
"""By message number, the copy of a hash that has taken it already."""
_first_8_bytes = Struct(">q").unpack_from


def request_digest(type_byte: int, body: bytes) -> int:
    """Return what tells a repeat from a conflict: a signed 64-bit int, the same for all repeats.

    First 8 bytes, big-endian, of SHA-256(message number ‖ body); the repeat bit does not enter.
    """
    digest = _OF_TYPE[type_byte & MESSAGE_MASK]()
    digest.update(body)
    return _first_8_bytes(digest.digest())[0]  # type: ignore[no-any-return]

"""The wire of cityswitch: bytes to verified messages and back, handshake, session keys, result codes.

Sans-I/O: no socket, clock, randomness or logging in here; nonces and keys come in as arguments and bytes go
out as return values, so it fits any loop. Depends on msgspec, the standard library, and cryptography for
one message (KEY_CHANGE). SPEC.md tells a
terminal vendor everything; vectors.json holds the bytes and scenarios.json the dialogues to check against.

    server = ServerSession(nonce=…, session_id=…, find_key=…, dummy_key=…)
    for received in server.receive(data): …
    write(server.data_to_send())                      # while the handshake runs
    write(server.seal(reply, received.type))
"""

from protocol import limits
from protocol.card_number import luhn_digit, mask_card, parse_card, without_track_1
from protocol.client import ClientSession
from protocol.errors import (
    AuthenticationFailed,
    CardNumberError,
    CloseReason,
    MisuseError,
    ProtocolError,
)
from protocol.fields import ENTRY_MODES_ALL, Check, EntryMode, ReportKind
from protocol.messages import (
    MESSAGE_MASK,
    MESSAGE_OF,
    REPEAT_BIT,
    REPLY_BIT,
    REPLY_OF,
    REQUEST_OF,
    TYPE_OF,
    Received,
    Reply,
    Request,
    check_request,
    encode_request,
    request_digest,
)
from protocol.replies import (
    Ack,
    KeyChangeReply,
    SignOnReply,
    StatusReply,
    TotalsReply,
    TransactionReply,
    VerifyReply,
)
from protocol.requests import (
    Balance,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Earn,
    EarnAdvice,
    Echo,
    KeyChange,
    Quote,
    Redeem,
    Refund,
    Reversal,
    SignOff,
    SignOn,
    Status,
    Totals,
    Verify,
)
from protocol.result_codes import ResultClass, ResultCode, is_signed_on, result_class
from protocol.server import ServerSession

__all__ = [
    "ENTRY_MODES_ALL",
    "MESSAGE_MASK",
    "MESSAGE_OF",
    "REPEAT_BIT",
    "REPLY_BIT",
    "REPLY_OF",
    "REQUEST_OF",
    "TYPE_OF",
    "Ack",
    "AuthenticationFailed",
    "Balance",
    "BenefitAdvice",
    "BenefitUse",
    "CardNumberError",
    "CardReport",
    "Check",
    "ClientSession",
    "CloseReason",
    "Earn",
    "EarnAdvice",
    "Echo",
    "EntryMode",
    "KeyChange",
    "KeyChangeReply",
    "MisuseError",
    "ProtocolError",
    "Quote",
    "Received",
    "Redeem",
    "Refund",
    "Reply",
    "ReportKind",
    "Request",
    "ResultClass",
    "ResultCode",
    "Reversal",
    "ServerSession",
    "SignOff",
    "SignOn",
    "SignOnReply",
    "Status",
    "StatusReply",
    "Totals",
    "TotalsReply",
    "TransactionReply",
    "Verify",
    "VerifyReply",
    "check_request",
    "encode_request",
    "is_signed_on",
    "limits",
    "luhn_digit",
    "mask_card",
    "parse_card",
    "request_digest",
    "result_class",
    "without_track_1",
]

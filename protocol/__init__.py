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

from protocol import limits, requests
from protocol.card_number import luhn_digit, mask_card, parse_card, read_card, without_track_1
from protocol.client import ClientSession
from protocol.errors import (
    AuthenticationFailed,
    CardNumberError,
    CloseReason,
    MisuseError,
    ProtocolError,
)
from protocol.fields import ENTRY_MODES_ALL, Check, EntryMode, ReportKind, Request
from protocol.messages import (
    MESSAGE_MASK,
    MESSAGE_OF,
    REPEAT_BIT,
    REPLY_BIT,
    REPLY_OF,
    REQUEST_OF,
    TYPE_OF,
    Received,
    check_request,
    encode_request,
)
from protocol.replies import (
    Ack,
    KeyChangeReply,
    Reply,
    SignOnReply,
    StatusReply,
    TotalsReply,
    TransactionReply,
    VerifyReply,
)
from protocol.requests import *  # noqa: F403 every request there is
from protocol.result_codes import ResultClass, ResultCode, is_signed_on, result_class
from protocol.sealing import request_digest
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
    "CardNumberError",
    "Check",
    "ClientSession",
    "CloseReason",
    "EntryMode",
    "KeyChangeReply",
    "MisuseError",
    "ProtocolError",
    "Received",
    "Reply",
    "ReportKind",
    "Request",
    "ResultClass",
    "ResultCode",
    "ServerSession",
    "SignOnReply",
    "StatusReply",
    "TotalsReply",
    "TransactionReply",
    "VerifyReply",
    "check_request",
    "encode_request",
    "is_signed_on",
    "limits",
    "luhn_digit",
    "mask_card",
    "parse_card",
    "read_card",
    "request_digest",
    "result_class",
    "without_track_1",
]
__all__ += requests.__all__

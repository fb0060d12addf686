"""The cases of vectors.json: the fixed handshake, and which messages are shown.

Owns the choice of cases and the fixed keys and nonces; `make_vectors` turns them into bytes. Knows nothing of
files. Invariant: every message class has a case.
"""

from __future__ import annotations

from typing import NamedTuple

from protocol.fields import EntryMode, Request
from protocol.handshake import Accept, Challenge, Hello, Proof
from protocol.key_wrap import wrap
from protocol.keys import SessionKeys, derive_session_keys, mac, sha256
from protocol.messages import ACCEPT, CHALLENGE, HELLO, PROOF, encode
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

TERMINAL = 10_000_001
GENERATION = 1
TERMINAL_KEY = bytes(range(32))
DUMMY_KEY = bytes(range(0xE0, 0x100))
CLIENT_NONCE = bytes(range(0x40, 0x60))
SERVER_NONCE = bytes(range(0x80, 0xA0))
SESSION_ID = bytes(range(0xA0, 0xA8))
CARD = "4000000000000002"
SWIPED, SCANNED, TAPPED, KEYED = map(int, EntryMode)
TRACK_2 = ";4000000000000002=2912101?"
TIME = 1_700_000_000
TIME_MS = 1_700_000_000_123
TRANSACTION_ID = 7_130_316_800_515_899_392
"""Milliseconds since 1970 << 22: the switch's ids are ordered by time, a terminal only prints them."""


def plain(type_byte: int, body: bytes, version: int = 1) -> bytes:
    """Return a handshake frame, right or wrong."""
    return (len(body) + 2).to_bytes(2, "big") + bytes([version, type_byte]) + body


def sealed(key: bytes, sequence: int, type_byte: int, body: bytes, version: int = 1) -> bytes:
    """Return a data frame, right or wrong, straight from the definition of the tag."""
    head = (len(body) + 18).to_bytes(2, "big") + bytes([version, type_byte])
    return head + body + mac(key, sequence.to_bytes(8, "big") + head + body)[:16]


class Opening(NamedTuple):
    """The fixed handshake of the vectors, straight from its definition in SPEC.md."""

    hello: bytes
    challenge: bytes
    proof: bytes
    accept: bytes
    t1: bytes
    t2: bytes
    keys: SessionKeys


def opening() -> Opening:
    """Return the frames, transcripts and keys of the fixed handshake."""
    hello = plain(HELLO, encode(Hello([1], TERMINAL, GENERATION, CLIENT_NONCE)))
    challenge = plain(CHALLENGE, encode(Challenge(1, SESSION_ID, SERVER_NONCE)))
    t1 = sha256(hello + challenge)
    keys = derive_session_keys(TERMINAL_KEY, CLIENT_NONCE, SERVER_NONCE, t1)
    proof = plain(PROOF, encode(Proof(mac(keys.client_finish, t1))))
    t2 = sha256(hello + challenge + proof)
    accept = plain(ACCEPT, encode(Accept(mac(keys.server_finish, t2))))
    return Opening(hello, challenge, proof, accept, t1, t2, keys)


NEW_KEY = bytes(range(0x20, 0x40))
"""The key of generation 2, and as it travels in the session of the fixed handshake."""
WRAP_NONCE = bytes(range(0x60, 0x6C))
WRAPPED = wrap(opening().keys.key_wrap, WRAP_NONCE, TERMINAL, 2, NEW_KEY)

REQUESTS: list[tuple[str, Request, bool]] = [
    ("EARN", Earn(1, TIME, CARD, SWIPED, 12_345), False),
    ("EARN, sent again", Earn(1, TIME, CARD, SWIPED, 12_345), True),
    ("SIGN_ON", SignOn(2, TIME, "acme-pos 1.4.2", "pl", 0), False),
    ("ECHO", Echo(3, TIME), False),
    ("BALANCE by track 2", Balance(4, TIME, TRACK_2, SWIPED), False),
    ("EARN_ADVICE", EarnAdvice(5, TIME - 3_600, CARD, TAPPED, 4_999), False),
    ("EARN_ADVICE, sent again", EarnAdvice(5, TIME - 3_600, CARD, TAPPED, 4_999), True),
    ("REDEEM by a card scanned, 34.50 zł to pay", Redeem(6, TIME, CARD, SCANNED, 100, 3_450), False),
    ("REVERSAL", Reversal(7, TIME, CARD, SWIPED, 1), False),
    ("REVERSAL, sent again", Reversal(7, TIME, CARD, SWIPED, 1), True),
    ("STATUS by a card keyed", Status(8, TIME, CARD, KEYED, 6), False),
    ("TOTALS", Totals(9, TIME, 1, 8, 2, 16, 1, -100, 1, -12, 0, 0, 0, 0), False),
    ("SIGN_OFF", SignOff(10, TIME), False),
    ("KEY_CHANGE", KeyChange(13, TIME, GENERATION), False),
    ("VERIFY", Verify(14, TIME, CARD, TAPPED, 0), False),
    ("QUOTE of an EARN", Quote(15, TIME, CARD, SWIPED, 0x20, 12_345, 0), False),
    ("QUOTE of a BENEFIT_USE", Quote(16, TIME, CARD, SWIPED, 0x23, 2_500, 17), False),
    ("BENEFIT_USE, ID seen, no other discount", BenefitUse(17, TIME, CARD, SWIPED, 17, 2_500, 5), False),
    ("BENEFIT_ADVICE", BenefitAdvice(18, TIME - 3_600, CARD, SWIPED, 17, 2_500, 5), False),
    ("REFUND of a part", Refund(19, TIME, CARD, SWIPED, 10_000_002, 1, 2_000), False),
    ("CARD_REPORT, retained", CardReport(20, TIME, CARD, SWIPED, 1), False),
    ("CARD_REPORT, sent again", CardReport(20, TIME, CARD, SWIPED, 1), True),
    ("EARN at the bounds", Earn(2**31 - 1, 2**32 - 1, "9" * 255, KEYED, -(10**12)), False),
]

WIDE: list[tuple[str, Request, bytes]] = [
    (
        "EARN in msgpack's widest forms",
        Earn(11, TIME, CARD, SWIPED, 12_345),
        b"\xdd\x00\x00\x00\x05"
        b"\xcf\x00\x00\x00\x00\x00\x00\x00\x0b"
        b"\xd3\x00\x00\x00\x00\x65\x53\xf1\x00"
        b"\xdb\x00\x00\x00\x10" + CARD.encode() + b"\xcc\x01\xcd\x30\x39",
    ),
    ("ECHO, the array in its 3-byte form", Echo(12, TIME), b"\xdc\x00\x02\x0c\xce\x65\x53\xf1\x00"),
]
"""Requests in encodings that nobody sends and the switch reads; another body, so another digest."""

EARNED = TransactionReply(
    1, 0, TRANSACTION_ID, TIME_MS, 12_345, 0, 12, 1_212, -1, 0, "Naliczono 12 pkt\nSaldo: 1212 pkt"
)
REDEEMED = TransactionReply(6, 60, TRANSACTION_ID + 2, TIME_MS, 0, 0, 0, 62, -1, 0, "Za mało punktów")

REPLIES: list[tuple[str, int, Reply]] = [
    ("EARN approved", 0x20, EARNED),
    (
        "SIGN_ON approved",
        0x08,
        SignOnReply(
            2,
            0,
            TIME_MS,
            "czestochowa",
            "Księgarnia Pod Lipą",
            1,
            1_000_000,
            1_000,
            [(100, 1_000), (250, 2_500), (500, 5_000)],
            7,
            [0x08, 0x09, 0x0A, 0x10, 0x20, 0x21, 0x22, 0x30, 0x31, 0x38],
            0b11110,
            [(17, 1, "Basen -20 %"), (18, 4, "Muzeum bez opłat")],
            18,
        ),
    ),
    (
        "SIGN_ON while the partner is suspended",
        0x08,
        SignOnReply(2, 31, TIME_MS, "zywiec", "Kino", 7, 0, 0, [], 7, [0x08, 0x30, 0x38], 0b11110, [], 0),
    ),
    ("ECHO", 0x0A, Ack(3, 0, TIME_MS)),
    ("BALANCE approved", 0x10, TransactionReply(4, 0, 0, TIME_MS, 0, 0, 0, 1_212, -1, 0, "Saldo: 1212 pkt")),
    (
        "EARN_ADVICE approved",
        0x21,
        TransactionReply(5, 0, TRANSACTION_ID + 1, TIME_MS, 4_999, 0, 4, 1_216, -1, 0, ""),
    ),
    ("REDEEM declined", 0x22, REDEEMED),
    (
        "REVERSAL approved",
        0x30,
        TransactionReply(7, 0, TRANSACTION_ID + 3, TIME_MS, 12_345, 0, -12, -5, -1, 0, "Anulowano"),
    ),
    ("STATUS known", 0x31, StatusReply(8, 0, TIME_MS, REDEEMED)),
    ("STATUS never executed", 0x31, StatusReply(8, 25, TIME_MS, None)),
    ("TOTALS agree", 0x38, TotalsReply(9, 0, TIME_MS, 2, 16, 1, -100, 1, -12, 0, 0, 0, 0)),
    ("SIGN_OFF", 0x09, Ack(10, 0, TIME_MS)),
    ("KEY_CHANGE, the next key", 0x0B, KeyChangeReply(13, 0, TIME_MS, 2, WRAPPED)),
    ("KEY_CHANGE, none now", 0x0B, KeyChangeReply(13, 10, TIME_MS, 0, b"")),
    (
        "VERIFY, two benefits and more to come",
        0x11,
        VerifyReply(14, 0, TIME_MS, 1, [(17, 3, 5), (18, -1, 1)], 18, "Sprawdź dokument ze zdjęciem"),
    ),
    (
        "QUOTE of a BENEFIT_USE",
        0x12,
        TransactionReply(16, 0, 0, TIME_MS, 2_500, 500, 0, 1_212, 2, 5, "Do zapłaty: 20,00 zł"),
    ),
    (
        "BENEFIT_USE granted",
        0x23,
        TransactionReply(17, 0, TRANSACTION_ID + 4, TIME_MS, 2_500, 500, 0, 1_212, 2, 5, "Rabat: 5,00 zł"),
    ),
    (
        "BENEFIT_ADVICE, used up",
        0x24,
        TransactionReply(
            18, 61, TRANSACTION_ID + 5, TIME_MS, 2_500, 0, 0, 1_212, 0, 0, "Limit ulg wykorzystany"
        ),
    ),
    (
        "REFUND approved",
        0x25,
        TransactionReply(19, 0, TRANSACTION_ID + 6, TIME_MS, 2_000, 0, -2, 1_210, -1, 0, "Zwrot: 20,00 zł"),
    ),
    ("CARD_REPORT taken down", 0x32, Ack(20, 0, TIME_MS)),
    (
        "EARN, a code from the future",
        0x20,
        TransactionReply(11, 255, 2**63 - 1, TIME_MS, 0, 0, 0, -(2**63), -1, 0, ""),
    ),
]

CARDS: list[tuple[str, str | None]] = [
    (CARD, CARD),
    (TRACK_2, CARD),
    ("4000000000000002=2912101", CARD),
    (";4000000000000002=2912?", CARD),
    ("6304985028090561515", "6304985028090561515"),
    ("4000 0000 0000 0002", CARD),
    (" 4000000000000002\r\n", CARD),
    (";4000000000000002?", CARD),
    (";4000000000000002=?", CARD),
    (";4000000000000002==101?", CARD),
    ("4000000000000002D29121010000F", CARD),
    ("4000000000000002d2912", CARD),
    ("4000000000000002F", CARD),
    (";4000000000000002f?", CARD),
    (";4000000000000002=2912F?", CARD),
    ("4000000000000002FF", None),
    ("4000000000000002F2912", None),
    ("%B4000000000000002^KOWALSKI/JAN^2912101?;4000000000000002=2912101?", CARD),
    ("%E?;4000000000000002=2912101?", CARD),
    ("%B6304985028090561515^KOWALSKI/JAN^2912101?;4000000000000002=2912101?", None),
    ("%B4000000000000002^KOWALSKI/JAN^2912101?", None),
    ("4000000000000003", None),
    ("400000000000002", None),
    ("4000  0000 0000 0002", None),
    ("4000-0000-0000-0002", None),
    (";;4000000000000002=2912?", None),
    (";4000000000000002=2912?;4000000000000002=2912?", None),
    ("4" * 255, None),
    ("", None),
]

"""The cases of vectors.json: which messages are shown, and which frames must be refused.

Owns the choice of cases and the fixed keys and nonces; `make_vectors` turns them into bytes. Knows nothing of
files. Invariant: every message class and every close reason of either side has a case.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from protocol.errors import CloseReason
from protocol.fields import EntryMode
from protocol.handshake import Accept, Challenge, Hello, Proof
from protocol.keys import SessionKeys, derive_session_keys, mac, sha256
from protocol.messages import ACCEPT, CHALLENGE, HELLO, PROOF, Reply, Request, encode
from protocol.replies import Ack, SignOnReply, StatusReply, TotalsReply, TransactionReply
from protocol.requests import (
    Balance,
    Earn,
    EarnAdvice,
    Echo,
    Redeem,
    Reversal,
    SignOff,
    SignOn,
    Status,
    Totals,
)
from protocol.state import State

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

_EARNED = TransactionReply(
    1, 0, TRANSACTION_ID, TIME_MS, 12_345, 0, 12, 1_212, -1, 0, "Naliczono 12 pkt\nSaldo: 1212 pkt"
)
_REDEEMED = TransactionReply(6, 60, TRANSACTION_ID + 2, TIME_MS, 0, 0, 0, 62, -1, 0, "Za mało punktów")

REPLIES: list[tuple[str, int, Reply]] = [
    ("EARN approved", 0x20, _EARNED),
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
    ("ECHO", 0x0A, Ack(3, 0, TIME_MS)),
    ("BALANCE approved", 0x10, TransactionReply(4, 0, 0, TIME_MS, 0, 0, 0, 1_212, -1, 0, "Saldo: 1212 pkt")),
    (
        "EARN_ADVICE approved",
        0x21,
        TransactionReply(5, 0, TRANSACTION_ID + 1, TIME_MS, 4_999, 0, 4, 1_216, -1, 0, ""),
    ),
    ("REDEEM declined", 0x22, _REDEEMED),
    (
        "REVERSAL approved",
        0x30,
        TransactionReply(7, 0, TRANSACTION_ID + 3, TIME_MS, 12_345, 0, -12, -5, -1, 0, "Anulowano"),
    ),
    ("STATUS known", 0x31, StatusReply(8, 0, TIME_MS, _REDEEMED)),
    ("STATUS never executed", 0x31, StatusReply(8, 25, TIME_MS, None)),
    ("TOTALS agree", 0x38, TotalsReply(9, 0, TIME_MS, 2, 16, 1, -100, 1, -12, 0, 0, 0, 0)),
    ("SIGN_OFF", 0x09, Ack(10, 0, TIME_MS)),
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


class Refused(NamedTuple):
    """A frame that closes the connection: who refuses it, in which state, the bytes, and why."""

    name: str
    side: str
    state: State
    data: bytes
    reason: CloseReason


def refused() -> list[Refused]:
    """Return every refused case."""
    o = opening()
    return [*_to_waiting_switch(o), *_to_open_switch(o), *_to_terminal(o)]


def _hello(
    *, versions: Any = (1,), terminal: Any = TERMINAL, generation: Any = 1, nonce: Any = CLIENT_NONCE
) -> bytes:
    return encode([versions, terminal, generation, nonce])


def _to_waiting_switch(o: Opening) -> list[Refused]:
    wrong_mac = bytes([o.proof[-1] ^ 1])
    cases: list[tuple[str, State, bytes, CloseReason]] = [
        ("length zero", State.WAIT_HELLO, b"\0\0", CloseReason.FRAME_SIZE),
        ("no body", State.WAIT_HELLO, plain(HELLO, b""), CloseReason.FRAME_SIZE),
        ("129 bytes announced", State.WAIT_HELLO, b"\0\x7f", CloseReason.FRAME_SIZE),
        ("frame version 2", State.WAIT_HELLO, plain(HELLO, o.hello[4:], 2), CloseReason.VERSION),
        ("only version 2 offered", State.WAIT_HELLO, plain(HELLO, _hello(versions=[2])), CloseReason.VERSION),
        ("unknown type", State.WAIT_HELLO, plain(0x03, o.hello[4:]), CloseReason.TYPE),
        ("HELLO with the repeat bit", State.WAIT_HELLO, plain(0x41, o.hello[4:]), CloseReason.TYPE),
        ("CHALLENGE to the switch", State.WAIT_HELLO, o.challenge, CloseReason.TYPE),
        ("PROOF before HELLO", State.WAIT_HELLO, o.proof, CloseReason.STATE),
        ("data before HELLO", State.WAIT_HELLO, plain(0x0A, encode(Echo(1, TIME))), CloseReason.STATE),
        ("no versions", State.WAIT_HELLO, plain(HELLO, _hello(versions=[])), CloseReason.BODY),
        ("five versions", State.WAIT_HELLO, plain(HELLO, _hello(versions=[1] * 5)), CloseReason.BODY),
        ("terminal 0", State.WAIT_HELLO, plain(HELLO, _hello(terminal=0)), CloseReason.BODY),
        ("terminal 100000000", State.WAIT_HELLO, plain(HELLO, _hello(terminal=10**8)), CloseReason.BODY),
        ("generation 0", State.WAIT_HELLO, plain(HELLO, _hello(generation=0)), CloseReason.BODY),
        ("short nonce", State.WAIT_HELLO, plain(HELLO, _hello(nonce=CLIENT_NONCE[:31])), CloseReason.BODY),
        ("nonce as str", State.WAIT_HELLO, plain(HELLO, _hello(nonce="n" * 32)), CloseReason.BODY),
        ("bytes after the array", State.WAIT_HELLO, plain(HELLO, o.hello[4:] + b"\0"), CloseReason.BODY),
        ("second HELLO", State.WAIT_PROOF, o.hello, CloseReason.STATE),
        ("CHALLENGE reflected", State.WAIT_PROOF, o.challenge, CloseReason.TYPE),
        ("wrong PROOF", State.WAIT_PROOF, o.proof[:-1] + wrong_mac, CloseReason.KEY),
        ("short PROOF", State.WAIT_PROOF, plain(PROOF, encode([bytes(16)])), CloseReason.BODY),
        ("data before PROOF", State.WAIT_PROOF, plain(0x0A, encode(Echo(1, TIME))), CloseReason.STATE),
    ]
    return [Refused(name, "switch", state, data, reason) for name, state, data, reason in cases]


def _to_open_switch(o: Opening) -> list[Refused]:
    key = o.keys.client_data
    body = encode(Earn(1, TIME, CARD, SWIPED, 12_345))
    good = sealed(key, 0, 0x20, body)
    cases: list[tuple[str, bytes, CloseReason]] = [
        ("no body", sealed(key, 0, 0x20, b""), CloseReason.FRAME_SIZE),
        ("4097 bytes announced", b"\x0f\xff", CloseReason.FRAME_SIZE),
        ("flipped bit in the tag", good[:-1] + bytes([good[-1] ^ 0x80]), CloseReason.TAG),
        ("repeat bit set without a new tag", good[:3] + b"\x60" + good[4:], CloseReason.TAG),
        ("sequence one ahead", sealed(key, 1, 0x20, body), CloseReason.TAG),
        ("sealed with the other direction's key", sealed(o.keys.server_data, 0, 0x20, body), CloseReason.TAG),
        ("frame version 2", sealed(key, 0, 0x20, body, 2), CloseReason.VERSION),
        ("unknown type", sealed(key, 0, 0x3F, body), CloseReason.TYPE),
        ("reserved type KEY_CHANGE", sealed(key, 0, 0x0B, body), CloseReason.TYPE),
        ("a reply's type", sealed(key, 0, 0xA0, body), CloseReason.TYPE),
        ("HELLO on an open session", sealed(key, 0, HELLO, o.hello[4:]), CloseReason.STATE),
    ]
    bodies: list[tuple[str, bytes]] = [
        ("STAN 0", encode([0, TIME, CARD, 1, 1])),
        ("STAN 2**31", encode([2**31, TIME, CARD, 1, 1])),
        ("STAN as float", encode([1.0, TIME, CARD, 1, 1])),
        ("STAN as bool", encode([True, TIME, CARD, 1, 1])),
        ("time 2**32", encode([1, 2**32, CARD, 1, 1])),
        ("card as bin", encode([1, TIME, CARD.encode(), 1, 1])),
        ("card of 256 bytes", encode([1, TIME, "4" * 256, 1, 1])),
        ("card of 128 characters, 256 bytes", encode([1, TIME, "ż" * 128, 1, 1])),
        ("card not UTF-8", b"\x95\x01\xce\x65\x53\xf1\x00\xa1\xff\x01\x01"),
        ("amount above 10**12", encode([1, TIME, CARD, 1, 10**12 + 1])),
        ("amount nil", encode([1, TIME, CARD, 1, None])),
        ("entry 0", encode([1, TIME, CARD, 0, 1])),
        ("entry 5", encode([1, TIME, CARD, 5, 1])),
        ("field missing", encode([1, TIME, CARD, 1])),
        ("field too many", encode([1, TIME, CARD, 1, 1, 1])),
        (
            "map instead of array",
            encode({"stan": 1, "terminal_time": TIME, "card": CARD, "entry": 1}),
        ),
        ("bytes after the array", body + b"\xc0"),
        ("array cut short", body[:-1]),
        ("array of 2**32 - 1 announced", b"\xdd\xff\xff\xff\xff"),
        ("4 KiB of nested arrays", b"\x91" * 4_076),
        ("4 KiB of nested arrays in a field", b"\x95\x01" + b"\x91" * 4_074),
    ]
    cases += [(name, sealed(key, 0, 0x20, bad), CloseReason.BODY) for name, bad in bodies]
    others: list[tuple[str, int, list[Any]]] = [
        ("software of 33 bytes", 0x08, ["a" * 33, "pl", 0]),
        ("software not ASCII", 0x08, ["ż", "pl", 0]),
        ("software of two lines", 0x08, ["a\n", "pl", 0]),
        ("language of three letters", 0x08, ["a", "pol", 0]),
        ("language in capitals", 0x08, ["a", "PL", 0]),
        ("offers after 2**28", 0x08, ["a", "pl", 2**28]),
        ("tier above 10**12", 0x22, [CARD, 1, 10**12 + 1, 0]),
        ("amount to pay below -10**12", 0x22, [CARD, 1, 100, -(10**12) - 1]),
        ("refund count 2**31", 0x38, [1, 1, *[0] * 8, 2**31, 0]),
        ("benefit grosze 2**63", 0x38, [1, 1, *[0] * 7, 2**63, 0, 0]),
    ]
    for name, number, rest in others:
        cases.append((name, sealed(key, 0, number, encode([1, TIME, *rest])), CloseReason.BODY))
    return [Refused(name, "switch", State.OPEN, data, reason) for name, data, reason in cases]


def _to_terminal(o: Opening) -> list[Refused]:
    key = o.keys.server_data
    body = encode(_EARNED)
    good = sealed(key, 0, 0xA0, body)
    challenge_2 = plain(CHALLENGE, encode(Challenge(2, SESSION_ID, SERVER_NONCE)))
    long_receipt = TransactionReply(1, 0, 1, TIME_MS, 0, 0, 0, 0, -1, 0, "ż" * 257)
    wrong_mac = bytes([o.accept[-1] ^ 1])
    cases: list[tuple[str, State, bytes, CloseReason]] = [
        ("version 2 chosen", State.WAIT_CHALLENGE, challenge_2, CloseReason.VERSION),
        ("ACCEPT before CHALLENGE", State.WAIT_CHALLENGE, o.accept, CloseReason.STATE),
        ("HELLO reflected", State.WAIT_CHALLENGE, o.hello, CloseReason.TYPE),
        ("wrong ACCEPT", State.WAIT_ACCEPT, o.accept[:-1] + wrong_mac, CloseReason.KEY),
        ("second CHALLENGE", State.WAIT_ACCEPT, o.challenge, CloseReason.STATE),
        ("reply before ACCEPT", State.WAIT_ACCEPT, good, CloseReason.STATE),
        ("flipped bit in the body", State.OPEN, good[:6] + b"\x7f" + good[7:], CloseReason.TAG),
        (
            "our own request reflected",
            State.OPEN,
            sealed(o.keys.client_data, 0, 0x20, body),
            CloseReason.TAG,
        ),
        ("reply with the repeat bit", State.OPEN, sealed(key, 0, 0xE0, body), CloseReason.TYPE),
        ("CHALLENGE on an open session", State.OPEN, sealed(key, 0, CHALLENGE, body), CloseReason.STATE),
        ("frame version 2", State.OPEN, sealed(key, 0, 0xA0, body, 2), CloseReason.VERSION),
        ("another reply's body", State.OPEN, sealed(key, 0, 0x88, body), CloseReason.BODY),
        ("receipt of 514 bytes", State.OPEN, sealed(key, 0, 0xA0, encode(long_receipt)), CloseReason.BODY),
        ("4097 bytes announced", State.OPEN, b"\x0f\xff", CloseReason.FRAME_SIZE),
    ]
    return [Refused(name, "terminal", state, data, reason) for name, state, data, reason in cases]

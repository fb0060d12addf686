"""The frames of vectors.json that must be refused: by whom, in which state, and why.

Owns the choice of cases; their bytes are made straight from the definitions (`vector_cases`). Invariant:
every close reason of either side has a case.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from protocol.errors import CloseReason
from protocol.handshake import Challenge
from protocol.messages import CHALLENGE, HELLO, PROOF, encode
from protocol.published.vector_cases import (
    CARD,
    CLIENT_NONCE,
    EARNED,
    SERVER_NONCE,
    SESSION_ID,
    SWIPED,
    TERMINAL,
    TIME,
    TIME_MS,
    Opening,
    opening,
    plain,
    sealed,
)
from protocol.replies import TransactionReply
from protocol.requests import Earn, Echo
from protocol.state import State


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
        ("a number of no message", sealed(key, 0, 0x26, body), CloseReason.TYPE),
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
        ("generation 0", 0x0B, [0]),
        ("generation 32768", 0x0B, [32_768]),
        ("benefits after 2**28", 0x11, [CARD, 1, 2**28]),
        ("operation 64", 0x12, [CARD, 1, 64, 1, 0]),
        ("offer -1", 0x23, [CARD, 1, -1, 1, 0]),
        ("offer 2**31", 0x24, [CARD, 1, 2**31, 1, 0]),
        ("confirmed 256", 0x23, [CARD, 1, 17, 1, 256]),
        ("original terminal 0", 0x25, [CARD, 1, 0, 1, 1]),
        ("report 0", 0x32, [CARD, 1, 0]),
        ("report 4", 0x32, [CARD, 1, 4]),
        ("benefit grosze 2**63", 0x38, [1, 1, *[0] * 7, 2**63, 0, 0]),
    ]
    for name, number, rest in others:
        cases.append((name, sealed(key, 0, number, encode([1, TIME, *rest])), CloseReason.BODY))
    return [Refused(name, "switch", State.OPEN, data, reason) for name, data, reason in cases]


def _to_terminal(o: Opening) -> list[Refused]:
    key = o.keys.server_data
    body = encode(EARNED)
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

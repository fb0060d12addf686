"""The text of vectors.json; `make published` writes it.

Owns the shape of the file. The bytes are built here from the definitions in SPEC.md, not by the session
objects, so that a test which feeds them to the sessions compares two ways to the same bytes. Invariant: the
output depends on nothing but the code (fixed keys and nonces, no clock).
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from protocol.catalogue import CATALOGUE
from protocol.fields import Request
from protocol.key_wrap import associated
from protocol.keys import hkdf_extract
from protocol.messages import REPEAT_BIT, REPLY_BIT, TYPE_OF, encode, encode_request
from protocol.published import vector_cases as cases
from protocol.published.samples import sample
from protocol.published.vector_refusals import refused as refusals
from protocol.replies import Reply
from protocol.sealing import request_digest

ABOUT = (
    "Test vectors of the cityswitch wire protocol, version 1 (see SPEC.md). Bytes are lower-case hex. "
    "Requests are sealed under keys.client_data and replies under keys.server_data, each with the sequence "
    "number beside it. A refused case starts from the fixed handshake, brought to the state named; an open "
    "session then expects sequence 0."
)


def fields(message: Any) -> dict[str, Any]:
    """Return a message's fields by name, bytes in hex, as JSON can carry them."""
    return {name: _plain(getattr(message, name)) for name in message.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return fields(value) if isinstance(value, msgspec.Struct) else value


def handshake() -> dict[str, Any]:
    """Return the fixed handshake with every value on the way to the keys."""
    o = cases.opening()
    return {
        "terminal": cases.TERMINAL,
        "generation": cases.GENERATION,
        "terminal_key": cases.TERMINAL_KEY.hex(),
        "client_nonce": cases.CLIENT_NONCE.hex(),
        "server_nonce": cases.SERVER_NONCE.hex(),
        "session_id": cases.SESSION_ID.hex(),
        "hello_frame": o.hello.hex(),
        "challenge_frame": o.challenge.hex(),
        "t1": o.t1.hex(),
        "prk": hkdf_extract(cases.CLIENT_NONCE + cases.SERVER_NONCE, cases.TERMINAL_KEY).hex(),
        "keys": {name: key.hex() for name, key in o.keys._asdict().items()},
        "proof_frame": o.proof.hex(),
        "t2": o.t2.hex(),
        "accept_frame": o.accept.hex(),
    }


def key_change() -> dict[str, Any]:
    """Return a key that was wrapped for KEY_CHANGE under the fixed handshake, and what is bound to it."""
    return {
        "key_wrap": cases.opening().keys.key_wrap.hex(),
        "nonce": cases.WRAP_NONCE.hex(),
        "associated_data": associated(cases.TERMINAL, 2).hex(),
        "new_key": cases.NEW_KEY.hex(),
        "wrapped": cases.WRAPPED.hex(),
    }


def shown_requests() -> list[tuple[str, Request, bool]]:
    """Return the cases chosen by hand, then a sample of every request that has none."""
    chosen = {type(message) for _, message, _ in cases.REQUESTS}
    rest = [row for row in CATALOGUE.values() if row.request not in chosen]
    return cases.REQUESTS + [(row.name, sample(row.request), False) for row in rest]


def shown_replies() -> list[tuple[str, int, Reply]]:
    """Return the cases chosen by hand, then a sample of the reply to every request that has none."""
    chosen = {number for _, number, _ in cases.REPLIES}
    rest = [row for row in CATALOGUE.values() if row.number not in chosen]
    return cases.REPLIES + [(row.name, row.number, sample(row.reply)) for row in rest]


def requests() -> list[dict[str, Any]]:
    """Return every request, in the order of one session's sequence numbers."""
    key = cases.opening().keys.client_data
    rows = []
    shown = [
        (name, message, repeat, encode_request(message)[1]) for name, message, repeat in shown_requests()
    ]
    shown += [(name, message, False, body) for name, message, body in cases.WIDE]
    for sequence, (name, message, repeat, body) in enumerate(shown):
        number = TYPE_OF[type(message)]
        type_byte = number | REPEAT_BIT if repeat else number
        rows.append(
            {
                "name": name,
                "sequence": sequence,
                "type": type_byte,
                "fields": fields(message),
                "body": body.hex(),
                "digest": request_digest(type_byte, body),
                "frame": cases.sealed(key, sequence, type_byte, body).hex(),
            }
        )
    return rows


def replies() -> list[dict[str, Any]]:
    """Return every reply, in the order of one session's sequence numbers."""
    key = cases.opening().keys.server_data
    rows = []
    for sequence, (name, request_type, message) in enumerate(shown_replies()):
        type_byte = request_type | REPLY_BIT
        body = encode(message)
        rows.append(
            {
                "name": name,
                "sequence": sequence,
                "type": type_byte,
                "fields": fields(message),
                "body": body.hex(),
                "frame": cases.sealed(key, sequence, type_byte, body).hex(),
            }
        )
    return rows


def refused() -> list[dict[str, Any]]:
    """Return every frame that closes the connection."""
    return [
        {
            "name": case.name,
            "refused_by": case.side,
            "state": case.state.value,
            "bytes": case.data.hex(),
            "reason": case.reason.value,
        }
        for case in refusals()
    ]


def make_vectors() -> str:
    """Return the text of vectors.json."""
    vectors = {
        "about": ABOUT,
        "version": 1,
        "handshake": handshake(),
        "key_change": key_change(),
        "requests": requests(),
        "replies": replies(),
        "refused": refused(),
        "cards": [{"text": text, "digits": digits} for text, digits in cases.CARDS],
    }
    return json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"

"""A new key over the wire: only its session reads it, and only as what it was wrapped for."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import protocol
from protocol import KeyChangeReply, MisuseError, ProtocolError
from protocol.key_wrap import unwrap, wrap
from tests.protocol.pair import new_server, open_pair

KEY, NONCE = bytes(range(100, 132)), bytes(range(12))


def test_the_published_wrapped_key_is_made_as_the_page_says() -> None:
    """vectors.json by the definition of SPEC.md, with nothing of ours but AES-256-GCM."""
    vectors = json.loads((Path(protocol.__file__).parent / "vectors.json").read_text(encoding="utf-8"))
    told = {name: bytes.fromhex(value) for name, value in vectors["key_change"].items()}
    about = b"cityswitch 1 key wrap" + (10_000_001).to_bytes(4, "big") + (2).to_bytes(2, "big")
    assert told["associated_data"] == about
    sealed = AESGCM(told["key_wrap"]).encrypt(told["nonce"], told["new_key"], about)
    assert told["wrapped"] == told["nonce"] + sealed
    assert told["key_wrap"].hex() == vectors["handshake"]["keys"]["key_wrap"]


def test_a_key_travels_from_session_to_session() -> None:
    """What the switch wraps the terminal at the other end unwraps; what was altered it refuses."""
    server, client = open_pair()
    wrapped = server.wrap_key(2, KEY, NONCE)
    assert KEY not in wrapped
    reply = KeyChangeReply(1, 0, 1, 2, wrapped)
    assert client.unwrap_key(reply) == KEY
    for generation, text in (
        (3, wrapped),
        (2, wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
        (2, b"\x01" + wrapped[1:]),
        (2, wrapped[:-1]),
        (0, b""),
    ):
        with pytest.raises(ProtocolError):
            client.unwrap_key(KeyChangeReply(1, 0, 1, generation, text))


def test_a_wrapped_key_is_bound_to_terminal_generation_and_session() -> None:
    """Another terminal, another generation, another wrapping key: no key comes out."""
    wrapping = bytes(32)
    wrapped = wrap(wrapping, NONCE, 7, 2, KEY)
    assert unwrap(wrapping, 7, 2, wrapped) == KEY
    assert unwrap(wrapping, 8, 2, wrapped) is None
    assert unwrap(wrapping, 7, 3, wrapped) is None
    assert unwrap(bytes(31) + b"\x01", 7, 2, wrapped) is None


def test_nothing_is_wrapped_for_who_has_not_proved_himself() -> None:
    """Before the terminal has proved its key there is no session to wrap under."""
    with pytest.raises(MisuseError):
        new_server().wrap_key(2, KEY, NONCE)

"""Keys of a session: HKDF-SHA256 (RFC 5869) and HMAC-SHA256 (RFC 2104).

Owns the derivation of the five keys from a terminal's key, both nonces and the transcript; knows nothing of
frames or messages. Invariants: a finish key never tags data, a data key never proves a handshake, each
direction has its own, and what wraps a terminal's next key does nothing else.
"""

import hashlib
import hmac
from typing import NamedTuple

from protocol.limits import KEY_SIZE, MAC_SIZE

_INFO = b"cityswitch 1 "


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 of `data`."""
    return hashlib.sha256(data).digest()


def mac(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA256 of `data`."""
    return hmac.digest(key, data, "sha256")


def hkdf_extract(salt: bytes, key_material: bytes) -> bytes:
    """Return the 32-byte pseudorandom key of RFC 5869 section 2.2."""
    return mac(salt or bytes(MAC_SIZE), key_material)


def hkdf_expand(pseudorandom_key: bytes, info: bytes, size: int) -> bytes:
    """Return `size` bytes of output key material, RFC 5869 section 2.3; `size` at most 255 * 32."""
    assert 0 < size <= 255 * MAC_SIZE
    output, block, counter = b"", b"", 0
    while len(output) < size:
        counter += 1
        block = mac(pseudorandom_key, block + info + bytes([counter]))
        output += block
    return output[:size]


class SessionKeys(NamedTuple):
    """The five 32-byte keys of a session."""

    client_finish: bytes
    server_finish: bytes
    client_data: bytes
    server_data: bytes
    key_wrap: bytes


def derive_session_keys(
    terminal_key: bytes, client_nonce: bytes, server_nonce: bytes, transcript: bytes
) -> SessionKeys:
    """Return the session's keys; `transcript` is T1, the SHA-256 of the HELLO and CHALLENGE frames."""
    pseudorandom_key = hkdf_extract(client_nonce + server_nonce, terminal_key)
    return SessionKeys(
        *(
            hkdf_expand(pseudorandom_key, _INFO + label + transcript, KEY_SIZE)
            for label in (b"client finish", b"server finish", b"client data", b"server data", b"key wrap")
        )
    )

"""A terminal's new key on its way over the wire: AES-256-GCM (NIST SP 800-38D) under a key of the session.

Owns the form of what is wrapped: nonce (12 bytes), key (32), tag (16); terminal and generation are bound to
it as associated data. Must not know where keys rest. No randomness: the nonce comes in as an argument, and
must be fresh from a cryptographic source for every key that is wrapped in a session.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.limits import KEY_SIZE, WRAPPED_KEY_SIZE

WRAP_NONCE_SIZE = 12
_ABOUT = b"cityswitch 1 key wrap"

assert WRAP_NONCE_SIZE + KEY_SIZE + 16 == WRAPPED_KEY_SIZE


def wrap(wrapping_key: bytes, nonce: bytes, terminal: int, generation: int, key: bytes) -> bytes:
    """Return the wrapped key: nonce, encrypted key, tag."""
    assert len(nonce) == WRAP_NONCE_SIZE
    assert len(key) == KEY_SIZE
    return nonce + AESGCM(wrapping_key).encrypt(nonce, key, associated(terminal, generation))


def unwrap(wrapping_key: bytes, terminal: int, generation: int, wrapped: bytes) -> bytes | None:
    """Return the key, or None if it was altered, or wrapped for another terminal, generation or session."""
    if len(wrapped) != WRAPPED_KEY_SIZE:
        return None
    nonce, sealed = wrapped[:WRAP_NONCE_SIZE], wrapped[WRAP_NONCE_SIZE:]
    try:
        return AESGCM(wrapping_key).decrypt(nonce, sealed, associated(terminal, generation))
    except InvalidTag:
        return None


def associated(terminal: int, generation: int) -> bytes:
    """Return what is bound to a wrapped key."""
    return _ABOUT + terminal.to_bytes(4, "big") + generation.to_bytes(2, "big")

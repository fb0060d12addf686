"""The terminal's half of a session.

Owns the terminal's part of the handshake and the sealing of requests; knows neither sockets nor the store
that persists a request before it is sent. Invariants: nothing is sent but HELLO and PROOF until the switch
has proved that it holds the same key.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import cast

from protocol.errors import AuthenticationFailed, CloseReason, MisuseError, ProtocolError
from protocol.fields import Request
from protocol.frames import plain_frame
from protocol.handshake import Accept, Challenge, Hello, Proof
from protocol.key_wrap import unwrap
from protocol.keys import SessionKeys, derive_session_keys, mac, sha256
from protocol.limits import (
    GENERATION_MAX,
    KEY_SIZE,
    NONCE_SIZE,
    RECEIPT_BYTES_MAX,
    TERMINAL_MAX,
    VERSION,
)
from protocol.messages import (
    CHALLENGE,
    HELLO,
    PROOF,
    REPEAT_BIT,
    REPLY_OF,
    REQUEST_OF,
    Decode,
    decoder,
    encode,
    encode_request,
    texts_fit,
)
from protocol.replies import KeyChangeReply, SignOnReply
from protocol.session import Session, decode_handshake, require_size
from protocol.state import CLIENT_EVENTS, CLIENT_STEPS, State

_decode_challenge = decoder(Challenge)
_decode_accept = decoder(Accept)


_decode_sign_on = decoder(SignOnReply)


def _decode_sign_on_reply(body: bytes) -> SignOnReply:
    """Hold its two texts to their bytes also where the body is shorter than a receipt may be."""
    reply: SignOnReply = _decode_sign_on(body)
    if not texts_fit(reply):
        raise ValueError("a text is too long")
    return reply


def _reply_decoders() -> dict[int, Decode]:
    return {
        number: _decode_sign_on_reply if message is SignOnReply else decoder(message)
        for number, message in REPLY_OF.items()
    }


class ClientSession(Session):
    """One connection as a terminal sees it.

    `terminal` 1..99_999_999, `generation` 1..32_767, `key` and `nonce` 32 bytes each; the nonce must be fresh
    from a cryptographic source for every connection. `session_id` is empty until CHALLENGE has come.
    """

    __slots__ = (
        "_generation",
        "_hello_frame",
        "_key",
        "_keys",
        "_nonce",
        "_terminal",
        "_transcript",
        "session_id",
    )

    _STEPS = CLIENT_STEPS
    _EVENTS = CLIENT_EVENTS
    _DECODERS = _reply_decoders()
    _TEXT_BYTES_MAX = RECEIPT_BYTES_MAX

    _keys: SessionKeys
    _transcript: bytes

    def __init__(self, *, terminal: int, generation: int, key: bytes, nonce: bytes) -> None:
        super().__init__(State.WAIT_CHALLENGE)
        if not (1 <= terminal <= TERMINAL_MAX and 1 <= generation <= GENERATION_MAX):
            raise MisuseError(f"terminal {terminal} or generation {generation} is out of range")
        self._terminal = terminal
        self._generation = generation
        self._key = require_size("key", key, KEY_SIZE)
        self._nonce = require_size("nonce", nonce, NONCE_SIZE)
        self._hello_frame = plain_frame(HELLO, encode(Hello([VERSION], terminal, generation, nonce)))
        self._out = self._hello_frame
        self.session_id = b""

    def seal(self, message: Request, *, repeat: bool = False) -> bytes:
        """Return the data frame of a request; `repeat` marks one sent before. Raises `MisuseError`."""
        type_byte, body = encode_request(message)
        return self._seal(type_byte | REPEAT_BIT if repeat else type_byte, body)

    def seal_body(self, type_byte: int, body: bytes) -> bytes:
        """Return the data frame of a persisted request, its body byte for byte.

        `type_byte` is the one `encode_request` gave, with `REPEAT_BIT` set if it was sent before. Raises
        `MisuseError`.
        """
        if type_byte & ~REPEAT_BIT not in REQUEST_OF:
            raise MisuseError(f"0x{type_byte:02x} is not a request")
        return self._seal(type_byte, body)

    def unwrap_key(self, reply: KeyChangeReply) -> bytes:
        """Return the new key in a reply. Raises `ProtocolError` (`tag`) if it is not one for this session."""
        key = unwrap(self._keys.key_wrap, self._terminal, reply.generation, reply.wrapped)
        if key is None:
            raise ProtocolError(CloseReason.TAG, f"the key of generation {reply.generation}")
        return key

    def _on_handshake(self, frame: bytes) -> None:
        if frame[3] == CHALLENGE:
            self._on_challenge(frame)
        else:
            self._on_accept(frame)

    def _on_challenge(self, frame: bytes) -> None:
        challenge = cast(Challenge, decode_handshake(_decode_challenge, frame))
        if challenge.version != VERSION:
            raise ProtocolError(CloseReason.VERSION, f"chosen {challenge.version}")
        self.session_id = challenge.session_id
        transcript = self._hello_frame + frame
        t1 = sha256(transcript)
        self._keys = derive_session_keys(self._key, self._nonce, challenge.nonce, t1)
        proof_frame = plain_frame(PROOF, encode(Proof(mac(self._keys.client_finish, t1))))
        self._transcript = transcript + proof_frame
        self._out += proof_frame

    def _on_accept(self, frame: bytes) -> None:
        accept = cast(Accept, decode_handshake(_decode_accept, frame))
        if not compare_digest(mac(self._keys.server_finish, sha256(self._transcript)), accept.mac):
            raise AuthenticationFailed(self._terminal, self._generation)
        self._set_data_keys(receive=self._keys.server_data, seal=self._keys.client_data)

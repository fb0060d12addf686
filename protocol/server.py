"""The switch's half of a session.

Owns the switch's part of the handshake and the sealing of replies; knows neither sockets nor where keys rest.
Invariants: an unknown terminal, a blocked one, a wrong generation and a wrong key see the same exchange and
cost the same work; `terminal` is only set once it is proved.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest
from typing import cast

from protocol.errors import AuthenticationFailed, CloseReason, MisuseError, ProtocolError
from protocol.frames import plain_frame
from protocol.handshake import Accept, Challenge, Hello, Proof
from protocol.key_wrap import wrap
from protocol.keys import derive_session_keys, mac, sha256
from protocol.limits import (
    CARD_BYTES_MAX,
    KEY_SIZE,
    NONCE_SIZE,
    RECEIPT_BYTES_MAX,
    SESSION_ID_SIZE,
    VERSION,
)
from protocol.messages import (
    ACCEPT,
    CHALLENGE,
    HELLO,
    MESSAGE_MASK,
    REPEAT_BIT,
    REPLY_BIT,
    REPLY_OF,
    REQUEST_OF,
    Decode,
    decoder,
    encode,
    encode_strictly,
    texts_fit,
)
from protocol.replies import Reply, SignOnReply
from protocol.session import Session, decode_handshake, require_size
from protocol.state import SERVER_EVENTS, SERVER_STEPS, State

FindKey = Callable[[int, int], bytes | None]

_decode_hello = decoder(Hello)
_decode_proof = decoder(Proof)


def _request_decoders() -> dict[int, Decode]:
    decoders: dict[int, Decode] = {}
    for number, message in REQUEST_OF.items():
        decode = decoder(message)
        decoders[number] = decoders[number | REPEAT_BIT] = decode
    return decoders


class ServerSession(Session):
    """One connection as the switch sees it.

    `nonce` (32 bytes) and `session_id` (8 bytes) must be fresh from a cryptographic source for every
    connection. `find_key(terminal, generation)` returns the 32-byte key of a terminal that may sign on
    now, or None; it is asked once, when PROOF has come, and should take the same time either way. `dummy_key`
    (32 bytes, the same for the life of the process) stands in for None, so that both cost the same.

    `terminal` and `generation` are None until the session is open.
    """

    __slots__ = (
        "_challenge_frame",
        "_dummy_key",
        "_find_key",
        "_hello",
        "_hello_frame",
        "_key_wrap",
        "_nonce",
        "generation",
        "session_id",
        "terminal",
    )

    _STEPS = SERVER_STEPS
    _EVENTS = SERVER_EVENTS
    _DECODERS = _request_decoders()
    _TEXT_BYTES_MAX = CARD_BYTES_MAX

    _hello: Hello
    _hello_frame: bytes
    _challenge_frame: bytes
    _key_wrap: bytes

    def __init__(self, *, nonce: bytes, session_id: bytes, find_key: FindKey, dummy_key: bytes) -> None:
        super().__init__(State.WAIT_HELLO)
        self._nonce = require_size("nonce", nonce, NONCE_SIZE)
        self._dummy_key = require_size("dummy_key", dummy_key, KEY_SIZE)
        self._find_key = find_key
        self.session_id = require_size("session_id", session_id, SESSION_ID_SIZE)
        self.terminal: int | None = None
        self.generation: int | None = None

    def seal(self, message: Reply, request_type: int) -> bytes:
        """Return the data frame of a reply to a request of type `request_type` (its repeat bit is ignored).

        Raises `MisuseError` if the session is not open, the reply is not the one that answers this type, or
        a field does not fit the wire.
        """
        type_byte = request_type & MESSAGE_MASK | REPLY_BIT
        if REPLY_OF.get(type_byte) is not message.__class__:
            raise MisuseError(f"{type(message).__name__} does not answer request type 0x{request_type:02x}")
        body = encode_strictly(message)
        # A body no longer than a receipt may be holds no receipt that is too long.
        if (len(body) > RECEIPT_BYTES_MAX or message.__class__ is SignOnReply) and not texts_fit(message):
            raise MisuseError(f"a text of {type(message).__name__} is too long")
        return self._seal(type_byte, body)

    def wrap_key(self, generation: int, key: bytes, nonce: bytes) -> bytes:
        """Return a new key of the terminal as KEY_CHANGE carries it; `nonce`: 12 bytes, fresh for each.

        Raises `MisuseError` if the session is not open.
        """
        if self.terminal is None:
            raise MisuseError("a key is wrapped under an open session only")
        return wrap(self._key_wrap, nonce, self.terminal, generation, key)

    def _on_handshake(self, frame: bytes) -> None:
        if frame[3] == HELLO:
            self._on_hello(frame)
        else:
            self._on_proof(frame)

    def _on_hello(self, frame: bytes) -> None:
        hello = cast(Hello, decode_handshake(_decode_hello, frame))
        if VERSION not in hello.versions:
            raise ProtocolError(CloseReason.VERSION, f"offered {hello.versions}")
        self._hello = hello
        self._hello_frame = frame
        challenge = Challenge(VERSION, self.session_id, self._nonce)
        self._challenge_frame = plain_frame(CHALLENGE, encode(challenge))
        self._out += self._challenge_frame

    def _on_proof(self, frame: bytes) -> None:
        proof = cast(Proof, decode_handshake(_decode_proof, frame))
        hello = self._hello
        key = self._find_key(hello.terminal, hello.generation)
        used_key = require_size("a terminal's key", self._dummy_key if key is None else key, KEY_SIZE)
        transcript = self._hello_frame + self._challenge_frame
        keys = derive_session_keys(used_key, hello.nonce, self._nonce, t1 := sha256(transcript))
        proved = compare_digest(mac(keys.client_finish, t1), proof.mac)
        if not proved or key is None:
            raise AuthenticationFailed(hello.terminal, hello.generation)
        self._out += plain_frame(ACCEPT, encode(Accept(mac(keys.server_finish, sha256(transcript + frame)))))
        self._set_data_keys(receive=keys.client_data, seal=keys.server_data)
        self._key_wrap = keys.key_wrap
        self.terminal, self.generation = hello.terminal, hello.generation

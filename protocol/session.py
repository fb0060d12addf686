"""What both sides of a session share: taking bytes apart, the data channel, and failing for good.

Owns the buffer of the one frame that is not whole yet, and which frames are sealed and opened (`sealing` does
it); `server` and `client` own their halves of the handshake. No I/O, clock, randomness or logging: nonces
and keys come in as arguments, bytes go out as return values. Invariants: the buffer never holds a whole frame
that the caller had room for, so never more than `FRAME_MAX` bytes beyond what one call brought too much;
nothing of a data frame is decoded before its tag is right; how the bytes were cut into `receive` calls never
changes the result; after the first fault a session only repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from protocol.errors import CloseReason, MisuseError, ProtocolError
from protocol.frames import PLAIN_MIN, TAGGED_MIN, frame_end
from protocol.limits import (
    BODY_MAX,
    FRAME_MAX,
    FRAME_UNAUTHENTICATED_MAX,
    HEADER_SIZE,
    VERSION,
)
from protocol.messages import DECODE_ERRORS, Decode, Received, body_error, texts_fit
from protocol.sealing import Opener, Sealer
from protocol.state import Event, State, step

ALL = 1 << 30
"""More messages than any number of bytes can hold."""


class Session:
    """The half that is the same for the switch and the terminal; use `ServerSession` or `ClientSession`."""

    __slots__ = (
        "_buffer",
        "_failure",
        "_open_frame",
        "_out",
        "_seal_frame",
        "_state",
        "has_partial_frame",
        "has_waiting_frame",
        "is_open",
    )

    _STEPS: Mapping[State, Mapping[Event, State]]
    _EVENTS: Mapping[int, Event]
    _DECODERS: Mapping[int, Decode]  # by type byte: the row OPEN of the table, ready to use
    _TEXT_BYTES_MAX: int  # a body no longer than this holds no text that is too long

    _open_frame: Callable[[bytes], bytes | None]
    _seal_frame: Callable[[int, bytes], bytes]

    def __init__(self, state: State) -> None:
        self._state = state
        self._buffer = b""
        self._out = b""
        self._failure: ProtocolError | None = None
        self.is_open = False
        self.has_partial_frame = False
        """Whether the first bytes of a frame are here and its last are not (the 5 s frame time-out runs)."""
        self.has_waiting_frame = False
        """Whether a whole frame is here that the last call had no room for: `receive(b"")` takes it."""

    def data_to_send(self) -> bytes:
        """Return the handshake bytes to write now; they are handed out once."""
        out, self._out = self._out, b""
        return out

    def receive(self, data: bytes, messages_max: int = ALL) -> list[Received]:
        """Take bytes from the peer, however they are cut; return the data messages they complete, in order.

        No more than `messages_max` are verified and returned; what is beyond waits for the next call
        (`has_waiting_frame`). Handshake frames are handled inside (`data_to_send` has the answer, `is_open`
        the outcome). Raises `ProtocolError`, whose `received` holds the messages verified before the fault;
        from then on every call raises the same reason again.
        """
        size = len(data)
        if (
            self.is_open
            and TAGGED_MIN <= size <= FRAME_MAX
            and not self._buffer
            and messages_max > 0
            and data[0] << 8 | data[1] == size - 2
        ):
            # The common case: exactly one whole frame.
            try:
                return [self._data_frame(data)]
            except ProtocolError as error:
                self._fail(error)
                raise
        return self._receive_any(data, messages_max)

    def _receive_any(self, data: bytes, messages_max: int) -> list[Received]:
        """Take zero or more frames and the beginning of one more."""
        if self._failure is not None:
            raise ProtocolError(self._failure.reason, "the session has failed before")
        buffer = self._buffer + data if self._buffer else data
        received: list[Received] = []
        start = end = 0
        try:
            while not self.is_open and (
                end := frame_end(buffer, start, PLAIN_MIN, FRAME_UNAUTHENTICATED_MAX)
            ):
                self._handshake_frame(buffer[start:end])
                start = end
            while self.is_open and (end := frame_end(buffer, start, TAGGED_MIN, FRAME_MAX)):
                if len(received) >= messages_max:
                    break
                received.append(self._data_frame(buffer[start:end]))
                start = end
        except ProtocolError as error:
            error.received = received
            self._fail(error)
            raise
        self._buffer = buffer[start:]
        self.has_waiting_frame = end > 0
        self.has_partial_frame = not end and start < len(buffer)
        return received

    def _data_frame(self, frame: bytes) -> Received:
        """Verify and decode one whole data frame: tag first, then version, type and body."""
        body = self._open_frame(frame)
        if body is None:
            raise ProtocolError(CloseReason.TAG, "a data frame")
        decode = self._DECODERS.get(frame[3]) if frame[2] == VERSION else None
        if decode is None:
            raise self._refusal(frame)
        try:
            message = decode(body)
        except DECODE_ERRORS as error:
            raise body_error(error) from None
        if len(body) > self._TEXT_BYTES_MAX and not texts_fit(message):
            raise ProtocolError(CloseReason.BODY, "a text is too long")
        return Received(message, frame[3], body)

    def _refusal(self, frame: bytes) -> ProtocolError:
        """Return why an open session has no decoder for this frame."""
        if frame[2] != VERSION:
            return ProtocolError(CloseReason.VERSION, f"{frame[2]}")
        try:
            step(self._STEPS, self._EVENTS, self._state, frame[3])
        except ProtocolError as error:
            return error
        raise AssertionError("a legal type without a decoder")

    def _handshake_frame(self, frame: bytes) -> None:
        """Take one whole frame before the session is open; on success the state has moved."""
        if frame[2] != VERSION:
            raise ProtocolError(CloseReason.VERSION, f"{frame[2]}")
        after = step(self._STEPS, self._EVENTS, self._state, frame[3])
        self._on_handshake(frame)
        self._state = after
        self.is_open = after is State.OPEN

    def _on_handshake(self, frame: bytes) -> None:
        raise AssertionError("each side has its own handshake")

    def _set_data_keys(self, *, receive: bytes, seal: bytes) -> None:
        self._open_frame = Opener(receive).open
        self._seal_frame = Sealer(seal).seal

    def _seal(self, type_byte: int, body: bytes) -> bytes:
        """Return the next data frame of our direction. Raises `MisuseError` unless the session is open."""
        if not self.is_open:
            raise MisuseError(f"a data frame cannot be sealed in state {self._state}")
        size = len(body)
        if not 0 < size <= BODY_MAX:
            raise MisuseError(f"a body of {size} bytes, allowed 1 to {BODY_MAX}")
        return self._seal_frame(type_byte, body)

    def _fail(self, error: ProtocolError) -> None:
        """Keep the fault for good: nothing is received or sealed any more.

        Handshake bytes not handed out yet are dropped: a peer at fault gets no word.
        """
        self._failure = error
        self._state = State.FAILED
        self.is_open = False
        self.has_partial_frame = self.has_waiting_frame = False
        self._buffer = b""
        self._out = b""


def decode_handshake(decode: Decode, frame: bytes) -> object:
    """Return the message in a whole handshake frame. Raises `ProtocolError` (`body`)."""
    try:
        return decode(frame[HEADER_SIZE:])
    except DECODE_ERRORS as error:
        raise body_error(error) from None


def require_size(name: str, value: bytes, size: int) -> bytes:
    """Return `value`, which must be `size` bytes. Raises `MisuseError`."""
    if len(value) != size:
        raise MisuseError(f"{name} has {len(value)} bytes, needs {size}")
    return value

"""Sessions with the fixed keys of the vectors, for harnesses: made anew for each input, at whatever state.

Owns the frames of the fixed handshake. Knows no harness.
"""

from typing import Final

from protocol import ClientSession, ProtocolError, Received, ServerSession
from protocol.limits import FRAME_MAX
from protocol.published.vector_cases import opening
from protocol.session import ALL
from tests.fuzz.target import Escape
from tests.protocol.pair import new_client, new_server

Side = ServerSession | ClientSession
OPENING: Final = opening()
PIECES_MAX: Final = 8
SCRIPTS: Final = {
    "switch": (OPENING.hello, OPENING.proof),
    "terminal": (OPENING.challenge, OPENING.accept),
}
STEPS: Final = [(side, steps) for side in SCRIPTS for steps in range(3)]
"""Every state a session can be in before it fails: before, amid and after the handshake, on both sides."""


def at_state(side: str, steps: int) -> Side:
    """Return a session that has taken so many frames of the handshake."""
    session: Side = new_server() if side == "switch" else new_client()
    for frame in SCRIPTS[side][:steps]:
        session.receive(frame)
        session.data_to_send()
    return session


def fed(session: Side, pieces: list[bytes], at_once: int = ALL) -> tuple[list[Received], str]:
    """Feed a session; return what it took and why it ended ("" for not). It has to keep its promises.

    Silent after a fault, no more held than a part of one frame. `at_once`: most messages of one call.
    """
    received: list[Received] = []
    try:
        for piece in pieces:
            received += session.receive(piece, at_once)
            while session.has_waiting_frame:
                received += session.receive(b"", at_once)
    except ProtocolError as error:
        received += error.received
        try:
            session.receive(b"")
        except ProtocolError as again:
            if again.reason is not error.reason or again.received:
                raise Escape("a failed session gave another reason") from None
        else:
            raise Escape("a failed session went on")
        if session.is_open or session.data_to_send():
            raise Escape("a failed session is open, or has something to say") from None
        return received, error.reason.value
    if len(session._buffer) >= FRAME_MAX:
        raise Escape("a whole frame is held back")
    return received, ""


def cut(data: bytes, by: int) -> list[bytes]:
    """Cut a stream into pieces whose size is one byte's value, of a long one more; 0: not at all."""
    if not by:
        return [data]
    by = max(by, len(data) // PIECES_MAX)
    return [data[start : start + by] for start in range(0, len(data), by)]

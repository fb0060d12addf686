"""The frame reader, blind: any bytes, however cut, at a session in any state. Who knows no key gets nowhere.

Byte 0 is the state, byte 1 how the stream is cut, the rest are the bytes that come.
"""

from protocol import limits
from protocol.published.vector_cases import plain, sealed
from tests.fuzz.mutate import mutated
from tests.fuzz.sides import OPENING, STEPS, at_state, cut, fed
from tests.fuzz.target import Escape, Outcome, Target


def run(data: bytes) -> Outcome:
    """Whole or in pieces: the same messages, the same end; and nothing without a tag that is right."""
    if len(data) < 3:
        return Outcome("empty")
    side, steps = STEPS[data[0] % len(STEPS)]
    received, reason = fed(whole := at_state(side, steps), [data[2:]])
    again, reason_again = fed(pieces := at_state(side, steps), cut(data[2:], data[1]))
    if (received, reason, whole.is_open) != (again, reason_again, pieces.is_open):
        raise Escape("how the bytes were cut changed what came of them")
    if whole.has_partial_frame != pieces.has_partial_frame:
        raise Escape("how the bytes were cut changed what is waited for")
    is_past = steps == 2 and (received or reason in ("body", "type", "state", "version"))
    kind = "past the tag" if is_past else reason or ("open" if whole.is_open else "waits")
    return Outcome(kind, (side, steps, reason, whole.is_open, whole.has_partial_frame))


def seeds() -> list[bytes]:
    """Each state with what it waits for, with what it does not, and with a frame nobody has the key of."""
    frames = [OPENING.hello, OPENING.challenge, OPENING.proof, OPENING.accept, plain(0x20, b"\x90")]
    frames += [sealed(OPENING.t1, 0, number, b"\x92\x01\x00") for number in (0x0A, 0x4A, 0x8A, 0x3F)]
    streams = [*frames, OPENING.hello + OPENING.proof, OPENING.challenge + OPENING.accept, b"\0", b"\xff\xff"]
    return [
        bytes([state, by]) + stream for state in range(len(STEPS)) for by in (0, 1, 7) for stream in streams
    ]


TARGET = Target(
    "frames", run, seeds, mutated, ("protocol",), 2 * limits.FRAME_MAX, frozenset({"past the tag"})
)

"""The handshake: each frame as it should be, or another body, version, type, length, order, or another key's.

Records of 4 bytes and a body: what is sent (one of the four frames or none), what is changed, its value, the
length of the body. Both sides get what is written; nobody may be let in by a frame that was changed.
"""

from protocol import ClientSession, ServerSession
from protocol.published.vector_cases import plain
from tests.fuzz.mutate import mutated
from tests.fuzz.sides import OPENING, fed
from tests.fuzz.target import Escape, Outcome, Target
from tests.protocol.pair import new_client, new_server

FRAMES = (OPENING.hello, OPENING.challenge, OPENING.proof, OPENING.accept)
RECORDS_MAX = 8


def frames_of(data: bytes) -> list[bytes]:
    """Return the frames that the records say, one after the other."""
    made: list[bytes] = []
    at = 0
    while at + 4 <= len(data) and len(made) < RECORDS_MAX:
        which, change, value, size = data[at : at + 4]
        at += 4
        frame = FRAMES[which % 4]
        match change % 6:
            case 1:
                frame = plain(frame[3], data[at : at + size])
                at += size
            case 2:
                frame = frame[:2] + bytes([value]) + frame[3:]
            case 3:
                frame = frame[:3] + bytes([value]) + frame[4:]
            case 4:
                frame = bytes([size, value]) + frame[2:]
            case 5:
                place = 4 + size % (len(frame) - 4)
                frame = frame[:place] + bytes([value]) + frame[place + 1 :]
        made.append(frame)
    return made


def run(data: bytes) -> Outcome:
    """Open only where every frame before was the right one, in its order."""
    frames = frames_of(data)
    ends: list[str] = []
    sides: list[tuple[ServerSession | ClientSession, tuple[bytes, bytes]]] = [
        (new_server(), (OPENING.hello, OPENING.proof)),
        (new_client(), (OPENING.challenge, OPENING.accept)),
    ]
    for session, right in sides:
        session.data_to_send()
        mine = [frame for frame in frames if len(frame) < 4 or frame[3] >> 7 == right[0][3] >> 7]
        received, reason = fed(session, mine)
        if received or (session.is_open and tuple(mine[:2]) != right):
            raise Escape("a session is open that nobody proved a key for")
        ends.append(reason or ("open" if session.is_open else "waits"))
    return Outcome(ends[0], (len(frames), *ends))


def seeds() -> list[bytes]:
    """The handshake itself, each change of each frame, each frame too early."""
    whole = [bytes([which, 0, 0, 0]) for which in range(4)]
    changed = [
        b"".join(
            [*whole[:which], bytes([which, change, value, size]), frame[4 : 4 + size], *whole[which + 1 :]]
        )
        for which, frame in enumerate(FRAMES)
        for change, value, size in ((1, 0, len(frame) - 4), (2, 2, 0), (3, 0x20, 0), (4, 0xFF, 0), (5, 1, 9))
    ]
    return [b"".join(whole), b"".join(reversed(whole)), *whole, *changed]


TARGET = Target("handshake", run, seeds, mutated, ("protocol",), 1_024)

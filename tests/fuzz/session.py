"""An open session by somebody who has the key: tags are right, whatever is in the frames.

Byte 0 is the side and how many messages are taken at once, byte 1 how the stream is cut; then records of 4
bytes and a body: what of the tag is spoiled (mostly nothing), type, length of the body. `past` counts the
inputs of which a frame got past the tag check; the harness `frames` is the one that has no key.
"""

from itertools import pairwise

from protocol import limits
from protocol.messages import REPLY_OF, REQUEST_OF, encode
from protocol.published.samples import sample
from protocol.published.vector_cases import REPLIES, REQUESTS, sealed
from protocol.requests import Balance
from protocol.sealing import Sealer
from protocol.session import ALL
from tests.fuzz.mutate import mutated
from tests.fuzz.sides import OPENING, at_state, cut, fed
from tests.fuzz.target import Escape, Outcome, Target

FRAMES_MAX = 16
SPOILED = {
    249: "another version",
    250: "tag",
    251: "twice",
    252: "skipped",
    253: "length",
    254: "version",
    255: "direction",
}
"""By the first byte of a record; every other one seals as a peer would."""


def stream_of(data: bytes, side: str) -> tuple[list[bytes], int]:
    """Return the frames that the records say, and how many have a right tag before one has not."""
    keys = OPENING.keys
    mine, other = keys.client_data, keys.server_data
    if side == "terminal":
        mine, other = other, mine
    seal, seal_wrong = Sealer(mine).seal, Sealer(other).seal
    frames: list[bytes] = []
    good, at, sequence = 0, 0, 0
    is_good = True
    while at + 4 <= len(data) and len(frames) < FRAMES_MAX:
        spoil, type_byte = SPOILED.get(data[at], ""), data[at + 1]
        size = min(int.from_bytes(data[at + 2 : at + 4], "big") % limits.BODY_MAX, len(data) - at - 4)
        body = data[at + 4 : at + 4 + size] or b"\x90"
        at += 4 + size
        if spoil == "skipped":
            seal(type_byte, body)
            sequence += 1
        frame = (seal_wrong if spoil == "direction" else seal)(type_byte, body)
        if spoil == "twice" and frames:
            frame = frames[-1]
        elif spoil in ("tag", "version"):
            place = 2 if spoil == "version" else -1
            frame = frame[:place] + bytes([frame[place] ^ 1]) + (frame[place:][1:])
        elif spoil == "another version":
            frame = sealed(mine, sequence, type_byte, body, version=2)
        elif spoil == "length":
            frame = frame[:1] + bytes([frame[1] ^ 1]) + frame[2:]
        is_good = is_good and (spoil in ("", "another version") or (spoil == "twice" and not frames))
        sequence += 1
        good += is_good
        frames.append(frame)
    return frames, good


def run(data: bytes) -> Outcome:
    """Messages, then `body`, `type` or `state` at a frame that was sealed; nothing of one that was not."""
    if len(data) < 2:
        return Outcome("empty")
    side = "switch" if data[0] % 2 == 0 else "terminal"
    frames, good = stream_of(data[2:], side)
    stream = b"".join(frames)
    session = at_state(side, 2)
    received, reason = fed(session, cut(stream, data[1]), (data[0] >> 1 & 3) or ALL)
    if len(received) > good:
        raise Escape("a frame was taken whose tag is wrong")
    if len(received) < good and reason not in ("body", "type", "state", "version"):
        raise Escape(f"a frame that was sealed ended as {reason or 'nothing'}")
    if [one.body for one in received] != [frame[4:-16] for frame in frames[: len(received)]]:
        raise Escape("the bodies are not those that were sealed")
    past = "past" if good else "short of"
    return Outcome(f"{past} the tag: {reason or 'open'}", (side, reason, *(one.type for one in received[:2])))


def seeds() -> list[bytes]:
    """Every message alone, spoiled in every way, and two dialogues."""

    def record(spoil: int, number: int, body: bytes) -> bytes:
        return bytes([spoil, number]) + len(body).to_bytes(2, "big") + body

    requests = [(number, encode(sample(message))) for number, message in REQUEST_OF.items()]
    requests += [(0x40 | number, body) for number, body in requests]
    replies = [(number, encode(sample(message))) for number, message in REPLY_OF.items()]
    shown = [encode(message) for _, message, _ in REQUESTS], [encode(message) for _, _, message in REPLIES]
    found: list[bytes] = []
    for side, messages, more in ((0, requests, shown[0]), (1, replies, shown[1])):
        records = [record(0, number, body) for number, body in messages]
        found += [bytes([side, 0]) + one for one in records]
        found += [bytes([side, by]) + b"".join(records) for by in (0, 1, 50)]
        found += [bytes([side, 0]) + one + two for one, two in pairwise(records)]
        found += [bytes([side, 0]) + records[0] + bytes([spoil]) + records[1][1:] for spoil in SPOILED]
        found += [bytes([side, 0]) + record(0, 0x20 | side << 7, body) for body in more]
        found += [bytes([side, 0]) + record(0, number, b"\x90") for number in (0x00, 0x01, 0x02, 0x81, 0x3F)]
    wide = Balance(1, 1, "ż" * limits.CARD_BYTES_MAX, 1)
    found += [bytes([few << 1, 0]) + b"".join(record(0, 0x0A, b"\x92\1\0") for _ in "abc") for few in (1, 2)]
    found.append(b"\0\0" + record(0, 0x10, encode(wide)))
    too_long = dict(REPLY_OF)[0x88](
        1, 0, 0, "a", "ż" * limits.PARTNER_NAME_BYTES_MAX, 0, 0, 0, [], 0, [], 0, [], 0
    )
    return [*found, b"\1\0" + record(0, 0x88, encode(too_long))]


PAST = frozenset(
    f"past the tag: {reason}" for reason in ("open", "body", "type", "state", "version", "tag", "frame_size")
)
TARGET = Target("session", run, seeds, mutated, ("protocol",), 4 * limits.FRAME_MAX, PAST)

"""Frames: where one ends, and how one is written.

Owns the layout `u16 length | u8 version | u8 type | body | tag`; knows nothing of messages, keys or states.
Invariant: the length is judged as soon as its two bytes are there, before anything is kept.
"""

import struct

from protocol.errors import CloseReason, ProtocolError
from protocol.limits import HEADER_SIZE, LENGTH_SIZE, TAG_SIZE, VERSION

pack_header = struct.Struct(">HBB").pack
"""Header from (length field, version, type)."""

PLAIN_MIN = HEADER_SIZE + 1
"""Smallest frame of the handshake: a body of one byte."""
TAGGED_MIN = HEADER_SIZE + 1 + TAG_SIZE
"""Smallest data frame."""


def frame_end(buffer: bytes, start: int, size_min: int, size_max: int) -> int:
    """Return where the frame that begins at `start` ends, or 0 while it is not whole.

    `size_min` and `size_max` bound the whole frame, length field included. Raises `ProtocolError`
    (`frame_size`) as soon as the two bytes of the length are there and out of bounds.
    """
    if len(buffer) - start < LENGTH_SIZE:
        return 0
    size = LENGTH_SIZE + (buffer[start] << 8 | buffer[start + 1])
    if not size_min <= size <= size_max:
        raise ProtocolError(CloseReason.FRAME_SIZE, f"{size} bytes, allowed {size_min} to {size_max}")
    end = start + size
    return end if end <= len(buffer) else 0


def plain_frame(type_byte: int, body: bytes) -> bytes:
    """Return a handshake frame: no tag."""
    return pack_header(HEADER_SIZE - LENGTH_SIZE + len(body), VERSION, type_byte) + body

"""A PNG picture, built anew: its header, its palette, its pixels (W3C PNG, third edition).

Owns the walk through its chunks. Every chunk's check sum is tried; the pixels are unpacked, counted against
the header, and packed again; texts and all other chunks are left behind. Pure.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from ops.office.uploads.refused import UploadRefused, Why

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
SIDE_MAX: Final = 12_000
RAW_BYTES_MAX: Final = 64 * 1_048_576
"""A page of A4 at 300 dots an inch has 26 MB in colour."""
CHUNKS_MAX: Final = 20_000
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_FILTERS: Final = 5
_KEPT: Final = (b"PLTE", b"tRNS")


def rebuilt_png(data: bytes) -> bytes:
    """Return the picture with nothing in it but the picture. Raises UploadRefused."""
    chunks = list(_chunks(data))
    if [name for name, _ in chunks].count(b"IHDR") != 1 or chunks[0][0] != b"IHDR":
        raise UploadRefused(Why.DAMAGED)
    header = chunks[0][1]
    rows = list(_rows(header))
    packed = zlib.compress(_unpacked(b"".join(body for name, body in chunks if name == b"IDAT"), rows), 6)
    parts = [SIGNATURE, _written(b"IHDR", header)]
    for name in _KEPT:
        bodies = [body for chunk, body in chunks if chunk == name]
        if len(bodies) > 1 or any(len(body) > 768 for body in bodies):
            raise UploadRefused(Why.DAMAGED)
        parts.extend(_written(name, body) for body in bodies)
    if header[9] == 3 and len(parts) == 2:
        raise UploadRefused(Why.DAMAGED)
    return b"".join((*parts, _written(b"IDAT", packed), _written(b"IEND", b"")))


def sides_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture that was built anew, in pixels."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    for _ in range(CHUNKS_MAX):
        length = int.from_bytes(data[place : place + 4], "big")
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        summed = data[place + 8 + length : place + 12 + length]
        if len(summed) != 4 or zlib.crc32(name + body).to_bytes(4, "big") != summed:
            raise UploadRefused(Why.DAMAGED)
        if name == b"IEND":
            return
        if not name[:1].islower() and name not in (b"IHDR", b"PLTE", b"IDAT"):
            raise UploadRefused(Why.DAMAGED)
        yield name, body
        place += 12 + length
    raise UploadRefused(Why.DAMAGED)


def _written(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def _rows(header: bytes) -> Iterator[tuple[int, int]]:
    """Yield how many rows of how many bytes (the filter's byte with them) a picture has, pass by pass."""
    if len(header) != 13:
        raise UploadRefused(Why.DAMAGED)
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    depth, colour, packing, filtering, interlace = header[8:]
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or interlace > 1 or not width * height:
        raise UploadRefused(Why.DAMAGED)
    bits = depth * _SAMPLES[colour]
    if max(width, height) > SIDE_MAX or (width * bits // 8 + 2) * height > RAW_BYTES_MAX:
        raise UploadRefused(Why.TOO_MANY_PIXELS)
    for left, top, right, down in _PASSES if interlace else ((0, 0, 1, 1),):
        columns, lines = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and lines > 0:
            yield lines, 1 + -(-columns * bits // 8)


def _unpacked(packed: bytes, rows: list[tuple[int, int]]) -> bytes:
    wanted = sum(lines * length for lines, length in rows)
    machine = zlib.decompressobj()
    try:
        raw = machine.decompress(packed, wanted + 1)
    except zlib.error:
        raise UploadRefused(Why.DAMAGED) from None
    if len(raw) != wanted or not machine.eof or machine.unused_data:
        raise UploadRefused(Why.DAMAGED)
    place = 0
    for lines, length in rows:
        end = place + lines * length
        if max(raw[place:end:length]) >= _FILTERS:
            raise UploadRefused(Why.DAMAGED)
        place = end
    return raw

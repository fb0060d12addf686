"""A browser's screenshot made small: the same picture in a palette of its commonest colours.

Owns just enough of PNG (ISO/IEC 15948) to read what Chromium writes, 8-bit RGB or RGBA without interlace, and
to write an indexed one. A page of text has few colours but for the edges of letters, which lose nothing the
eye sees.
"""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS_MAX = 64
Pixel = tuple[int, int, int]


def small(png: bytes) -> bytes:
    """Return the picture with at most `COLOURS_MAX` colours."""
    width, rows = _rows(png)
    commonest = Counter(pixel for row in rows for pixel in row).most_common()
    palette = [pixel for pixel, _ in commonest[:COLOURS_MAX]]
    index = {pixel: _nearest(pixel, palette) for pixel, _ in commonest}
    lines = b"".join(b"\0" + bytes(index[pixel] for pixel in row) for row in rows)
    head = struct.pack(">IIBBBBB", width, len(rows), 8, 3, 0, 0, 0)
    table = b"".join(bytes(pixel) for pixel in palette)
    parts = ((b"IHDR", head), (b"PLTE", table), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _nearest(pixel: Pixel, palette: list[Pixel]) -> int:
    def distance(at: int) -> int:
        return sum((mine - other) ** 2 for mine, other in zip(pixel, palette[at], strict=True))

    return min(range(len(palette)), key=distance)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def _rows(png: bytes) -> tuple[int, list[list[Pixel]]]:
    """Return the width, and the pixels line by line."""
    chunks = list(_chunks(png))
    width, height, depth, kind, *_, interlace = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    assert (depth, interlace) == (8, 0)
    size = {2: 3, 6: 4}[kind]
    raw = zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT"))
    stride, above, rows = width * size, bytearray(width * size), []
    for start in range(0, height * (stride + 1), stride + 1):
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, above, size)
        rows.append([(line[at], line[at + 1], line[at + 2]) for at in range(0, stride, size)])
        above = line
    return width, rows


def _unfilter(kind: int, line: bytearray, above: bytearray, size: int) -> None:
    """Undo a line's filter, in place."""
    for at in range(len(line)):
        left = line[at - size] if at >= size else 0
        corner = above[at - size] if at >= size else 0
        guess = (0, left, above[at], (left + above[at]) // 2, _paeth(left, above[at], corner))[kind]
        line[at] = (line[at] + guess) & 0xFF


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))

"""A JPEG picture, built anew of what decides how it looks (ITU-T T.81, annex B).

Owns the walk through its segments. Tables, frame and scans are checked by their lengths and kept; comments,
application data (but for the way the picture lies) and whatever follows its end are left behind. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from ops.office.uploads.refused import UploadRefused, Why

SIGNATURE: Final = b"\xff\xd8\xff"
SIDE_MAX: Final = 12_000
PIXELS_MAX: Final = 50_000_000
SEGMENTS_MAX: Final = 2_000

_START, _END = b"\xff\xd8", b"\xff\xd9"
_FRAMES: Final = {0xC0, 0xC1, 0xC2}
"""Baseline, extended, progressive, by Huffman codes: what pictures are kept in."""
_QUANTA, _HUFFMAN, _RESTART, _SCAN = 0xDB, 0xC4, 0xDD, 0xDA
_LEFT_BEHIND: Final = {*range(0xE0, 0xF0), 0xFE}
_ADOBE: Final = 0xEE
_EXIF: Final = 0xE1
_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")


class _Segment(NamedTuple):
    marker: int
    body: bytes
    scan: bytes = b""


def rebuilt_jpeg(data: bytes) -> bytes:
    """Return the picture with nothing in it but the picture. Raises UploadRefused."""
    parts = [_START]
    seen: set[int] = set()
    for segment in _segments(data):
        if segment.marker in _LEFT_BEHIND:
            parts.extend(_kept_of(segment, seen))
        else:
            _check(segment, seen)
            parts.append(_written(segment.marker, segment.body) + segment.scan)
        seen.add(segment.marker)
    if _SCAN not in seen:
        raise UploadRefused(Why.DAMAGED)
    return b"".join((*parts, _END))


def sides_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture that was built anew, in pixels."""
    body = next(segment.body for segment in _segments(data) if segment.marker in _FRAMES)
    return int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big")


def _segments(data: bytes) -> Iterator[_Segment]:
    place = len(_START)
    for _ in range(SEGMENTS_MAX):
        found = _MARKER.match(data, place)
        if found is None:
            raise UploadRefused(Why.DAMAGED)
        marker, place = found[1][0], found.end()
        if marker == _END[1]:
            return
        length = int.from_bytes(data[place : place + 2], "big")
        body = data[place + 2 : place + length]
        if length < 2 or len(body) != length - 2:
            raise UploadRefused(Why.DAMAGED)
        place += length
        if marker != _SCAN:
            yield _Segment(marker, body)
            continue
        ends = _MARKER.search(data, place)
        if ends is None:
            raise UploadRefused(Why.DAMAGED)
        yield _Segment(marker, body, data[place : ends.start()])
        place = ends.start()
    raise UploadRefused(Why.DAMAGED)


def _written(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def _kept_of(segment: _Segment, seen: set[int]) -> Iterator[bytes]:
    """Of what is left behind the two that change how a picture looks: its colours, and how it lies."""
    if segment.marker == _ADOBE and segment.body[:5] == b"Adobe" and len(segment.body) >= 12:
        yield _written(_ADOBE, segment.body[:12])
    elif segment.marker == _EXIF and _EXIF not in seen and (lies := _orientation(segment.body)) > 1:
        yield _written(_EXIF, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0%c\0\0\0\0\0\0" % lies)


def _orientation(body: bytes) -> int:
    """Return how a picture lies by its Exif (tag 0x0112), 1 to 8; 1 where it does not say."""
    if body[:6] != b"Exif\0\0" or body[6:8] not in (b"MM", b"II"):
        return 1
    order: Final = "big" if body[6:8] == b"MM" else "little"
    tiff = body[6:]
    first = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[first : first + 2], order)
    for number in range(min(count, 100)):
        entry = tiff[first + 2 + 12 * number : first + 14 + 12 * number]
        if int.from_bytes(entry[:2], order) == 0x0112:
            value = int.from_bytes(entry[8:10], order)
            return value if 1 <= value <= 8 else 1
    return 1


def _check(segment: _Segment, seen: set[int]) -> None:
    marker, body = segment.marker, segment.body
    if marker in _FRAMES:
        is_sound = not seen & _FRAMES and _is_frame(body)
    elif marker == _SCAN:
        is_sound = bool(seen & _FRAMES) and len(body) == 4 + 2 * body[0] and bool(segment.scan)
    elif marker == _QUANTA:
        is_sound = _are_quanta(body)
    elif marker == _HUFFMAN:
        is_sound = _are_codes(body)
    else:
        is_sound = marker == _RESTART and len(body) == 2
    if not is_sound:
        raise UploadRefused(Why.DAMAGED)


def _is_frame(body: bytes) -> bool:
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return False
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if max(height, width) > SIDE_MAX or height * width > PIXELS_MAX:
        raise UploadRefused(Why.TOO_MANY_PIXELS)
    return body[0] == 8 and body[5] in (1, 3, 4) and min(height, width) >= 1


def _are_quanta(body: bytes) -> bool:
    place = 0
    while place < len(body):
        place += 129 if body[place] >> 4 else 65
    return place == len(body) > 0


def _are_codes(body: bytes) -> bool:
    place = 0
    while place + 17 <= len(body):
        place += 17 + sum(body[place + 1 : place + 17])
    return place == len(body) > 0

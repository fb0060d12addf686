"""A stream of a PDF that is written in ASCII (ISO 32000-1, 7.4.2 and 7.4.3), as many a program writes them.

Owns both codes, read strictly: what a reader might take otherwise is refused. Must not know what a stream is
for. Pure. Invariant: no more is read than up to the mark that ends it.
"""

from __future__ import annotations

import re
import struct
from typing import Final

from ops.office.uploads.refused import UploadRefused, Why

CODES: Final = rb"ASCII85Decode|A85|ASCIIHexDecode|AHx"
"""By their names; those that begin a stream's filters are read here."""
_FIRST_OF_FILTERS: Final = re.compile(
    rb"/Filter\s*(?:\[\s*)?/(%s)(?=[\s/\]>])(?:\s*/(?:FlateDecode|Fl|DCTDecode|DCT))?\s*[\]/>]" % CODES
)
_BLANKS: Final = b"\0\t\n\f\r "
_GROUPS: Final = re.compile(rb"z{1,4096}|(?:[!-u]{5}){1,4096}|[!-u]{2,4}\Z")
"""Fives of figures to the base 85, the last of them perhaps shorter; z: five of the first figure."""


def ascii_code_of(about: bytes) -> bytes | None:
    """Return in which of the codes a stream is written by what stands before it, alone or with one filter of
    pictures or of Flate within; None for every other.
    """
    found = _FIRST_OF_FILTERS.search(about)
    return None if found is None else found[1]


def decoded(code: bytes, data: bytes, place: int) -> tuple[bytes, int]:
    """Return what is written from a place on, and how many bytes that took. Raises UploadRefused."""
    is_hex = code in (b"ASCIIHexDecode", b"AHx")
    end = data.find(b">" if is_hex else b"~>", place)
    text = data[place : max(end, place)].translate(None, _BLANKS)
    try:
        found = bytes.fromhex((text + b"0" * (len(text) % 2)).decode("ascii")) if is_hex else _of_85(text)
    except (ValueError, struct.error):  # no figure, or more than four bytes hold
        raise UploadRefused(Why.DAMAGED) from None
    if end < 0:
        raise UploadRefused(Why.DAMAGED)
    return found, end - place


def _of_85(text: bytes) -> bytes:
    parts, place = list[bytes](), 0
    while place < len(text):
        groups = _GROUPS.match(text, place)
        if groups is None:
            raise ValueError("no figure to the base 85")
        place, figures = groups.end(), groups[0]
        if figures[:1] == b"z":
            parts.append(bytes(4 * len(figures)))
            continue
        lacking = -len(figures) % 5
        parts.append(_of_fives(figures + b"u" * lacking)[: -lacking or None])
    return b"".join(parts)


def _of_fives(figures: bytes) -> bytes:
    fives = zip(*(figures[first::5] for first in range(5)), strict=True)
    numbers = [((((a * 85 + b) * 85 + c) * 85 + d) * 85 + e) - _ZEROS for a, b, c, d, e in fives]
    return struct.pack(f">{len(numbers)}I", *numbers)


_ZEROS: Final = 33 * (85**4 + 85**3 + 85**2 + 85 + 1)
"""What five of the first figure, "!", come to by their bytes."""

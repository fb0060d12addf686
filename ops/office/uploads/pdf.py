"""A PDF that shows pages and does nothing else (ISO 32000-1).

Owns what is looked for: a beginning and an end where they belong, and no action that runs, calls or carries
anything. A PDF is kept as it came, for a signature may hang on its bytes. Names are read as a reader reads
them (#4a is J), also those in compressed objects: every stream that unpacks is looked into, whatever it is
said to be, for readers find objects by the cross-reference, and not by what a stream is called. Pure.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

from ops.office.uploads.refused import UploadRefused, Why

SIGNATURE: Final = b"%PDF-"
UNPACKED_BYTES_MAX: Final = 64 * 1_048_576
"""Of all streams together; a page of A4 at 300 dots an inch has 26 MB in colour, where it is no JPEG."""
STREAMS_MAX: Final = 20_000
_NAME_BYTES_MAX: Final = 64
"""No name that is looked for is longer, with all its letters written as #4a."""
_PIECE_BYTES: Final = (1_024, 4_096)
"""Of what is unpacked at a time, the first and the largest: a byte comes to a thousand at most."""
_VERSION: Final = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n %]")
_END: Final = re.compile(rb"startxref\s+\d{1,10}\s+%%EOF\s*\Z")
_STREAM: Final = re.compile(rb"stream[ \t]*[\r\n]+")
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_LOCKED: Final = b"/Encrypt"
# No name is shorter than seven characters, so that no picture's bytes are taken for one.
_ACTIVE: Final = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFile|Rendition|RichMedia|SubmitForm|ImportData|GoToR|GoToE|Collection"
    rb"|XFA(?=\s*[\[0-9]))"
)
_HIDING: Final = re.compile(rb"/(Predictor|ASCII|LZW|RunLength|AHx|A85|Crypt)")
"""What objects are not packed by, but names in them could be hidden by."""


def checked_pdf(data: bytes) -> bytes:
    """Return the file as it came. Raises UploadRefused."""
    if not _VERSION.match(data) or not _END.search(data[-1_024:]) or b" obj" not in data:
        raise UploadRefused(Why.DAMAGED)
    for text in _texts(data):
        named = _plain(text)
        if _LOCKED in named:
            raise UploadRefused(Why.LOCKED)
        if _ACTIVE.search(named):
            raise UploadRefused(Why.ACTIVE)
    return data


def _plain(text: bytes) -> bytes:
    """Return a text with its names as a reader reads them."""
    return _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text)


def _texts(data: bytes) -> Iterator[bytes]:
    """Yield the file, then its streams, unpacked, piece by piece."""
    yield data
    view, left, behind = memoryview(data), UNPACKED_BYTES_MAX, 0
    for count, found in enumerate(_STREAM.finditer(data)):
        about = _plain(data[behind : found.start()])
        behind = found.end()
        has_objects = b"/ObjStm" in about
        if count >= STREAMS_MAX or (has_objects and _HIDING.search(about)):
            raise UploadRefused(Why.DAMAGED)
        for text in _unpacked(view[behind:], has_objects=has_objects, is_packed=b"/Fl" in about):
            left -= len(text)
            if left <= 0:
                raise UploadRefused(Why.DAMAGED)
            yield text


def _unpacked(view: memoryview, *, has_objects: bool, is_packed: bool) -> Iterator[bytes]:
    """Yield a stream, unpacked, in pieces that share their edges; nothing where it is not packed by Flate.

    Its check sum is not looked at, as many a reader does not. Raises UploadRefused for objects that cannot be
    read to their end, and for what calls itself packed, begins so, and breaks off by an error.
    """
    head = bytes(view[:2])
    if len(head) < 2 or head[0] & 0x0F != 8 or int.from_bytes(head, "big") % 31:
        if has_objects:
            raise UploadRefused(Why.DAMAGED)
        return
    machine, place, step, edge = zlib.decompressobj(-zlib.MAX_WBITS), 2, _PIECE_BYTES[0], b""
    while not machine.eof and place < len(view):
        try:
            text = edge + machine.decompress(view[place : place + step])
        except zlib.error:
            if has_objects or is_packed:
                raise UploadRefused(Why.DAMAGED) from None
            return
        yield text
        edge, place, step = text[-_NAME_BYTES_MAX:], place + step, min(2 * step, _PIECE_BYTES[1])
    if has_objects and not machine.eof:
        raise UploadRefused(Why.DAMAGED)

"""A PDF that shows pages and does nothing else (ISO 32000-1).

Owns what is looked for: a beginning and an end where they belong, and no action that runs, calls or carries
anything. A PDF is kept as it came, for a signature may hang on its bytes. Names are read as a reader reads
them (#4a is J), also those in compressed objects: every stream that unpacks is looked into, whatever it is
said to be, for readers find objects by the cross-reference, and not by what a stream is called. What is said
of a stream begins where the first object does from which a reader comes to it, whatever its texts look like.
A stream of pages or pictures may be written in ASCII; objects may not. Pure.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Final

from ops.office.uploads.ascii_codes import ascii_code_of, decoded
from ops.office.uploads.refused import UploadRefused, Why

SIGNATURE: Final = b"%PDF-"
UNPACKED_BYTES_MAX: Final = 64 * 1_048_576
"""Of all streams together; a page of A4 at 300 dots an inch has 26 MB in colour, where it is no JPEG."""
READ_TIMES_MAX: Final = 4
"""So often the file's own length is read while streams are unpacked, and while objects are read: in a whole
file neither overlap."""
STREAMS_MAX: Final = 20_000
MARKS_MAX: Final = 1_000_000
"""Brackets, texts and comments of all objects: the largest file with nothing but tables has half as many."""
_NAME_BYTES_MAX: Final = 64
"""No name that is looked for is longer, with all its letters written as #4a."""
_PIECE_BYTES: Final = (1_024, 4_096)
"""Of what is unpacked at a time, the first and the largest: a byte comes to a thousand at most."""
_VERSION: Final = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n %]")
_END: Final = re.compile(rb"startxref\s+\d{1,10}\s+%%EOF[\s\0]*\Z")
"""Nothing follows but blanks; the zeros are of what fills a block."""
_STREAM: Final = re.compile(rb"stream[ \t]*[\r\n]+")
_OBJECT: Final = re.compile(rb"(?<!end)obj[\s\0]*+(?=[<%])")
_MARK: Final = re.compile(rb"%[^\r\n]*|<<|>>|[\[\]<(]|stream")
_MARK_IN_TEXT: Final = re.compile(rb"\\.|[()]", re.DOTALL)
"""A text in parentheses may have others in it."""
_MARK_IN_HEX: Final = re.compile(rb">")
_CLOSED_BY: Final = {b"<<": b">>", b"[": b"]"}
_CLOSE: Final = frozenset(_CLOSED_BY.values())
_BLANKS: Final = b"\0\t\n\f\r "
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_LOCKED: Final = b"/Encrypt"
# No name is shorter than seven characters, so that no picture's bytes are taken for one.
_ACTIVE: Final = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFile|Rendition|RichMedia|SubmitForm|ImportData|GoToR|GoToE|Collection"
    rb"|XFA(?=\s*[\[0-9]))"
)
_HIDING: Final = re.compile(
    rb"/(Predictor|DecodeParms|DP[\s\0\[<]|Filter[\s\0]*([\d%]|\[(?!\s*/Fl(ateDecode)?\s*\])))"
)
"""What objects are not packed by, but names in them could be hidden by; also where it stands elsewhere."""
_CODED: Final = re.compile(
    rb"/(ASCII(Hex|85)Decode|LZWDecode|RunLengthDecode|Crypt(?=[\s\0/\]>%])|(AHx|A85|LZW)(?=[\s\0/\]>%]))"
)
"""What no objects are packed by, and pages in one of two ways alone (`ascii_code_of`)."""
_OBJECTS: Final = re.compile(rb"/ObjStm|/First(?=[\s\0%])(?!\s++\d++\s++\d++\s++R)")
"""A stream of objects, by its type or by where the first of them begins; outlines have a reference there."""
_FIRST: Final = re.compile(rb"/First(?=[\s\0])")
_HOW_MANY: Final = re.compile(rb"/N(?=[\s\0%])")


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
    to_read, begins = READ_TIMES_MAX * len(data), _begins(data)
    for count, found in enumerate(_STREAM.finditer(data)):
        word = found.start()
        about = _plain(data[min(behind, begins.get(word, behind)) : word])
        behind = found.end()
        has_objects, codes = _has_objects(about), _CODED.findall(about)
        code = ascii_code_of(about) if len(codes) == 1 and not has_objects else None
        if count >= STREAMS_MAX or (codes and code is None) or (has_objects and _HIDING.search(about)):
            raise UploadRefused(Why.DAMAGED)
        is_packed = b"/Fl" in about
        pieces = _unpacked(view[behind:], has_objects=has_objects, is_packed=is_packed and code is None)
        if code is not None:
            pieces = chain(pieces, _spelt(code, data, behind, is_packed=is_packed))
        for text, read in pieces:
            left, to_read = left - len(text), to_read - read
            if left <= 0 or to_read < 0:
                raise UploadRefused(Why.DAMAGED)
            yield text


def _spelt(code: bytes, data: bytes, place: int, *, is_packed: bool) -> Iterator[tuple[bytes, int]]:
    """Yield a stream that is written in ASCII as it is without that, and then unpacked; as `_unpacked`."""
    text, read = decoded(code, data, place)
    yield text, read
    yield from _unpacked(memoryview(text), has_objects=False, is_packed=is_packed)


def _begins(data: bytes) -> dict[int, int]:
    """Return where the first object begins that ends in a stream, by the place of that word `stream`: what
    looks like the beginning of another may stand in a text of it. Raises UploadRefused.
    """
    found: dict[int, int] = {}
    to_read, allowed = READ_TIMES_MAX * len(data), iter(range(MARKS_MAX))
    for begin in _OBJECT.finditer(data):
        word, end = _word_of(data, begin.end(), allowed)
        to_read -= end - begin.start()
        if to_read < 0 or (word is not None and not _STREAM.match(data, word)):
            raise UploadRefused(Why.DAMAGED)
        if word is not None:
            found.setdefault(word, begin.start())
    return found


def _word_of(data: bytes, place: int, allowed: Iterator[int]) -> tuple[int | None, int]:
    """Return where the word `stream` stands that follows the dictionary of an object, None for no stream;
    and up to where was read. Raises UploadRefused for brackets that readers pair in different ways, and where
    no more marks are `allowed`.
    """
    to_close, texts, marks = [b""], 0, _MARK
    while found := marks.search(data, place):
        is_outside = marks is _MARK and len(to_close) == 1
        if is_outside and data[place : found.start()].strip(_BLANKS):
            return None, found.end()
        place, mark = found.end(), found[0]
        if is_outside and mark == b"stream":
            return found.start(), place
        if next(allowed, None) is None or (mark in _CLOSE and to_close.pop() != mark):
            raise UploadRefused(Why.DAMAGED)
        if mark in _CLOSED_BY:
            to_close.append(_CLOSED_BY[mark])
        texts += {b"(": 1, b")": -1}.get(mark, 0)
        marks = _MARK_IN_TEXT if texts else _MARK_IN_HEX if mark == b"<" else _MARK
    return None, len(data)


def _has_objects(about: bytes) -> bool:
    """Whether a stream may be one of objects, by what stands before it."""
    if _OBJECTS.search(about):
        return True
    return _FIRST.search(about) is not None and _HOW_MANY.search(about) is not None


def _unpacked(view: memoryview, *, has_objects: bool, is_packed: bool) -> Iterator[tuple[bytes, int]]:
    """Yield a stream, unpacked, in pieces that share their edges, and how much was read for each; nothing
    where it is not packed by Flate.

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
            piece = view[place : place + step]
            text = edge + machine.decompress(piece)
        except zlib.error:
            if has_objects or is_packed:
                raise UploadRefused(Why.DAMAGED) from None
            return
        yield text, len(piece) - len(machine.unused_data)
        edge, place, step = text[-_NAME_BYTES_MAX:], place + step, min(2 * step, _PIECE_BYTES[1])
    if has_objects and not machine.eof:
        raise UploadRefused(Why.DAMAGED)

"""A PDF that shows pages and does nothing else (ISO 32000-1).

Owns what is looked for: a beginning and an end where they belong, and no action that runs, calls or carries
anything. A PDF is kept as it came, for a signature may hang on its bytes. Names are read as a reader reads
them (#4a is J), also those in compressed objects. Pure.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

from ops.office.uploads.refused import UploadRefused, Why

SIGNATURE: Final = b"%PDF-"
OBJECTS_BYTES_MAX: Final = 16_000_000
"""Of all compressed objects together, unpacked."""
_DICTIONARY_MAX: Final = 2_048
_VERSION: Final = re.compile(rb"%PDF-(1\.[0-7]|2\.0)[\r\n %]")
_END: Final = re.compile(rb"startxref\s+\d{1,10}\s+%%EOF\s*\Z")
_STREAM: Final = re.compile(rb"stream\r?\n")
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_LOCKED: Final = b"/Encrypt"
# No name is shorter than seven characters, so that no picture's bytes are taken for one.
_ACTIVE: Final = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFile|Rendition|RichMedia|SubmitForm|ImportData|GoToR|GoToE|Collection)"
)


def checked_pdf(data: bytes) -> bytes:
    """Return the file as it came. Raises UploadRefused."""
    if not _VERSION.match(data) or not _END.search(data[-1_024:]) or b" obj" not in data:
        raise UploadRefused(Why.DAMAGED)
    for text in _texts(data):
        named = _ESCAPED.sub(lambda found: bytes((int(found[1], 16),)), text)
        if _LOCKED in named:
            raise UploadRefused(Why.LOCKED)
        if _ACTIVE.search(named):
            raise UploadRefused(Why.ACTIVE)
    return data


def _texts(data: bytes) -> Iterator[bytes]:
    """Yield the file, then each of its streams of objects, unpacked."""
    yield data
    left = OBJECTS_BYTES_MAX
    for found in _STREAM.finditer(data):
        before = data[max(0, found.start() - _DICTIONARY_MAX) : found.start()]
        dictionary = before[before.rfind(b" obj") + 1 :]
        if b"/ObjStm" not in _ESCAPED.sub(lambda code: bytes((int(code[1], 16),)), dictionary):
            continue
        machine = zlib.decompressobj()
        try:
            text = machine.decompress(data[found.end() :], left)
        except zlib.error:
            raise UploadRefused(Why.DAMAGED) from None
        left -= len(text)
        if not machine.eof or left <= 0:
            raise UploadRefused(Why.DAMAGED)
        yield text

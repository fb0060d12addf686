"""What a file is that somebody sends: a JPEG, a PNG or a PDF by its content, whatever it is called.

Owns the bounds, the choice of the reader, and what is refused in every kind: content that another program
would take for something else. Must not know where a file comes from nor where it goes. Pure. Invariants: a
picture is built anew from what a picture needs, so nothing rides in it; no error repeats a file's content.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ops.office.uploads.jpeg import SIGNATURE as JPEG
from ops.office.uploads.jpeg import rebuilt_jpeg
from ops.office.uploads.pdf import SIGNATURE as PDF
from ops.office.uploads.pdf import checked_pdf
from ops.office.uploads.png import SIGNATURE as PNG
from ops.office.uploads.png import rebuilt_png
from ops.office.uploads.refused import UploadRefused, Why

FILE_BYTES_MAX: Final = 5_000_000
KEPT_BYTES_MAX: Final = 5_300_000
"""Of a picture built anew, which may be a little longer than it came."""
SUFFIXES: Final = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}
PICTURES: Final = ("image/jpeg", "image/png")

_MARKUP: Final = (b"<script", b"<html", b"<!doctype", b"<?php", b"<svg", b"<iframe")
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP_COMMENT_MAX: Final = 65_535
_HEAD: Final = 1_024
"""Where a reader of PDF looks for its mark."""


class Checked(NamedTuple):
    """A file as it is kept: its type by its content, and its bytes."""

    type: str
    body: bytes


def check_upload(data: bytes) -> Checked:
    """Return a file as it may be kept. Raises UploadRefused."""
    if not data:
        raise UploadRefused(Why.EMPTY)
    if len(data) > FILE_BYTES_MAX:
        raise UploadRefused(Why.TOO_LARGE)
    if data.startswith(JPEG):
        checked = Checked("image/jpeg", rebuilt_jpeg(data))
    elif data.startswith(PNG):
        checked = Checked("image/png", rebuilt_png(data))
    elif data.startswith(PDF):
        checked = Checked("application/pdf", checked_pdf(data))
    else:
        raise UploadRefused(Why.NO_KIND)
    if len(checked.body) > KEPT_BYTES_MAX:
        raise UploadRefused(Why.TOO_LARGE)
    if _is_something_else(checked):
        raise UploadRefused(Why.TWO_KINDS)
    return checked


def _is_something_else(checked: Checked) -> bool:
    """Whether another program would read it as a page, an archive or another kind of file."""
    body = checked.body
    is_pdf = checked.type == "application/pdf"
    looked_at = body[:_HEAD] if is_pdf else body
    if any(mark in looked_at.lower() for mark in _MARKUP):
        return True
    if not is_pdf and PDF in body[: _HEAD + len(PDF)]:
        return True
    return _ends_as_zip(body)


def _ends_as_zip(body: bytes) -> bool:
    """Whether an archive ends where the file ends: readers of ZIP look for its end from behind."""
    tail = body[-(_ZIP_END_BYTES + _ZIP_COMMENT_MAX) :]
    place = tail.find(_ZIP_END)
    while place >= 0:
        rest = tail[place:]
        if (
            len(rest) >= _ZIP_END_BYTES
            and int.from_bytes(rest[20:22], "little") == len(rest) - _ZIP_END_BYTES
        ):
            return True
        place = tail.find(_ZIP_END, place + 1)
    return False

"""Frames of the data channel sealed and opened, requests digested: in C where it is built, else in Python.

Owns the choice, made once at import. Both do the same (`plain` says what), and every test of theirs runs on
both; the C saves some 3 µs of a transaction (ARCHITECTURE.md, "Tags in C where there is a compiler"). Where
it was built for another layout of frames it is passed over.
"""

from typing import TYPE_CHECKING, Final

from protocol.limits import HEADER_SIZE, TAG_SIZE, VERSION
from protocol.sealing import plain

__all__ = ["IS_NATIVE", "Opener", "Sealer", "request_digest"]

if TYPE_CHECKING:
    from protocol.sealing.plain import Opener, Sealer, request_digest

    IS_NATIVE: Final = False
else:
    try:
        from protocol.sealing import native as _best

        IS_NATIVE = (HEADER_SIZE, TAG_SIZE, VERSION) == _best.LAYOUT
    except ImportError:
        IS_NATIVE = False
    if not IS_NATIVE:
        _best = plain
    Opener, Sealer, request_digest = _best.Opener, _best.Sealer, _best.request_digest

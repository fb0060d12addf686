"""Why a file is not taken: a closed set, which the pages have words for. Knows nothing of files."""

from __future__ import annotations

from enum import StrEnum

from ledger.errors import RegistryRefused
from ledger.phrase import Phrase


class Why(StrEnum):
    """What is wrong with a file."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NO_KIND = "no_kind"
    DAMAGED = "damaged"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    TOO_NARROW = "too_narrow"
    LOCKED = "locked"
    ACTIVE = "active"
    TWO_KINDS = "two_kinds"
    TOO_MANY = "too_many"


TOLD = {
    Why.EMPTY: Phrase("the file is empty"),
    Why.TOO_LARGE: Phrase("the file is larger than 5 MB"),
    Why.NO_KIND: Phrase("the file is no JPEG, PNG or PDF"),
    Why.DAMAGED: Phrase("the file is damaged, or of a form that is not taken"),
    Why.TOO_MANY_PIXELS: Phrase("the picture has too many pixels"),
    Why.TOO_SMALL: Phrase("the picture has too few pixels to be printed or read"),
    Why.TOO_NARROW: Phrase("the picture is a strip: more than two and a half times as long as wide"),
    Why.LOCKED: Phrase("the PDF is locked by a password"),
    Why.ACTIVE: Phrase("the PDF holds programs or other files"),
    Why.TWO_KINDS: Phrase("the file would be read as something else, too"),
    Why.TOO_MANY: Phrase("there are too many files"),
}


class UploadRefused(RegistryRefused):
    """A file that is not taken; `why` says which of the faults it has."""

    def __init__(self, why: Why) -> None:
        super().__init__("{why}", why=TOLD[why])
        self.why = why

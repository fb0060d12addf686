"""Whether a file will do for what it is attached as: a photo that a card is printed of, a page to be read.

Owns how many pixels a picture has by its kind of attachment, whichever way it lies. Every file that comes
with an application is judged here; a PDF has no pixels of its own. Pure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ops.office.uploads import jpeg, png
from ops.office.uploads.check import Checked, check_upload
from ops.office.uploads.refused import UploadRefused, Why


class Least(NamedTuple):
    """The least shorter and longer side of a picture, in pixels."""

    shorter: int
    longer: int


PHOTO: Final = Least(492, 633)
"""A photo as for an identity card (Żywiec § 3), 35 by 45 mm: what an application for one takes on line."""
PAGE: Final = Least(1_200, 1_700)
"""A page of A4 at 150 dots an inch (1,240 by 1,754), less a margin that was cut: small print is read."""
DOCUMENT: Final = Least(500, 800)
"""A card of 54 by 86 mm at 235 dots an inch, or a page: whatever somebody shows an entitlement by."""
LEAST: Final = {"photo": PHOTO, "tax": PAGE, "declaration": PAGE, "entitlement": DOCUMENT}
"""By kind of attachment; what is none of these proves nothing, and has no bound."""
SIDES_RATIO_MAX: Final = 2.5
"""Longer side to shorter: a telephone shows its pages (its screen is up to 22.5:9), and no strip."""
_SIDES: Final = {"image/jpeg": jpeg.sides_of, "image/png": png.sides_of}


def check_attachment(kind: str, data: bytes) -> Checked:
    """Return a file as it may be kept as an attachment of a kind. Raises UploadRefused."""
    checked = check_upload(data)
    least, sides_of = LEAST.get(kind), _SIDES.get(checked.type)
    if least is None or sides_of is None:
        return checked
    shorter, longer = sorted(sides_of(checked.body))
    if shorter < least.shorter or longer < least.longer:
        raise UploadRefused(Why.TOO_SMALL)
    if longer > SIDES_RATIO_MAX * shorter:
        raise UploadRefused(Why.TOO_NARROW)
    return checked

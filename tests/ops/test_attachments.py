"""What a picture has to have to count: a photo that can be printed, a page that can be read."""

import pytest

from ops.office.uploads.attachment import LEAST, SIDES_RATIO_MAX, check_attachment
from ops.office.uploads.refused import UploadRefused, Why
from ops.web.desk.words import DESK
from ops.web.holder.words import HOLDER
from tests.ops.uploads import jpeg, pdf, png


def why_of(kind: str, data: bytes) -> Why | None:
    try:
        check_attachment(kind, data)
    except UploadRefused as refused:
        return refused.why
    return None


@pytest.mark.parametrize(
    "make", [jpeg, lambda width, height: png(width=width, height=height)], ids=["jpeg", "png"]
)
@pytest.mark.parametrize("kind", LEAST)
def test_a_picture_has_the_pixels_of_what_it_is_attached_as(kind: str, make) -> None:  # type: ignore[no-untyped-def]
    """At the bound it is taken, upright or lying, one pixel below on either side it is not."""
    shorter, longer = LEAST[kind]
    strip = int(SIDES_RATIO_MAX * longer)
    for width, height, why in (
        (shorter, longer, None),
        (longer, shorter, None),
        (shorter - 1, longer, Why.TOO_SMALL),
        (shorter, longer - 1, Why.TOO_SMALL),
        (longer, shorter - 1, Why.TOO_SMALL),
        (2, 2, Why.TOO_SMALL),
        (longer, strip, None),
        (longer, strip + 1, Why.TOO_NARROW),
        (strip + 1, longer, Why.TOO_NARROW),
    ):
        assert why_of(kind, make(width, height)) is why, (width, height)


@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.parametrize("screen", [(1_290, 2_796), (1_440, 3_200), (1_644, 3_840)])
def test_a_screenshot_of_a_telephone_is_no_strip(kind: str, screen: tuple[int, int]) -> None:
    """19.5:9, 20:9 and 21:9, upright or lying, are taken as whatever they have the pixels of."""
    assert why_of(kind, jpeg(*screen)) is None
    assert why_of(kind, jpeg(*screen[::-1])) is None


def test_what_proves_nothing_and_what_has_no_pixels_has_no_bound() -> None:
    """Another file may be small; a PDF is a page whatever it shows."""
    assert why_of("other", png(width=2, height=2)) is None
    assert why_of("tax", pdf()) is None
    assert why_of("other", b"") is Why.EMPTY


def test_pages_tell_the_bounds_that_hold() -> None:
    """In both languages, at the desk and to whoever asks."""
    for kind in ("photo", "tax", "entitlement"):
        told = "{} × {}".format(*LEAST[kind])
        for text in (*DESK["dk_up_too_small"], *HOLDER["h_file_refused"]):
            assert told in text, (kind, text)

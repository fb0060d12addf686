"""PDFs whose streams are written in ASCII, as ReportLab does by itself, and what they do not hide."""

import base64
import random
import zlib
from collections.abc import Callable

import pytest

from ops.office.uploads.ascii_codes import decoded
from ops.office.uploads.check import check_upload
from ops.office.uploads.pdf import READ_TIMES_MAX
from ops.office.uploads.refused import UploadRefused, Why
from tests.ops.test_uploads import HIDDEN, why_of
from tests.ops.uploads import JPEG, pdf, stream

PAGE = b"BT /F1 12 Tf 72 720 Td (PIT-37) Tj ET\n" * 40


def of_85(body: bytes) -> bytes:
    return base64.a85encode(body, wrapcol=76) + b"~>"


def of_hex(body: bytes) -> bytes:
    return body.hex().encode() + b">"


@pytest.mark.parametrize(
    ("filters", "body"),
    [
        (b"[ /ASCII85Decode /FlateDecode ]", of_85(zlib.compress(PAGE))),
        (b"[/A85/Fl]", of_85(zlib.compress(PAGE))),
        (b"[ /ASCII85Decode /DCTDecode ]", of_85(JPEG)),
        (b"/ASCII85Decode", of_85(PAGE + bytes(40))),
        (b"[/ASCIIHexDecode]", of_hex(PAGE)),
        (b"[/AHx /FlateDecode]", of_hex(zlib.compress(PAGE))),
    ],
)
def test_pages_and_pictures_in_ascii_are_taken(filters: bytes, body: bytes) -> None:
    """They are kept as they came."""
    data = pdf(stream(b"/Filter %s" % filters, body), stream(b"/Filter/FlateDecode", zlib.compress(PAGE)))
    assert check_upload(data).body == data


@pytest.mark.parametrize("spell", [of_85, of_hex])
def test_nothing_hides_in_ascii(spell: Callable[[bytes], bytes]) -> None:
    """What is written so is looked into, packed as well; objects are not written so, whatever comes first."""
    code = b"ASCII85Decode" if spell is of_85 else b"ASCIIHexDecode"
    packed = spell(zlib.compress(HIDDEN))
    assert why_of(pdf(stream(b"/Filter/%s" % code, spell(HIDDEN)))) is Why.ACTIVE
    assert why_of(pdf(stream(b"/Filter[/%s/FlateDecode]" % code, packed))) is Why.ACTIVE
    assert why_of(pdf(stream(b"/Filter[/#41%s/FlateDecode]" % code[1:], packed))) is Why.ACTIVE
    objects = zlib.compress(b"7 0 <<>>")
    for about, body in (
        (b"/Type/ObjStm/N 1/First 4/Filter[/%s/FlateDecode]", spell(objects)),
        (b"/N 1/First 4/Filter/%s", spell(b"7 0 <<>>")),
        (b"/Filter[/%s/LZWDecode]", spell(PAGE)),
        (b"/Filter[/FlateDecode/%s]", zlib.compress(spell(PAGE))),
        (b"/Filter[/%s/%s]" % (code, b"%s"), spell(spell(PAGE))),
        (b"/Filter[%% x\n/%s]", spell(PAGE)),
        (b"/Filter[/%s]", spell(PAGE)[:-2]),
        (b"/Filter[/%s]", b"\x80" + spell(PAGE)),
        (b"/Filter[/%s/FlateDecode]", spell(zlib.compress(PAGE)[:2] + b"\xff" * 9)),
    ):
        assert why_of(pdf(stream(about % code, body))) is Why.DAMAGED, about


def test_what_is_not_ascii_85_is_refused() -> None:
    """More than four bytes hold, a z within five, one figure left over, a letter beyond u, no end."""
    for text in (b's8W-"~>', b"uuuuu~>", b"abzabc~>", b"abcdef~>", b"abcdv~>", b"abcde"):
        with pytest.raises(UploadRefused):
            decoded(b"A85", text, 0)
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    for _ in range(200):
        body = chance.randbytes(chance.randrange(60)) + bytes(chance.choice((0, 4, 9)))
        assert decoded(b"ASCII85Decode", of_85(body), 0)[0] == body, seed
        assert decoded(b"AHx", of_hex(body), 0)[0] == body, seed


def test_what_is_read_in_ascii_has_a_bound() -> None:
    """Streams that claim one end together are not read again and again; what comes of all is bounded."""
    many = b"\nendobj\n4 0 obj\n".join([b"<</Filter/A85>>stream\n"] * (READ_TIMES_MAX + 2))
    assert why_of(pdf(many + b"a" * 50_000 + b"~>\nendstream")) is Why.DAMAGED
    zeros = b"\nendobj\n4 0 obj\n".join([stream(b"/Filter/A85", b"z" * 1_200_000 + b"~>")] * 4)
    assert check_upload(pdf(zeros)).type == "application/pdf"
    packed = zlib.compress(bytes(66 * 1_048_576))
    assert why_of(pdf(stream(b"/Filter[/A85/Fl]", of_85(packed)))) is Why.DAMAGED


@pytest.mark.parametrize("tail", [b"\0" * 10, b"\r\n\0\0\0", b"\n\n  "])
def test_zeros_behind_the_end_are_nothing(tail: bytes) -> None:
    """What fills a block is taken; anything else behind the end is not."""
    assert check_upload(pdf() + tail).body == pdf() + tail
    assert why_of(pdf() + tail + b"x") is Why.DAMAGED
    assert why_of(pdf() + b"\0" * 2_000) is Why.DAMAGED

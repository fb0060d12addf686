"""What people may send: pictures and PDFs by their content, and no file that is two things at once."""

import random
import zlib
from typing import Any

import pytest

from ops.office.uploads.check import FILE_BYTES_MAX, check_upload
from ops.office.uploads.jpeg import SIDE_MAX
from ops.office.uploads.pdf import MARKS_MAX, READ_TIMES_MAX, STREAMS_MAX
from ops.office.uploads.refused import UploadRefused, Why
from tests.ops.uploads import JPEG, chunk, jpeg, packed_objects, pdf, png, stream, zip_end

SCRIPT = b"<script>alert(1)</script>"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


def with_segments(*segments: bytes) -> bytes:
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def why_of(data: bytes) -> Why:
    with pytest.raises(UploadRefused) as refused:
        check_upload(data)
    return refused.value.why


@pytest.mark.parametrize(
    ("data", "kind"),
    [(JPEG, "image/jpeg"), (png(), "image/png"), (pdf(), "application/pdf")],
    ids=["jpeg", "png", "pdf"],
)
def test_a_file_is_what_its_content_is(data: bytes, kind: str) -> None:
    """Name and browser are not asked; a file that was built anew is built the same once more."""
    checked = check_upload(data)
    assert checked.type == kind
    assert check_upload(checked.body) == checked


def test_pictures_leave_behind_what_is_no_picture() -> None:
    """Comments, texts, profiles and what follows the end are gone; how a photo lies is kept."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0" + SCRIPT
    body = check_upload(with_segments(segment(0xFE, SCRIPT), segment(0xE1, exif)) + SCRIPT + zip_end()).body
    assert b"script" not in body
    assert b"\x01\x12\0\x03\0\0\0\x01\0\x06" in body
    assert body.endswith(b"\xff\xd9")
    text = chunk(b"tEXt", b"Comment\0" + SCRIPT)
    assert check_upload(png(text) + SCRIPT).body == check_upload(png()).body


@pytest.mark.parametrize(
    "inside",
    [b"%PDF-1.4\n" + JPEG[-2:], SCRIPT + JPEG[-2:], b"<?php echo 1 ?>" + JPEG[-2:], zip_end(JPEG[-2:])],
    ids=["pdf", "html", "php", "zip"],
)
def test_a_picture_that_is_something_else_too_is_not_taken(inside: bytes) -> None:
    """What stands in the very pixels is not left behind: such a file is refused."""
    assert why_of(JPEG[:-2] + inside) is Why.TWO_KINDS


@pytest.mark.parametrize(
    "active",
    [
        b"<</S/JavaScript/JS(app.alert(1))>>",
        b"<</S/J#61vaScript/JS(app.alert(1))>>",
        b"<</S/Launch/F(cmd.exe)>>",
        b"<</Names<</EmbeddedFiles 4 0 R>>>>",
        b"<</S/SubmitForm/F(http://x)>>",
        b"<</S/GoToR/F(x.pdf)>>",
        b"<</AcroForm<</XFA 9 0 R>>>>",
        b"<</AcroForm<</X#46A[(template)9 0 R]>>>>",
        packed_objects(b"7 0 <</S/JavaScript/JS(app.alert(1))>>"),
        packed_objects(b"7 0 <</S/JavaScript/JS(app.alert(1))>>", b"Obj#53tm"),
    ],
)
def test_a_pdf_that_does_anything_is_not_taken(active: bytes) -> None:
    """Programs, calls and files in it are found, by whatever spelling and in compressed objects."""
    assert why_of(pdf(active)) is Why.ACTIVE


HIDDEN = b"7 0 <</S/JavaScript/JS(app.alert(1))>>"


@pytest.mark.parametrize(
    ("told", "packed"),
    [
        (b"/Type/ObjStm/Z( obj)", zlib.compress(HIDDEN)),
        (b"/Type/ObjStm/Z(%s)" % (b"x" * 70_000), zlib.compress(HIDDEN)),
        (b"/N 1/First 4", zlib.compress(HIDDEN)),
        (b"/Type/Metadata", zlib.compress(HIDDEN)),
        (b"/N 1/First 4", zlib.compress(HIDDEN)[:-1] + b"x"),
        (b"/N 1/First 4", zlib.compress(b"%s%s" % (bytes(5_000_000), HIDDEN))),
    ],
    ids=["a name in a text", "a long dictionary", "no type", "another type", "a wrong sum", "far inside"],
)
def test_what_a_stream_is_called_hides_no_program(told: bytes, packed: bytes) -> None:
    """Readers find packed objects by the cross-reference: every stream that unpacks is looked into."""
    assert why_of(pdf(stream(told + b"/Filter/FlateDecode", packed))) is Why.ACTIVE
    blank = pdf(stream(told + b"/Filter/FlateDecode", packed)).replace(b"stream\n", b"stream \r\n", 1)
    assert why_of(blank) is Why.ACTIVE


def test_objects_that_cannot_be_read_are_not_taken_and_pictures_are() -> None:
    """Packed otherwise or broken off: refused. Pixels and pages that are no objects stay what they are."""
    packed = zlib.compress(HIDDEN)
    for told, body in (
        (b"/Type/ObjStm/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1>>", packed),
        (b"/Type/ObjStm/Filter[/FlateDecode/ASCIIHexDecode]", zlib.compress(HIDDEN.hex().encode())),
        (b"/Type/ObjStm/Filter/LZWDecode", b"\x80\x0b\x60\x50"),
        (b"/Type/ObjStm/Filter/FlateDecode", packed[: len(packed) // 2]),
        (b"/Filter/FlateDecode", packed[:6] + b"\xff\xff\xff" + packed[9:]),
    ):
        assert why_of(pdf(stream(told, body))) is Why.DAMAGED, told
    pixels = random.Random(7).randbytes(400_000)
    for told, body in (
        (b"/Subtype/Image/Filter/DCTDecode", JPEG),
        (b"/Subtype/Image/Filter/FlateDecode/DecodeParms<</Predictor 15>>", zlib.compress(pixels)),
        (b"", b"BT /F1 12 Tf (80 JavaScript) Tj ET"),
        (b"", b"80 0 0 80 0 0 cm"),
    ):
        assert check_upload(pdf(stream(told, body))).type == "application/pdf", told


@pytest.mark.parametrize(
    "told",
    [
        b"/Type 5 0 R/N 1/First 4/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1>>",
        b"/N 1/First 4/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1>>",
        b"/N 6 0 R/First 7 0 R/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 1>>",
        b"/N 1/First%\n4/Filter/FlateDecode/DecodeParms 6 0 R",
        b"/N 1/First 4/Filter 6 0 R",
        b"/N 1/First 4/Filter[/FlateDecode 6 0 R]",
    ],
)
def test_objects_are_known_without_their_type(told: bytes) -> None:
    """By where the first of them begins: what hides names in them, here or elsewhere, is refused."""
    rows = zlib.compress(b"".join(b"\0%c" % byte for byte in HIDDEN))
    assert why_of(pdf(stream(told, rows))) is Why.DAMAGED


def test_what_is_said_of_a_stream_is_not_cut_by_a_text() -> None:
    """A text that has the word in it, or a whole other object, parts nothing of what a reader reads there."""
    rows = zlib.compress(b"".join(b"\0%c" % byte for byte in HIDDEN))
    predictor = b"/DecodeParms<</Predictor 12/Columns 1>>"
    objects = b"/N 1/First 4/Filter/FlateDecode"
    for text in (
        b"(stream\n)",
        b"(>>stream\n)",
        b"((\\)>>stream\n) endstream\n)",
        b"(>>\nstream\nendstream\nendobj\n7 0 obj\n<</Z\\()",
        b"%>>stream\n",
        b"<< /Y (>>stream\r\n) >>",
        b"<4(<1>stream\n",
        b"[(>>stream\n)]",
    ):
        for told in (
            b"/N 6 0 R/Z " + text + b"/First 7 0 R/Filter/FlateDecode" + predictor,
            predictor + b"/Z " + text + objects,
            objects + b"/Z " + text + predictor,
            b"/Filter 6 0 R/Z " + text + b"/N 1/First 4",
        ):
            assert why_of(pdf(stream(told, rows))) is Why.DAMAGED, (text, told)
    for brackets in (b"[>>stream\n]", b"<<]>>stream\n"):
        assert why_of(pdf(stream(predictor + b"/Z " + brackets + objects, rows))) is Why.DAMAGED, brackets
    assert why_of(pdf(stream(objects, rows)).replace(b"stream\n", b"stream junk\n", 1)) is Why.DAMAGED


def test_objects_within_texts_are_not_read_again_and_again() -> None:
    """What is read of dictionaries has a bound as well, and a page that only speaks of objects is taken."""
    for begun in (b"1 0 obj<<", b"obj%", b"obj<", b"obj<<("):
        assert why_of(pdf(begun * 40_000)) is Why.DAMAGED
    half = pdf(b"<<%s>>" % (b"/A<41>" * (MARKS_MAX // 5)))
    assert check_upload(half).body == half
    assert why_of(pdf(b"<<%s>>" % (b"/A[[]]" * (MARKS_MAX // 4 + 1)))) is Why.DAMAGED
    honest = b"<</Title(obj << stream\n of words \\) >>)/A<41>>>\nendobj\n" * 2_000
    assert check_upload(pdf(honest)).type == "application/pdf"


@pytest.mark.parametrize("code", [b"LZWDecode", b"RunLengthDecode"])
def test_streams_in_codes_nobody_uses_are_not_taken(code: bytes) -> None:
    """Names in them are not read, whatever the stream is said to be."""
    assert why_of(pdf(stream(b"/Type 5 0 R/Filter/%s" % code, HIDDEN.hex().encode() + b">"))) is Why.DAMAGED
    assert why_of(pdf(stream(b"/Filter[/FlateDecode/%s]" % code, zlib.compress(HIDDEN)))) is Why.DAMAGED


def test_outlines_are_no_objects_and_one_filter_in_an_array_is_one() -> None:
    """Chapters and fonts before a picture make it no stream of objects; these are read to their end."""
    outlines = (
        b"<</First 9 0 R/Last 12 0 R/Count 2>>\nendobj\n4 0 obj\n<</FirstChar 32/LastChar 99>>\nendobj\n"
    )
    picture = stream(b"/Subtype/Image/Filter/DCTDecode", JPEG)
    objects = stream(b"/Type/ObjStm/N 1/First 4/Filter [ /FlateDecode ]", zlib.compress(b"7 0 <<>>"))
    for whole in (outlines + b"5 0 obj\n" + picture, objects):
        assert check_upload(pdf(whole)).body == pdf(whole)


class Counted:
    """What unpacks, and how many bytes all of its kind were given."""

    given = 0

    def __init__(self, made: Any) -> None:
        self._made = made

    def decompress(self, piece: memoryview) -> bytes:
        Counted.given += len(piece)
        return bytes(self._made.decompress(piece))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


def test_streams_within_streams_are_not_read_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read has a bound, as what comes of it has: a few times the length of the file."""
    token = b"stream\n\x78\x9c"
    stored = b"\0" + len(token).to_bytes(2, "little") + (0xFFFF ^ len(token)).to_bytes(2, "little") + token
    nothing, last = b"\0\0\0\xff\xff", b"\x01\0\0\xff\xff"
    data = pdf(stream(b"/Filter/FlateDecode", b"\x78\x9c" + stored * 60 + nothing * 20_000 + last))
    monkeypatch.setattr(Counted, "given", 0)
    make = zlib.decompressobj
    monkeypatch.setattr(zlib, "decompressobj", lambda bits: Counted(make(bits)))
    assert why_of(data) is Why.DAMAGED
    assert Counted.given <= (READ_TIMES_MAX + 1) * len(data)


def test_a_pdf_has_at_most_so_many_streams() -> None:
    """Each is looked into, so there is a bound; within it a file is kept as it came."""
    tiny = stream(b"/Type/ObjStm/Filter/FlateDecode", zlib.compress(b"1 0 2"))
    few, many = (pdf(b"\nendobj\n4 0 obj\n".join([tiny] * count)) for count in (900, STREAMS_MAX))
    assert check_upload(few).body == few
    assert why_of(many) is Why.DAMAGED


def test_a_locked_pdf_and_one_with_something_around_it_are_not_taken() -> None:
    """It begins at its first byte and ends at its last, and nobody needs a password."""
    assert why_of(pdf().replace(b"/Size 3", b"/Size 3/Encrypt 5 0 R")) is Why.LOCKED
    assert why_of(b"<html>" + pdf()) is Why.NO_KIND
    assert why_of(pdf() + SCRIPT) is Why.DAMAGED
    assert why_of(pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4\n%" + SCRIPT + b"\n")) is Why.TWO_KINDS
    archive = zip_end(b"\nstartxref\n9\n%%EOF\n")
    assert why_of(pdf() + archive) is Why.TWO_KINDS
    assert why_of(pdf(packed_objects(b"x" * 70_000_000))) is Why.DAMAGED


@pytest.mark.parametrize(
    "data", [b"GIF89a", b"<svg xmlns='x'/>", b"PK\x03\x04", b"MZ", b"\0" * 100, b"RIFF0000WEBP"]
)
def test_other_kinds_are_not_taken(data: bytes) -> None:
    """Three kinds are taken, and the rest is told so."""
    assert why_of(data) is Why.NO_KIND


def test_sizes_have_bounds() -> None:
    """Nothing, too many bytes, too many pixels, pixels that unpack to more than they say."""
    assert why_of(b"") is Why.EMPTY
    assert why_of(JPEG + bytes(FILE_BYTES_MAX)) is Why.TOO_LARGE
    assert why_of(jpeg(1, SIDE_MAX + 1)) is Why.TOO_MANY_PIXELS
    assert why_of(png(width=60_000, height=60_000, raw=b"")) is Why.TOO_MANY_PIXELS
    assert why_of(png(raw=bytes(50_000_000))) is Why.DAMAGED
    assert why_of(png(width=3, height=2, raw=b"\x09" + b"\x7f" * 3 + b"\0" + b"\x7f" * 3)) is Why.DAMAGED
    assert check_upload(png(width=1, height=1, interlace=1, raw=b"\0\x7f")).type == "image/png"


@pytest.mark.parametrize(
    "data", [JPEG, png(width=3, height=2), pdf(packed_objects(b"7 0 <<>>"))], ids=["jpeg", "png", "pdf"]
)
def test_a_damaged_file_is_refused_and_breaks_nothing(data: bytes) -> None:
    """Cut anywhere or with any byte changed: it is kept or refused, by the one error."""
    chance = random.Random(88)
    cut = [data[:length] for length in range(len(data))]
    changed = [
        data[:place] + bytes((chance.randrange(256),)) + data[place + 1 :]
        for place in (chance.randrange(len(data)) for _ in range(600))
    ]
    taken = 0
    for broken in (*cut, *changed):
        try:
            check_upload(broken)
        except UploadRefused:
            continue
        taken += 1
    assert taken < len(cut) + len(changed) - 300

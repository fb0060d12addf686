"""Files of the hostile at every way in: each is refused, or kept and given out as what runs nowhere.

One table of cases, one of ways. A page that takes a file and is not among the ways fails the test.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog.testing

import ops.web
from ops.office.uploads.check import FILE_BYTES_MAX
from ops.office.uploads.refused import Why
from ops.web.desk.words import DESK
from tests.ops.test_uploads import HIDDEN, SCRIPT, segment, with_segments
from tests.ops.uploads import JPEG, chunk, packed_objects, pdf, png, stream, zip_end
from tests.web.office_stage import Client, OfficeStage, Reply
from tests.web.test_apply import sent
from tests.web.test_desk import take

PHP = b"<?php system($_GET['c']); ?>"
EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0"


def archive() -> bytes:
    """An archive with a page in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("index.html", SCRIPT)
    return out.getvalue()


def bomb(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


class Case(NamedTuple):
    """A file, and what becomes of it: why it is refused, or as which type it is kept."""

    data: bytes
    becomes: Why | str
    name: str = "photo.jpg"


HOSTILE: dict[str, Case] = {
    "PDF with HTML at its head": Case(
        pdf().replace(b"%PDF-1.4\n", b"%PDF-1.4\n%<html>" + SCRIPT + b"\n"), Why.TWO_KINDS, "a.pdf"
    ),
    "HTML before a PDF": Case(b"<!doctype html>" + SCRIPT + pdf(), Why.NO_KIND, "a.pdf"),
    "HTML behind a PDF": Case(pdf() + SCRIPT, Why.DAMAGED, "a.pdf"),
    "GIF that is JavaScript": Case(b"GIF89a/*" + bytes(9) + b"*/=1;alert(1)//", Why.NO_KIND, "a.gif"),
    "PNG with an archive behind it": Case(png() + archive(), "image/png", "a.png"),
    "PNG with an archive in a chunk": Case(png(chunk(b"ziPp", archive())), "image/png", "a.png"),
    "PNG with HTML in a text": Case(png(chunk(b"tEXt", b"Title\0" + SCRIPT)), "image/png", "a.png"),
    "SVG with a script": Case(b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>", Why.NO_KIND),
    "SVG behind XML's declaration": Case(b"<?xml version='1.0'?><svg>" + SCRIPT, Why.NO_KIND, "a.png"),
    "JPEG with PHP in its Exif": Case(with_segments(segment(0xE1, EXIF + PHP)), "image/jpeg"),
    "JPEG with HTML in its Exif": Case(with_segments(segment(0xE1, EXIF + SCRIPT)), "image/jpeg"),
    "JPEG with HTML in a comment": Case(with_segments(segment(0xFE, SCRIPT)), "image/jpeg", "a.jpg.html"),
    "JPEG with PHP in its pixels": Case(JPEG[:-2] + PHP + JPEG[-2:], Why.TWO_KINDS, "a.php.jpg"),
    "JPEG that is an archive": Case(JPEG[:-2] + zip_end(JPEG[-2:]), Why.TWO_KINDS),
    "JPEG that is a PDF": Case(JPEG[:-2] + b"%PDF-1.4\n" + JPEG[-2:], Why.TWO_KINDS, "a.pdf"),
    "PDF with a program": Case(pdf(b"<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>"), Why.ACTIVE),
    "PDF that starts a program": Case(pdf(b"<</S/Launch/Win<</F(cmd.exe)>>>>"), Why.ACTIVE, "a.pdf"),
    "PDF with a file in it": Case(pdf(b"<</Names<</EmbeddedFiles 4 0 R>>>>"), Why.ACTIVE, "a.pdf"),
    "PDF with a form that has programs": Case(pdf(b"<</AcroForm<</XFA[9 0 R]>>>>"), Why.ACTIVE, "a.pdf"),
    "PDF with a program in packed objects": Case(pdf(packed_objects(HIDDEN)), Why.ACTIVE, "a.pdf"),
    "PDF that is an archive": Case(pdf() + zip_end(b"\nstartxref\n9\n%%EOF\n"), Why.TWO_KINDS, "a.pdf"),
    "archive that is called a PDF": Case(archive(), Why.NO_KIND, "a.pdf"),
    "page that is called a picture": Case(b"<!doctype html>" + SCRIPT, Why.NO_KIND, "a.png"),
    "text that a browser would guess at": Case(b"\n" * 600 + SCRIPT, Why.NO_KIND, "a.txt"),
    "program of Windows": Case(b"MZ" + bytes(100), Why.NO_KIND, "a.pdf.exe"),
    "PNG that unpacks to far more": Case(png(raw=bytes(50_000_000)), Why.DAMAGED, "a.png"),
    "PNG of more pixels than there are": Case(png(width=60_000, height=60_000, raw=b""), Why.TOO_MANY_PIXELS),
    "PDF that unpacks to far more": Case(
        pdf(stream(b"/Filter/FlateDecode", bomb(70_000_000))), Why.DAMAGED, "a.pdf"
    ),
    "nothing": Case(b"", Why.EMPTY),
}
NAMES = {
    "up the folders": "../../../../etc/cron.d/x.jpg",
    "up the folders of Windows": "..\\..\\windows\\x.jpg",
    "an absolute one": "/etc/passwd",
    "a NUL in it": "a.jpg\0.html",
    "escaped": "%2e%2e%2fa.html%00.jpg",
    "written from right to left": "photo\u202egpj.exe",
    "two endings": "photo.html.jpg",
    "another ending": "photo.html",
    "a header in it": "a.jpg%22%0d%0aSet-Cookie: x=1",
    "markup": "<img src=x onerror=alert(1)>.jpg",
    "too long": "x" * 5_000 + ".jpg",
    "a device": "CON.jpg",
    "only dots": "...",
}


def parts(client: Client, file: bytes, name: str, **fields: str) -> tuple[bytes, str]:
    """A form with a file, as a browser sends it: body and its type."""
    said = {"csrf": client.csrf, **fields}
    body = "".join(
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in said.items()
    )
    body += f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body += "Content-Type: text/html\r\n\r\n"
    return body.encode() + file + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


def post(client: Client, path: str, file: bytes, name: str, **fields: str) -> Reply:
    body, kind = parts(client, file, name, **fields)
    return client.ask("POST", path, body, Content_Type=kind)


class Way(NamedTuple):
    """A page that takes files, and one that can be sent a file now."""

    template: str
    told: Callable[[Why], tuple[int, str]]
    send: Callable[[bytes, str], Reply]


CLERKS: dict[str, Client] = {}
"""Who has signed in, by login: an application has room for eight files, a clerk for any."""


def clerk_of(office: OfficeStage, login: str) -> Client:
    if login not in CLERKS:
        CLERKS[login] = office.signed_in("zgierz", login)
    return CLERKS[login]


def at_the_desk(office: OfficeStage) -> Way:
    clerk = clerk_of(office, "clerk")
    path = take(clerk, pesel="", born_on="1970-02-03")
    clerk.get(path)
    return Way(
        "desk_application.html",
        lambda why: (409, DESK[f"dk_up_{why}"][1]),
        lambda file, name: post(clerk, f"{path}/files", file, name, kind="tax"),
    )


def of_a_holder(office: OfficeStage) -> Way:
    office.write(
        f"update registry.holder set entitled_until = null where account = {office.accounts['ela3']}"
    )
    holder = office.signed_in("zgierz", "ela")
    holder.get("/en/me/renewal")
    return Way(
        "holder_renewal.html",
        lambda _: (400, "file"),
        lambda file, name: post(holder, "/en/me/renewal", file, name, tax_year="2025"),
    )


def of_a_holder_s_application(office: OfficeStage) -> Way:
    office.new_member("files", "zgierz")
    holder = office.signed_in("zgierz", "files")
    holder.get("/en/me/renewal")
    path = holder.post("/en/me/renewal", tax_year="2025").header("location").partition("?")[0]
    return Way(
        "application_steps.html",
        lambda _: (400, "file"),
        lambda file, name: post(holder, path, file, name, act="file", kind="tax"),
    )


def of_an_applicant(office: OfficeStage) -> Way:
    client, path = sent(office, "files@somewhere.example", pesel="", born_on="1971-03-04")
    return Way(
        "application_steps.html",
        lambda _: (400, "file"),
        lambda file, name: post(client, path, file, name, act="file", kind="photo"),
    )


WAYS = (at_the_desk, of_a_holder, of_a_holder_s_application, of_an_applicant)


@pytest.fixture(scope="module", autouse=True)
def everywhere(office: OfficeStage) -> Iterator[None]:
    """A clerk at no desk, who meets every application."""
    office.officer(3, "clerk-of-all", "clerk", desk="")
    yield
    CLERKS.clear()


@pytest.fixture(scope="module", params=WAYS, ids=lambda made: made.__name__)
def way(office: OfficeStage, request: pytest.FixtureRequest) -> Way:
    """Each way in turn."""
    found: Way = request.param(office)
    return found


def kept(office: OfficeStage) -> int:
    return int(office.sql("select coalesce(max(number), 0) from people.attachment")[0][0])


def test_every_page_that_takes_a_file_is_a_way(office: OfficeStage) -> None:
    """Found in the templates and in the pages' code: a new one fails here until it is among the ways."""
    here = Path(ops.web.__file__).parent
    taking = {path.name for path in here.rglob("*.html") if 'type="file"' in path.read_text("utf-8")}
    assert taking == {"desk_application.html", "holder_renewal.html", "application_steps.html"}, (
        "each is a way"
    )
    reading = {
        path.name
        for path in here.rglob("*.py")
        if re.search(r"isinstance\(\w+, UploadFile\)", path.read_text())
    }
    assert reading == {"application_pages.py", "application_state.py", "asking_pages.py", "forms.py"}


@pytest.mark.parametrize("case", [each for each in HOSTILE if isinstance(HOSTILE[each].becomes, Why)])
def test_a_hostile_file_is_refused_at_every_way(office: OfficeStage, way: Way, case: str) -> None:
    """The page says so, nothing of it is kept, and nothing of it comes back."""
    data, why, name = HOSTILE[case]
    assert isinstance(why, Why)
    before = kept(office)
    if not data and way.template == "holder_renewal.html":
        return  # a renewal needs no file: an empty field is none
    reply = way.send(data, name)
    assert reply.status == way.told(why)[0], reply.text
    assert way.told(why)[1] in reply.text
    assert kept(office) == before
    assert SCRIPT not in reply.body
    assert reply.header("content-type").startswith("text/html")


def given_out(office: OfficeStage, number: int) -> Reply:
    """What the desk gives out of a file that was kept."""
    (row,) = office.sql("select application from people.attachment where number = $1", number)
    return clerk_of(office, "clerk-of-all").get(f"/en/desk/applications/{row['application']}/files/{number}")


def assert_inert(reply: Reply, kind: str) -> None:
    """To keep, of the type that its content is, under a name of ours, and in a box where nothing runs."""
    assert reply.status == 200
    assert reply.header("content-type") == kind
    suffix = {"image/jpeg": "jpg", "image/png": "png", "application/pdf": "pdf"}[kind]
    assert re.fullmatch(
        rf'attachment; filename="[0-9]+-[0-9]+-[a-z]+\.{suffix}"', reply.header("content-disposition")
    )
    assert reply.header("x-content-type-options") == "nosniff"
    policies = [value for key, value in reply.headers if key.lower() == "content-security-policy"]
    assert "sandbox; default-src 'none'" in policies
    assert reply.header("cross-origin-resource-policy") == "same-origin"
    assert reply.header("cache-control") == "no-store"
    for rest in (SCRIPT, PHP, b"PK\x03\x04", b"PK\x05\x06", b"index.html", b"<svg", b"alert"):
        assert rest not in reply.body


@pytest.mark.parametrize("case", [each for each in HOSTILE if not isinstance(HOSTILE[each].becomes, Why)])
def test_what_is_kept_of_a_hostile_file_is_the_picture(office: OfficeStage, case: str) -> None:
    """What rode in it is gone, and the picture is given out so that nothing could run."""
    data, kind, name = HOSTILE[case]
    before = kept(office)
    reply = at_the_desk(office).send(data, name)
    assert reply.status == 303, reply.text
    assert kept(office) == before + 1
    assert_inert(given_out(office, before + 1), str(kind))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_file_s_name_decides_nothing(office: OfficeStage, name: str) -> None:
    """Neither where it lies nor what it is given out as: the name is nowhere afterwards."""
    before = kept(office)
    reply = at_the_desk(office).send(png(), name)
    assert reply.status in {303, 400}, (reply.status, reply.text)
    assert reply.status == 303 or kept(office) == before
    if reply.status == 303:
        given = given_out(office, before + 1)
        assert_inert(given, "image/png")
        ending = re.split(r"[./\\]", name)[-1]
        assert not any(ending and ending in value and ending != "jpg" for _, value in given.headers)
    assert not list(office.directory.rglob("*cron.d*")), "nothing is a file of its name"


MULTIPART = "multipart/form-data; boundary=edge"
FIELD = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
BROKEN: dict[str, tuple[str, bytes]] = {
    "no boundary": ("multipart/form-data", FIELD),
    "another boundary": ("multipart/form-data; boundary=other", FIELD),
    "cut in a header": (MULTIPART, FIELD[:20]),
    "a header too long": (MULTIPART, FIELD.replace(b'"a"', b'"%s"' % (b"a" * 9_000))),
    "a header too many": (MULTIPART, b"--edge\r\n" + b"X: y\r\n" * 500 + FIELD[8:]),
    "a part without a name": (MULTIPART, FIELD.replace(b'; name="a"', b"")),
    "a part without a head": (MULTIPART, b"--edge\r\n\r\nb\r\n--edge--"),
    "a charset that is none": (f"{MULTIPART}; charset=undefined", FIELD + b"--edge--"),
    "a charset that cannot be": (
        f"{MULTIPART}; charset=idna",
        FIELD.replace(b'"a"', b'"xn--a"') + b"--edge--",
    ),
    "too many parts": (MULTIPART, FIELD * 201 + b"--edge--"),
    "too many files": (MULTIPART, FIELD.replace(b'"a"', b'"a"; filename="x"') * 13 + b"--edge--"),
    "a part too large": (MULTIPART, FIELD.replace(b"b\r\n", b"b" * 40_000 + b"\r\n") + b"--edge--"),
    "bytes of nothing": (MULTIPART, bytes(range(256)) * 8),
    "fields of nothing": ("application/x-www-form-urlencoded", bytes(range(256)) * 8),
    "too many fields": ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 5_000)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_form_that_is_broken_is_refused_as_one(office: OfficeStage, case: str) -> None:
    """By who is no one and who is in: 400, and no line of the log as for a fault of ours."""
    kind, body = BROKEN[case]
    with structlog.testing.capture_logs() as lines:
        for client, path in (
            (office.client(), "/en/login"),
            (clerk_of(office, "clerk-of-all"), "/en/desk/applications/1/files"),
        ):
            assert client.ask("POST", path, body, Content_Type=kind).status == 400, path
    assert [line for line in lines if line["event"] == "page_failed"] == []


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_the_size_has_its_bound_to_the_byte(office: OfficeStage, more: int) -> None:
    """5,000,000 bytes are taken, one more is not; far more is refused before a form is read."""
    filled = JPEG[:-2] + bytes(FILE_BYTES_MAX - len(JPEG) + more) + JPEG[-2:]
    assert len(filled) == FILE_BYTES_MAX + more
    desk = at_the_desk(office)
    before = kept(office)
    reply = desk.send(filled, "photo.jpg")
    assert reply.status == (409 if more > 0 else 303), reply.text
    assert kept(office) == before + (more <= 0)
    if more > 0:
        assert DESK["dk_up_too_large"][1] in reply.text
        assert desk.send(bytes(FILE_BYTES_MAX + 100_000), "photo.jpg").status == 413

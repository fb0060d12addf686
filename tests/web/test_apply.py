"""Applying on line by who has no card: the address is confirmed, the form goes in steps, and what is sent can
be found again by its applicant alone.
"""

import re
import string
import time
from pathlib import Path
from typing import NamedTuple

import pytest
import trio

from ledger.registry.notices import Due
from ledger.registry.secrets import MasterKey
from ops.notices.addresses import addresses
from ops.notices.channels import Message
from ops.notices.sender import Addressee
from ops.office.applications import ApplicationDesk
from ops.office.online import INVITED_S, Invitations
from ops.web.holder.words_apply import consent_version
from tests.ops.uploads import png
from tests.web.office_stage import TESTER, Client, OfficeStage

XSS = "<script>alert(1)</script>\"'><img src=x>"
GOOD = {
    "whose": "self",
    "name": "Jan Zażółć",
    "pesel": "44051401359",
    "address": "Rynek 1, 95-100 Zgierz",
    "phone": "600100200",
    "channel": "email",
    "pickup": "",
    "consent_data": "yes",
    "consent_newsletter": "",
    "rules_accepted": "yes",
    "born_on": "",
    "guardian": "",
    "guardian_phone": "",
    "tax_year": "2025",
}


class Applicant(NamedTuple):
    """A stranger with an address, and the path of the form that was sent to it."""

    client: Client
    form: str


def mailed(office: OfficeStage) -> list[Path]:
    """The letters, once none is on its way."""

    async def settled(_owner: object) -> None:
        await office.mail.settled()

    office.run(settled)
    return list((office.directory / "mail").glob("*.eml"))


def newest_letter(office: OfficeStage) -> str:
    letters = sorted(mailed(office), key=lambda path: path.stat().st_mtime_ns)
    return letters[-1].read_text().replace("=\n", "").replace("=3D", "=")


def letters(office: OfficeStage) -> int:
    return len(mailed(office))


def invited(office: OfficeStage, email: str, city: str = "zgierz") -> Applicant:
    office.forget_attempts()
    client = office.client()
    client.get("/en/apply")
    asked = client.post("/en/apply", programme=city, email=email)
    assert "on its way" in client.get(asked.header("location")).text
    path = re.findall(r"/en/apply/form/[A-Za-z0-9_-]+", newest_letter(office))[0]
    assert "Whom is the card for" in client.get(path).text
    return Applicant(client, path)


def pickup(office: OfficeStage, applicant: Applicant) -> str:
    page = applicant.client.post(applicant.form, step="1", go="next", **GOOD).text
    found = re.search(r'<option value="([^"]+)" >', page.partition('id="pickup"')[2])
    return found[1] if found else ""


def sent(office: OfficeStage, address: str, **change: str) -> tuple[Client, str]:
    """Send an application; return who did, and the path of its page."""
    applicant = invited(office, address)
    said = {**GOOD, "pickup": pickup(office, applicant), **change}
    reply = applicant.client.post(applicant.form, step="3", go="next", **said)
    assert reply.status == 303, reply.text
    path = reply.header("location").partition("?")[0]
    applicant.client.get(path)
    return applicant.client, path


def send_file(client: Client, path: str, file: bytes, kind: str = "photo") -> int:
    parts = [("csrf", "", client.csrf.encode()), ("act", "", b"file"), ("kind", "", kind.encode())]
    parts.append(("file", '; filename="x.pdf"', file))
    body = b"".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"
        for name, more, value in parts
    )
    return client.ask(
        "POST", path, body + b"--x--\r\n", Content_Type="multipart/form-data; boundary=x"
    ).status


def number_at(client: Client, path: str) -> int:
    return int(re.findall(r"Application no. (\d+)", client.get(path).text)[0])


def test_an_application_comes_to_the_desk_like_one_of_the_counter(office: OfficeStage) -> None:
    """In steps, and back; it has a number, files, the text that was agreed to; the desk has it listed."""
    applicant = invited(office, "jan@example.org")
    client, form = applicant
    desk = pickup(office, applicant)
    said = {**GOOD, "pickup": desk}
    page = client.post(form, step="1", go="next", **said).text
    assert "Step 2 of 3" in page
    page = client.post(form, step="2", go="next", **said).text
    assert "Step 3 of 3" in page
    assert "Jan Zażółć" in page
    assert "Step 2 of 3" in client.post(form, step="3", go="back", **said).text
    before = office.sql("select count(*) from people.application")[0][0]
    reply = client.post(form, step="3", go="next", **said)
    assert reply.status == 303
    path = reply.header("location").partition("?")[0]
    assert path in newest_letter(office)
    page = client.get(path).text
    assert "received" in page
    number = number_at(client, path)
    assert office.sql("select count(*) from people.application")[0][0] == before + 1
    kept = office.sql(
        "select a.kind, a.via, a.account, a.state, o.texts from people.application a "
        "join people.online_application o on o.application = a.number where a.number = $1",
        number,
    )[0]
    assert tuple(kept) == ("first", "web", None, "received", consent_version("en"))
    accepted = office.sql(
        "select via, version, taken_by from people.acceptance where application = $1", number
    )
    assert [tuple(row) for row in accepted] == [("web", 1, "applicant")]
    for file in (b"<html><script>", b"%PDF-1.4 no more"):
        assert send_file(client, path, file) == 400
    assert send_file(client, path, png()) == 303
    assert "photo" in client.get(path).text
    clerk = office.signed_in("zgierz", "clerk")
    assert f"/desk/applications/{number}" in clerk.get(f"/en/desk/applications/{number}").text
    raw = str(
        office.sql("select t::text from people.application t")
        + office.sql("select t::text from registry.audit t")
    )
    for secret in ("Zażółć", "44051401359", "jan@example.org"):
        assert secret not in raw


def test_what_lacks_and_what_cannot_be_is_said_at_its_step(office: OfficeStage) -> None:
    """Nothing is taken before it is whole; what was typed stands in the page as text and in no message."""
    applicant = invited(office, "krok@example.org")
    client, form = applicant
    desk = pickup(office, applicant)
    before = office.sql("select count(*) from people.application")[0][0]
    for step, change in (
        ("1", {"name": ""}),
        ("1", {"whose": ""}),
        ("1", {"pesel": "44051401358"}),
        ("1", {"pesel": "", "born_on": ""}),
        ("1", {"pesel": "", "born_on": "2999-01-01"}),
        ("1", {"pesel": "", "born_on": "soon"}),
        ("2", {"address": ""}),
        ("2", {"whose": "child", "guardian": ""}),
        ("2", {"pesel": "", "born_on": "2020-01-01"}),
        ("2", {"channel": "sms", "phone": ""}),
        ("2", {"channel": "sms", "phone": "abc"}),
        ("2", {"whose": "child", "guardian": "P", "pesel": "", "born_on": "1990-01-01"}),
        ("3", {"tax_year": "2017"}),
        ("3", {"consent_data": ""}),
        ("3", {"rules_accepted": ""}),
        ("3", {"name": ""}),
        ("3", {"tax_year": "x"}),
        ("3", {"tax_year": "2999"}),
    ):
        said = {**GOOD, "pickup": desk, **change}
        assert client.post(form, step=step, go="next", **said).status == 400, (step, change)
    for step, change in (
        ("9", {}),
        ("1", {"whose": "cat"}),
        ("1", {"name": "x" * 201}),
        ("2", {"channel": "x"}),
    ):
        assert client.post(form, step=step, go="next", **{**GOOD, **change}).status == 400
    for field in ("name", "address", "guardian", "phone"):
        page = client.post(form, step="3", go="back", **{**GOOD, field: XSS[:30], "whose": "child"}).text
        assert "<script>alert" not in page
    assert office.sql("select count(*) from people.application")[0][0] == before


def test_a_child_s_is_its_parent_s(office: OfficeStage) -> None:
    """The parent is asked for, and the confirmed address is the parent's, whatever is typed."""
    client, path = sent(
        office, "mama@example.org", whose="child", name="Zosia Mała", pesel="", born_on="2019-05-06",
        guardian="Maria Mała", email="other@example.org", pickup="Nowhere",
    )  # fmt: skip
    number = number_at(client, path)
    desk = ApplicationDesk(office.offices[3].database, office.master, 3)

    async def show(_owner: object) -> object:
        return (await desk.show(number)).form

    form = office.run(show)
    assert (form.guardian, form.guardian_email, form.email, form.pickup) == (  # type: ignore[attr-defined]
        "Maria Mała", "mama@example.org", "mama@example.org", ""
    )  # fmt: skip


def test_an_applicant_without_an_account_is_told_by_e_mail(office: OfficeStage) -> None:
    """A call, a refusal: to the address that was confirmed; of an application that is gone there is none."""
    client, path = sent(office, "list@example.org")
    number = number_at(client, path)
    lookup = addresses(office.master.vault)

    def whom(data: dict[str, object]) -> Addressee | None:
        due = Due(3, 1, None, "application.called", data, 0)
        return office.run(lambda owner: owner.run(lambda c: lookup(c, due)))

    found = whom({"application": number, "kind": "first"})
    assert found is not None
    assert (found.name, found.email, found.channel) == ("Jan Zażółć", "list@example.org", "email")
    for data in ({}, {"application": "x"}, {"application": 10**9}, {"application": -1}):
        assert whom(dict(data)) is None


def test_called_completed_changed_withdrawn(office: OfficeStage) -> None:
    """What the desk says stands on the page; data are corrected, it is completed, and withdrawn for good."""
    client, path = sent(office, "ewa@example.org")
    number = number_at(client, path)
    assert client.post(path, act="complete").status == 400
    desk = ApplicationDesk(office.offices[3].database, office.master, 3)

    async def call(_owner: object) -> None:
        await desk.call(TESTER, number, f"proszę o {XSS}")

    office.run(call)
    page = client.get(path).text
    assert "proszę o &lt;script&gt;" in page
    assert "<script>alert" not in page
    page = client.get(f"{path}/data").text
    assert "Jan Zażółć" in page
    shown = {**GOOD, "pickup": pickup_of(page), "name": "Jan Poprawny", "email": "x@y.example"}
    assert client.post(f"{path}/data", **{**shown, "name": ""}).status == 400
    assert client.post(f"{path}/data", **shown).status == 303
    assert "Jan Poprawny" in client.get(f"{path}/data").text
    client.get(path)
    assert client.post(path, act="complete").status == 303
    assert "received" in client.get(path).text
    assert client.post(path, act="withdraw").status == 400
    assert client.post(path, act="withdraw", sure="yes").status == 303
    assert "withdrawn" in client.get(path).text
    assert client.post(path, act="withdraw", sure="yes").status == 400
    assert client.get(f"{path}/data").status == 404
    assert client.post(f"{path}/data", **shown).status == 400
    assert send_file(client, path, png()) == 400


def pickup_of(page: str) -> str:
    found = re.search(r'<option value="([^"]+)" selected>', page.partition('id="pickup"')[2])
    return found[1] if found else ""


@pytest.mark.parametrize("email", ["a@b.pl", "aa@b.pl", "aaa@b.pl"])
def test_a_token_has_one_spelling(email: str) -> None:
    """Whatever its last character is made: by its length two or four bits of it would be read by nobody."""
    key = Invitations(MasterKey(b"w" * 32, b"p" * 32))
    token = key.make(3, email, 0.0)
    last = string.ascii_letters + string.digits + "-_"
    assert [each for each in last if key.read(token[:-1] + each, 0.0)] == [token[-1]]


def test_a_secret_leads_to_one_application_and_nothing_else_does(office: OfficeStage) -> None:
    """Numbers, other cities' prefixes, cut and altered secrets, tokens of links: not found by any method."""
    client, path = sent(office, "sekret@example.org")
    secret = path.rpartition("/")[2]
    for wrong in (
        str(number_at(client, path)), secret[:-1], secret.replace("3.", "1.", 1),
        secret.replace("3.", "9.", 1),
        f"{secret}x", "x" * 5000, "%00", "3." + "A" * 43,
    ):  # fmt: skip
        for suffix in ("", "/data"):
            assert client.get(f"/en/apply/state/{wrong}{suffix}").status == 404, wrong
            assert client.post(f"/en/apply/state/{wrong}{suffix}", act="withdraw", sure="yes").status == 404
    key = Invitations(office.master)
    good = key.make(3, "a@b.example", time.time())
    assert key.read(good, time.time() + INVITED_S + 1) is None
    for token in (good[:-2], good[:-1] + ("A" if good[-1] != "A" else "B"), "x", "x" * 700, "%E2%82%AC"):
        assert client.get(f"/en/apply/form/{token}").status == 404


def test_no_request_says_where_a_letter_leads(office: OfficeStage) -> None:
    """Who asks by another address gets a letter to the site's own: a stranger's would collect the secret."""
    office.forget_attempts()
    client = office.client()
    client.known_as = "203.0.113.9"
    client.get("/en/apply")
    assert client.post("/en/apply", programme="zgierz", email="host@example.org").status == 303
    letter = newest_letter(office)
    assert f"{office.relying.origin}/en/apply/form/" in letter
    assert "203.0.113.9" not in letter


def test_letters_and_applications_are_bounded(office: OfficeStage) -> None:
    """Two letters to an address in a quarter of an hour, five applications a day; told in the same words."""
    office.forget_attempts()
    client = office.client()
    client.get("/en/apply")
    before = letters(office)
    for _ in range(4):
        reply = client.post("/en/apply", programme="zgierz", email="Wiele@example.org")
        assert (reply.status, reply.header("location")) == (303, "/en/apply?sent=1")
    assert letters(office) == before + 2
    known = client.post("/en/apply", programme="zgierz", email="holder0@city3.example")
    assert (known.status, known.header("location"), known.text) == (303, "/en/apply?sent=1", reply.text)
    assert "on its way" in client.get("/en/apply?sent=1").text
    for email in ("", "x", "a@b", "a b@example.org", "a@example.org\r\nBcc: b@example.org", "ż@example.org"):
        assert client.post("/en/apply", programme="zgierz", email=email).status == 400, email
    assert client.post("/en/apply", programme="atlantis", email="a@example.org").status == 400
    applicant = invited(office, "piec@example.org")
    said = {**GOOD, "pickup": pickup(office, applicant)}
    count = [applicant.client.post(applicant.form, step="3", go="next", **said).status for _ in range(6)]
    assert count == [303] * 5 + [429]
    office.forget_attempts()
    for _ in range(20):
        client.post("/en/apply", programme="zgierz", email=f"n{_}@example.org")
    assert client.post("/en/apply", programme="zgierz", email="last@example.org").status == 429


class Held:
    """A mail server that takes its time: until it is let go."""

    def __init__(self) -> None:
        self.let_go = trio.Event()
        self.begun = 0

    async def send(self, message: Message) -> None:
        self.begun += 1
        await self.let_go.wait()

    async def close(self) -> None:
        pass


def test_no_answer_waits_for_a_letter(office: OfficeStage) -> None:
    """An address that gets a letter and one that had two are answered while nothing was sent yet, by who
    applies as by who asks for a link: no time says which it was.
    """
    applicant = invited(office, "zaraz@example.org")
    said = {**GOOD, "pickup": pickup(office, applicant), "pesel": "", "born_on": "1981-02-03"}
    usual, held = office.channel, Held()
    office.channel = lambda: held
    client = office.client()
    client.get("/en/apply")
    try:
        for _ in range(3):
            reply = client.post("/en/apply", programme="zgierz", email="czas@example.org")
            assert (reply.status, reply.header("location")) == (303, "/en/apply?sent=1")
        assert applicant.client.post(applicant.form, step="3", go="next", **said).status == 303
    finally:

        async def let_go(_owner: object) -> None:
            held.let_go.set()
            await office.mail.settled()

        office.run(let_go)
        office.channel = usual  # now that the last letter has begun, which nobody waited for
    assert held.begun == 3, "two links, and one application"


@pytest.mark.parametrize(
    "path", ["/en/apply", "/en/apply/form/x", "/en/apply/state/x", "/en/apply/state/x/data"]
)
def test_no_form_without_its_field(office: OfficeStage, path: str) -> None:
    """What another page posts is refused before anything is looked at."""
    assert office.client().post(path, csrf="0" * 64).status == 400

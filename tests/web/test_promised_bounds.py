"""Bounds that the pages of docs/office promise, each where it is reached."""

import io

import pytest
from argon2 import PasswordHasher
from pypdf import PdfReader

from ledger.registry import acting_for
from ops.web.holder import counter_files
from tests.web.office_stage import PASSWORD, OfficeStage
from tests.web.test_acting_for import represent

KEPT = "$argon2id$v=19$m=19456,t=2,p=1$"
"""How a password's hash begins: OWASP's parameters, as docs/office/holder.md has them."""


@pytest.mark.parametrize("login", ["ola", "clerk"])
def test_a_session_is_for_twelve_hours_from_the_sign_in(office: OfficeStage, login: str) -> None:
    """Of whoever signs in, with a second factor, too; using it prolongs it by nothing."""
    client = office.signed_in("zgierz", login)
    newest = "select ends_at, extract(epoch from ends_at - created_at)::int as s from web.session "
    newest += "order by number desc limit 1"
    (row,) = office.sql(newest)
    assert row["s"] == 12 * 3_600
    office.sql("update web.session set seen_at = now() - interval '29 minutes'")
    assert client.get("/en/account/sessions").status == 200
    assert office.sql(newest)[0]["ends_at"] == row["ends_at"]


def test_a_password_is_hashed_anew_when_the_parameters_were_raised(office: OfficeStage) -> None:
    """At the next sign-in with the right one, once: it lets in as before, and the trail says why."""
    office.officer(3, "older-hash", "clerk")
    (made,) = office.sql("select id, password from web.login where shown = 'Older-Hash'")
    assert made["password"].startswith(KEPT)
    weak = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    office.write(f"update web.login set password = '{weak}' where id = {made['id']}")
    held = "select password from web.login where id = $1"
    office.forget_attempts()
    assert office.client().sign_in("zgierz", "older-hash", "Zielony rower 8").status == 403
    assert office.sql(held, made["id"])[0][0] == weak
    office.signed_in("zgierz", "older-hash")
    fresh = office.sql(held, made["id"])[0][0]
    assert fresh.startswith(KEPT)
    office.signed_in("zgierz", "older-hash")
    assert office.sql(held, made["id"])[0][0] == fresh
    trail = office.sql("select reason from registry.audit where key = $1", str(made["id"]))
    assert [row["reason"] for row in trail].count("hashed anew with the parameters of now") == 1


def test_a_login_acts_for_twenty_people_at_most(office: OfficeStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of one more is refused, and holds for another login."""
    assert acting_for.REPRESENTED_MAX == 20
    monkeypatch.setattr(acting_for, "REPRESENTED_MAX", 1)
    office.new_member("acts-for-one")
    client = office.signed_in("czestochowa", "acts-for-one")
    codes = [represent(office, whose, "proxy", f"Ktoś {whose}")[1] for whose in ("ela1", "ola1")]
    client.get("/en/me/family")
    assert [client.post("/en/me/family/code", code=code).status for code in codes] == [303, 400]
    monkeypatch.undo()
    assert client.post("/en/me/family/code", code=codes[1]).status == 303


def test_a_holder_gives_five_proxies_at_most(office: OfficeStage) -> None:
    """The sixth is refused and no row of it is made; after one has ended there is room again."""
    account = office.new_member("gives-proxies")
    client = office.signed_in("czestochowa", "gives-proxies")
    client.get("/en/me/family")

    def give(name: str) -> int:
        office.forget_attempts()
        return client.post("/en/me/family/proxies", name=name, until="", password=PASSWORD).status

    assert [give(f"Pełnomocnik {number}") for number in range(6)] == [200] * 5 + [400]
    held = "select count(*) from people.representative where account = $1"
    assert office.sql(held, account)[0][0] == 5
    ended = office.sql("select min(number) as number from people.representative where account = $1", account)
    client.get("/en/me/family")
    assert client.post("/en/me/family/proxies/end", number=str(ended[0]["number"])).status == 303
    client.get("/en/me/family")
    assert give("Pełnomocnik 7") == 200


def test_a_counter_s_pdf_has_the_newest_rows_and_says_so(
    office: OfficeStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2,000 in the PDF: what is older is left out, and told; of as many as fit nothing is told."""
    assert counter_files.PDF_ROWS_MAX == 2_000
    client = office.signed_in("czestochowa", "ala")
    rows = len(client.get("/en/me/history.csv").text.splitlines()) - 1
    assert rows > 20
    for most, told in ((rows, False), (rows - 1, True), (9, True)):
        monkeypatch.setattr(counter_files, "PDF_ROWS_MAX", most)
        reader = PdfReader(io.BytesIO(client.get("/en/me/history.pdf").body))
        text = " ".join("".join(page.extract_text() for page in reader.pages).split())
        assert (f"The last {most} entries; all are in the CSV." in text) is told
        assert text.count("points earned") == most

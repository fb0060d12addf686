"""The partner's pages: its own outlets, offers, declarations and statements, and never another's."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from ledger.registry import presence
from ledger.registry.offer_declarations import decide
from ops.web.partner.site import partner_part
from ops.web.partner.words import PARTNER
from tests.ledger.books import TESTER
from tests.web.browser import Visit, whole
from tests.web.office_stage import NAMES, Client, OfficeStage
from tests.web.partner_stage import make_partners
from tests.web.test_office_browser import PHONE, check, sign_in

XSS = "<script>alert(1)</script>\"'><img src=x>"
GOOD = {
    "kind": "percent", "value": "10", "name_pl": "Wiosna", "name_en": "Spring", "text_pl": "Na wszystko",
    "text_en": "On everything", "from": "", "to": "2199-12-31", "note": "od marca",
}  # fmt: skip


def test_whatever_refuses_a_terminal_has_its_word() -> None:
    """Each hindrance that the registry can tell, in both languages."""
    told = set(re.findall(r"(?:then|else) '(\w*)'", presence._STATUS))
    assert {f"p_hi_{each}" for each in told} == {key for key in PARTNER if key.startswith("p_hi_")}
    assert "p_hi_no_contract" in PARTNER


@pytest.fixture(scope="module")
def partners(office: OfficeStage) -> dict[str, int]:
    """Two partners of Zgierz and one of Częstochowa, with logins and statements; the first has an invoice."""
    return make_partners(office)


@pytest.fixture
def baker(office: OfficeStage, partners: dict[str, int]) -> Client:
    client = office.signed_in("zgierz", "baker")
    client.get("/en/partner/offers")
    return client


@pytest.fixture
def cinema(office: OfficeStage, partners: dict[str, int]) -> Client:
    client = office.signed_in("zgierz", "cinema")
    client.get("/en/partner/offers")
    return client


def newest(office: OfficeStage, partner: int) -> int:
    rows = office.sql("select max(number) from registry.offer_declaration where partner = $1", partner)
    return int(rows[0][0])


def test_outlets_and_terminals(office: OfficeStage, baker: Client, partners: dict[str, int]) -> None:
    """Its own and no other's, each on line or not."""
    page = baker.get("/en/partner").text
    rows = office.sql(
        "select t.id, t.partner from registry.terminal t join registry.partner p on p.id = t.partner"
    )
    shown = {int(each) for each in re.findall(r'<th scope="row">(\d+)</th>', page)}
    assert shown == {row["id"] for row in rows if row["partner"] == partners["baker"]}
    assert shown
    assert "off line" in page


def test_a_declaration_waits_is_accepted_and_is_a_draft(
    office: OfficeStage, baker: Client, partners: dict[str, int]
) -> None:
    """Declared, with the note; taken by the desk it is the offer's draft; the answer is shown as text."""
    assert baker.post("/en/partner/offers/new", **GOOD).status == 303
    number = newest(office, partners["baker"])
    page = baker.get("/en/partner/offers").text
    assert "waits for a decision" in page
    assert "od marca" in page
    office.run(lambda o: o.run(lambda c: decide(c, TESTER, number, accepted=True, reason=XSS)))
    page = baker.get("/en/partner/offers").text
    assert "accepted" in page
    assert "draft, not published" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    offer = int(office.sql("select offer from registry.offer_declaration where number = $1", number)[0][0])
    form = baker.get(f"/en/partner/offers/{offer}").text
    assert 'value="Spring"' in form
    assert baker.post(f"/en/partner/offers/{offer}", **GOOD, days="mon").status == 303
    assert baker.post(f"/en/partner/offers/{offer}", **GOOD).status == 400
    assert baker.post(f"/en/partner/declarations/{newest(office, partners['baker'])}").status == 303
    assert "taken back" in baker.get("/en/partner/offers").text


def test_a_published_offer_is_changed_without_losing_what_the_form_does_not_show(
    office: OfficeStage, baker: Client, partners: dict[str, int]
) -> None:
    """Limits, hours and further benefits stay as they were."""
    rows = office.sql(
        "select number, terms from registry.offer where partner = $1 and state = 1 order by number",
        partners["baker"],
    )
    for row in rows:
        baker.get(f"/en/partner/offers/{row['number']}")
        reply = baker.post(f"/en/partner/offers/{row['number']}", **GOOD)
        assert reply.status == 303, reply.text
        made = office.sql(
            "select terms from registry.offer_declaration where number = $1",
            newest(office, partners["baker"]),
        )
        for key in ("limits", "hours", "confirm", "goods"):
            assert re.findall(rf'"{key}":[^a-z]*', row["terms"]) == re.findall(
                rf'"{key}":[^a-z]*', made[0][0]
            )


def test_what_cannot_be_is_refused_and_shown_as_text(
    office: OfficeStage, baker: Client, partners: dict[str, int]
) -> None:
    """Wrong values, another's outlet, days that are over, markup: nothing is declared, no script is there."""
    outlet = office.sql("select id from registry.outlet where partner = $1", partners["cinema"])
    before = office.sql("select count(*) from registry.offer_declaration")[0][0]
    wrong = [
        {"value": ""}, {"value": "0"}, {"value": "101"}, {"value": "ten"}, {"value": "-1"}, {"kind": "gift"},
        {"kind": "amount_off", "value": "0"}, {"kind": "amount_off", "value": "9" * 12}, {"name_pl": ""},
        {"kind": "fixed_price", "value": "1.234"}, {"name_pl": "x" * 33}, {"to": "2020-01-01"},
        {"to": "soon"}, {"from": "2199-12-31", "to": "2199-12-30"}, {"days": "someday"}, {"for": "nobody"},
        {"outlets": "x"}, {"note": "x" * 501}, {"name_en": XSS}, {"text_pl": "a\x00b"},
        *({"outlets": str(row["id"])} for row in outlet[:1]),
    ]  # fmt: skip
    for change in wrong:
        reply = baker.post("/en/partner/offers/new", **{**GOOD, **change})
        assert reply.status == 400, change
        assert "<script>alert" not in reply.text
    assert office.sql("select count(*) from registry.offer_declaration")[0][0] == before
    said = {**GOOD, "text_en": XSS, "note": XSS}
    assert baker.post("/en/partner/offers/new", **said).status == 303
    page = baker.get("/en/partner/offers").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("change", "polish", "english"),
    [
        (
            {"value": "101"},
            "wartość: wymagane jest więcej niż 0 i nie więcej niż 100",
            "not over 100",
        ),
        ({"to": "2020-01-01"}, "ostatni dzień: dzień 01.01.2020 już minął", "1 Jan 2020 is over"),
        ({"to": "soon"}, "ostatni dzień: to nie jest prawidłowa data", "to is no day"),
        (
            {"kind": "amount_off", "value": "x"},
            "wartość: kwotę zapisuje się jak 5,00",
            "value is no sum like 5.00",
        ),
    ],
    ids=["itself", "rules", "day", "sum"],
)
def test_what_is_refused_is_told_in_the_language_of_the_page(
    baker: Client, change: dict[str, str], polish: str, english: str
) -> None:
    """What the terms, the programme's rules and the form refuse: Polish on a Polish page, else English."""
    for language, told, other in (("pl", polish, english), ("en", english, polish)):
        baker.get(f"/{language}/partner/offers/new")
        page = baker.post(f"/{language}/partner/offers/new", **{**GOOD, **change}).text
        fault = page.partition('id="fault"')[2].partition("</p>")[0]
        assert told in fault
        assert other not in fault
        assert "lang=" not in fault


@pytest.mark.parametrize(
    "wrong", [{"name_pl": "x" * 65}, {"to": "soon"}, {"note": "a\x07b"}, {"value": "ten"}]
)
def test_what_is_refused_stays_in_the_form(baker: Client, wrong: dict[str, str]) -> None:
    """Every field as it was typed, boxes and the wrong field, too, which is marked where it is named."""
    baker.get("/en/partner/offers/new")
    typed = {**GOOD, "days": "mon", "kind": "amount_off", "value": "12.34", **wrong}
    page = baker.post("/en/partner/offers/new", **typed).text
    for name in ("name_pl", "name_en", "value", "to"):
        assert re.search(rf'<input id="{name}"[^>]* value="{re.escape(typed[name])}"', page), name
    assert f">{typed['note']}</textarea>" in page
    assert re.search(r'name="days" value="mon" checked', page)
    assert '<option value="amount_off" selected>' in page
    (name,) = wrong
    assert re.search(rf'<(input|textarea) id="{name}"[^>]* aria-invalid="true"', page)


def test_another_partner_s_is_not_found(
    office: OfficeStage, cinema: Client, baker: Client, partners: dict[str, int]
) -> None:
    """Offers, declarations, statements, invoices: by number, by month, by name, within a city and across."""
    assert baker.post("/en/partner/offers/new", **GOOD).status == 303
    number = newest(office, partners["baker"])
    offers = office.sql("select number from registry.offer where partner = $1", partners["baker"])
    invoice = office.sql("select text from registry.invoice where partner = $1", partners["baker"])[0][0]
    pool = office.signed_in("czestochowa", "pool")
    pool.get("/en/partner/offers")
    for client in (cinema, pool):
        assert client.post(f"/en/partner/declarations/{number}").status == 404
        for row in offers:
            assert client.get(f"/en/partner/offers/{row['number']}").status in (200, 404)
            theirs = client.get(f"/en/partner/offers/{row['number']}")
            assert theirs.status == 404 or 'value="Spring"' not in theirs.text
        assert client.get(f"/en/partner/invoice?number={invoice}").status == 404
        page = client.get("/en/partner/statements").text
        assert "baker/2033/09" not in page
        assert invoice not in page
    assert office.sql("select state from registry.offer_declaration where number = $1", number)[0][0] == 0
    assert str(partners["cinema"]) in cinema.get("/en/partner/statements/2033-09.csv").text
    for wrong in ("2033-08", "2033-9", "x", "2033-09'"):
        assert cinema.get(f"/en/partner/statements/{wrong}.csv").status == 404
    for wrong in ("0", "99999999", "9" * 25):
        assert cinema.get(f"/en/partner/offers/{wrong}").status == 404
        assert cinema.post(f"/en/partner/declarations/{wrong}").status == 404


def test_statements_and_invoices(baker: Client, office: OfficeStage, partners: dict[str, int]) -> None:
    """By month as CSV and tagged PDF; what was issued is given out as a file that nothing runs in."""
    page = baker.get("/en/partner/statements").text
    assert "baker/2033/09" in page
    assert "open: sums may still change" in page
    reply = baker.get("/en/partner/statements/2033-09.csv")
    assert reply.header("content-disposition") == 'attachment; filename="2033-09.csv"'
    assert str(partners["baker"]) in reply.text
    assert baker.get("/pl/partner/statements/2033-09.pdf").body.startswith(b"%PDF")
    link = re.findall(r'href="(/en/partner/invoice[^"]+)"', page)[0]
    reply = baker.get(link)
    assert reply.body == b"<faktura/>"
    assert "sandbox" in " ".join(value for key, value in reply.headers if "security" in key.lower())


def test_notes_of_rebates(baker: Client, cinema: Client) -> None:
    """The month's note as CSV and tagged PDF, to keep; of a month without one, and another's: not found."""
    page = baker.get("/en/partner/statements").text
    links = re.findall(r'href="(/en/partner/notes/2033-09[^"]+)"', page)
    assert links == ["/en/partner/notes/2033-09.csv", "/en/partner/notes/2033-09.pdf"]
    sheet = baker.get(links[0])
    assert sheet.text.splitlines()[-1].endswith(",'=Piekarnia,8982145677,total,,,1250")
    pdf = baker.get(links[1])
    assert pdf.body.startswith(b"%PDF")
    for reply, kind in ((sheet, "csv"), (pdf, "pdf")):
        assert re.fullmatch(
            rf'attachment; filename="N-ZGIERZ-[0-9]{{4}}-[0-9]+\.{kind}"', reply.header("content-disposition")
        )
        assert any("sandbox" in value for key, value in reply.headers if key == "content-security-policy")
    assert "/partner/notes/" not in cinema.get("/en/partner/statements").text
    for month in ("2033-09", "2033-08", "2026-13", "x"):
        assert cinema.get(f"/en/partner/notes/{month}.csv").status == 404
    assert baker.get("/en/partner/notes/2033-08.pdf").status == 404


def test_nobody_else_gets_in_and_no_holder_is_here(
    office: OfficeStage, baker: Client, partners: dict[str, int]
) -> None:
    """A holder and an officer have no partner's page, by any method; a partner has none of theirs."""
    routes = [
        (method, route.path.replace("{number:int}", "1").replace("{month}", "2033-09"))  # type: ignore[attr-defined]
        for route in partner_part(lambda: None).routes  # type: ignore[arg-type, return-value]
        for method in sorted(route.methods - {"HEAD"})  # type: ignore[attr-defined]
    ]
    assert len(routes) > 8
    for client in (office.signed_in("zgierz", "clerk"), office.signed_in("czestochowa", "ala")):
        client.get("/en/account/sessions")
        for method, path in routes:
            reply = client.get(f"/en{path}") if method == "GET" else client.post(f"/en{path}")
            assert reply.status == 403, (method, path)
    for path in ("/me", "/desk/applications", "/desk/holders", "/desk/months"):
        assert baker.get(f"/en{path}").status == 403
    for path in ("", "/offers", "/statements"):
        page = baker.get(f"/en/partner{path}").text
        assert not any(name in page for name in NAMES)
    assert office.client().get("/en/partner").status == 303


def test_in_a_browser(browser: Browser, office: OfficeStage, partners: dict[str, int]) -> None:
    """Without scripts an offer is declared, by keyboard; axe finds nothing on any page, on a phone."""
    office.forget_attempts()
    plain = browser.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    visit = Visit(plain)
    sign_in(visit.page, office.url, "zgierz", "baker")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Punkty i terminale")
    visit.page.get_by_role("link", name="Oferty", exact=True).click()
    visit.page.get_by_role("link", name="Zgłoś nową ofertę").click()
    for label, text in (("Nazwa (pl)", "Lato"), ("Opis (pl)", "Na lody"), ("Nazwa (en)", "Summer"),
                        ("Opis (en)", "On ice cream"), ("Wartość", "12,5")):  # fmt: skip
        if whole(visit.page).get_by_label(label).count():
            visit.page.get_by_label(label).fill(text)
    visit.page.get_by_role("button", name="Zgłoś").focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("status")).to_have_text("Zapisano.")
    assert visit.complaints == []
    plain.close()
    made = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    visit, axe = Visit(made), Axe()
    sign_in(visit.page, office.url, "zgierz", "baker")
    expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
    for language in ("pl", "en"):
        for path in ("", "/offers", "/offers/new", "/statements"):
            check(visit.page, axe, f"{office.url}{language}/partner{path}")
    made.close()

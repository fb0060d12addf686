"""The desk in a real browser without JavaScript: each act; and what hostile clients try at it."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdf
import pytest
import structlog.testing
from playwright.sync_api import Browser, Page

from ledger.postgres.database import Connection, Database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ops.web.identity.making import make_login
from ops.web.identity.passwords import Passwords
from tests.days import today
from tests.ops.test_applications import number_of
from tests.ops.uploads import JPEG, pdf, png, zip_end
from tests.web.desk_acts import clicking, covers
from tests.web.office_stage import PASSWORD, SECRET, TESTER, Client, OfficeStage
from tests.web.till_page import axe_violations

CITY, PROGRAMME = "zgierz", 3
PERSON = {
    "name": "Bożydar Qxyzzy", "pesel": "44051401359", "address": "Wrzosowisko 4711",
    "email": "qx@poczta.example", "channel": "email", "pickup": "1", "consent_data": "yes",
    "tax_year": str(today().year - 2),
}  # fmt: skip
XSS = "<script>document.title='pwned'</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
ONE, WHOSE = "/desk/applications/{number:int}", "/desk/holders/{account:int}"
UPLOAD = "--edge\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"


def number(n: int) -> str:
    return number_of("96162", 5_000 + n)


@pytest.fixture(scope="module", autouse=True)
def ordered(office: OfficeStage) -> None:
    """Some cards that were ordered from their maker."""
    token = office.master.pepper(PROGRAMME).token

    async def job(c: Connection) -> None:
        rows = [CardRow(token(number(n)), number(n)[-4:], None, CardStatus.ORDERED) for n in range(4)]
        await import_cards(c, TESTER, PROGRAMME, rows)

    async def run(owner: Database) -> None:
        await owner.run(job)

    office.run(run)


@pytest.fixture
def clerk(office: OfficeStage) -> Client:
    """A clerk of Zgierz at desk 1 who has signed in."""
    return office.signed_in(CITY, "clerk")


@pytest.fixture
def page(
    office: OfficeStage, browser: Browser, clerk: Client, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """That clerk's browser, without JavaScript."""
    with clicking(office, browser, request.function) as clicked:
        yield clicked.browser_of(clerk)


def take(client: Client, **fields: str) -> str:
    """Take a first application down; return its address."""
    client.get("/en/desk/applications/new")
    reply = client.post("/en/desk/applications/new", kind="first", **{**PERSON, **fields})
    assert reply.status == 303, reply.text
    return reply.header("location")


def send(client: Client, path: str, data: bytes, name: str = "a.jpg", csrf: str | None = None) -> Any:
    """Send a file as a browser does."""
    head = UPLOAD.format('"csrf"', client.csrf if csrf is None else csrf) + UPLOAD.format('"kind"', "tax")
    head += f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: image/jpeg\r\n\r\n"
    body = head.encode() + data + b"\r\n--edge--\r\n"
    return client.ask("POST", path, body, Content_Type="multipart/form-data; boundary=edge")


def add_clerk(office: OfficeStage, name: str, desk: str) -> None:
    """A login of a clerk at a desk."""

    async def run(_owner: Database) -> None:
        await make_login(
            office.offices[PROGRAMME], Passwords(), TESTER, "officer", name, password=PASSWORD,
            shown=name, desk=desk, roles=["clerk"], second=SECRET,
        )  # fmt: skip

    office.run(run)


def state(page: Page) -> str:
    return page.locator("#state").inner_text()


def press(page: Page, act: str, **fields: str) -> None:
    for name, value in fields.items():
        page.fill(f"#{name}_{act}" if name == "reason" else f"#{name}", value)
    page.click(f"#act_{act}")


@covers(
    "GET /desk/applications/new", "POST /desk/applications/new", f"GET {ONE}", f"POST {ONE}/files",
    *(f"POST {ONE} {act}" for act in ("verify", "call", "complete", "grant", "ready", "collect")),
    "GET /desk/holders", "POST /desk/holders", f"GET {WHOSE}",
    *(f"POST {WHOSE} {act}" for act in ("block", "unblock", "notice", "withdraw_notice", "consent")),
    *(f"POST {WHOSE} {act}" for act in ("change", "write", "resign")),
)  # fmt: skip
def test_from_an_application_to_a_card_and_what_follows(
    office: OfficeStage, page: Page, tmp_path: Path
) -> None:
    """Taken, called, completed with a file, verified, granted, ready, collected; then the holder's acts."""
    page.goto(f"{office.url}en/desk/applications/new")
    for name, value in PERSON.items():
        if name == "channel":
            page.select_option("#channel", value)
        elif name == "consent_data":
            page.check("#consent_data")
        else:
            page.fill(f"#{name}", value)
    page.click("main button[type=submit]")
    assert state(page) == "received"
    assert page.locator("#lacks").inner_text() == "PIT page or declaration"
    press(page, "verify")
    assert "not whole" in page.locator("#fault").inner_text()
    press(page, "call", reason="The PIT page is missing.")
    assert state(page) == "called to complete"
    letter = page.locator("#letter").get_attribute("href") or ""
    assert "The PIT page is missing." in text_of_pdf(page, office, letter)
    (tmp_path / "pit.pdf").write_bytes(pdf())
    page.set_input_files("#file", tmp_path / "pit.pdf")
    page.click("#add_file")
    press(page, "complete")
    press(page, "verify")
    assert state(page) == "verified"
    press(page, "grant")
    assert state(page) == "granted"
    press(page, "ready", card=number(0))
    assert state(page) == "card is ready"
    press(page, "collect")
    assert state(page) == "collected"
    assert number(0)[-4:] in text_of_pdf(page, office, page.locator("#letter").get_attribute("href") or "")
    the_holder(office, page)


def the_holder(office: OfficeStage, page: Page) -> None:
    """Found three ways; blocked, taken up, notice, consent, data, message, renewal, duplicate, resigned."""
    for who in (number(0), PERSON["pesel"], "qxy boz"):
        page.goto(f"{office.url}en/desk/holders")
        page.fill("#who", who)
        page.click("#search")
        assert page.url.endswith("/desk/holders"), "what is looked for stands in no address"
        page.get_by_role("link", name=PERSON["name"]).click()
    card = page.locator(".card-state").first
    page.select_option("#hand_block", "guardian-desk")
    press(page, "block", reason="lost on the bus")
    assert card.inner_text() == "blocked"
    press(page, "unblock", reason="found again")
    assert card.inner_text() == "active"
    press(page, "notice", reason="moved away")
    assert page.locator("#notice").inner_text() > today().isoformat()
    press(page, "withdraw_notice")
    assert page.locator("#notice").inner_text() == "–"
    page.click("#consent_newsletter")
    assert "Withdraw" in page.locator("#consent_newsletter").inner_text()
    page.fill("#phone", "600 100 200")
    press(page, "change")
    assert page.locator("#phone").input_value() == "600 100 200"
    page.fill("#text", "Your card:\nit is ready.")
    press(page, "write")
    assert page.get_by_text("it is ready.").count() == 1
    holder = page.url
    for kind, fields in (("renewal", {"tax_year": str(today().year - 1)}), ("duplicate", {})):
        page.get_by_role("link", name="New application").click()
        page.select_option("#kind", kind)
        for name, value in fields.items():
            page.fill(f"#{name}", value)
        page.click("main button[type=submit]")
        if kind == "renewal":
            page.set_input_files("#file", {"name": "x", "mimeType": "image/png", "buffer": png()})
            page.click("#add_file")
        press(page, "verify")
        press(page, "grant")
        if kind == "duplicate":
            press(page, "ready", card=number(9))
            press(page, "collect")
        assert state(page) in ("renewed", "collected")
        page.goto(holder)
    assert f"{today().year + 1}-05-31" in page.locator("dl.pairs").first.inner_text()
    page.select_option("#hand_resign", "holder-post")
    press(page, "resign", reason="a letter")
    assert "resigned" in page.locator(".card-state").all_inner_texts()


def text_of_pdf(page: Page, office: OfficeStage, path: str) -> str:
    body = page.request.get(f"{office.url.rstrip('/')}{path}").body()
    return " ".join(pypdf.PdfReader(io.BytesIO(body)).pages[0].extract_text().split())


@covers("GET /desk/cases", "POST /desk/cases/{number:int} lift")
def test_a_retained_card_is_confirmed_or_lifted(office: OfficeStage, page: Page) -> None:
    """What partners reported waits with its age; lifted, the card is what it was (Żywiec § 4)."""
    token = office.master.pepper(PROGRAMME).token(number(1))
    office.sql(
        "select registry.report_card_v1(t.id, 9001, 1, 1::smallint, 1::smallint, 1790000000, $1, "
        "$2::smallint) from registry.terminal t join registry.partner p on p.id = t.partner "
        "where p.programme = 3 order by t.id limit 1",
        token,
        int(number(1)[-4:]),
    )
    page.goto(f"{office.url}en/desk/cases")
    page.locator("input[name=reason]").first.fill("it was the holder's mother")
    page.locator("button[value=lift]").first.click()
    assert page.locator("button[value=lift]").count() == 0
    (row,) = office.sql("select status from registry.card where token = $1", token)
    assert row["status"] == CardStatus.ORDERED


@pytest.mark.parametrize("language", ["pl", "en"])
def test_axe_finds_nothing_on_any_page(
    office: OfficeStage, browser: Browser, clerk: Client, language: str
) -> None:
    """Every page of the desk, with faults on it too, in both languages: 0 violations of WCAG 2.1 AA."""
    path = take(clerk, name=f"Ewa {language}", pesel="", born_on="1980-01-01")
    account = office.accounts["ela3"]
    context = browser.new_context(locale="pl-PL")
    context.add_cookies([{"name": k, "value": v, "url": office.url} for k, v in clerk.cookies.items()])
    opened = context.new_page()
    for each in ("applications", "applications/new", "holders", f"holders/{account}", "cases"):
        opened.goto(f"{office.url}{language}/desk/{each}")
        assert axe_violations(opened) == [], each
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    opened.goto(f"{office.url}{language}{path.removeprefix('/en')}")
    opened.click("#act_verify")
    assert opened.locator("#fault").count() == 1
    assert axe_violations(opened) == []
    context.close()


def test_what_was_typed_is_text_everywhere(office: OfficeStage, browser: Browser, clerk: Client) -> None:
    """Markup in every field of an application, in a reason, in a message: shown as typed, run nowhere."""
    typed = {"name": XSS, "address": XSS, "guardian": XSS, "phone": XSS[:32], "guardian_phone": XSS[:32]}
    path = take(clerk, pesel="", born_on="1980-01-01", **typed)
    account = office.accounts["ola3"]
    clerk.get(f"/en/desk/holders/{account}")
    assert clerk.post(f"/en/desk/holders/{account}", act="write", text=XSS).status == 303
    assert clerk.post(path, act="call", reason=XSS).status == 303
    context = browser.new_context()
    context.add_cookies([{"name": k, "value": v, "url": office.url} for k, v in clerk.cookies.items()])
    opened = context.new_page()
    for each in (path, "/en/desk/applications", f"/en/desk/holders/{account}"):
        opened.goto(f"{office.url.rstrip('/')}{each}")
        assert "pwned" not in opened.title()
        assert opened.locator("img[src=x]").count() == 0
        assert opened.get_by_text("<script>").count() >= 1
    context.close()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<html><script>alert(1)</script>", "no JPEG, PNG or PDF"),
        (JPEG[:-2] + zip_end(JPEG[-2:]), "read as something else"),
        (JPEG[:-2] + b"<script>alert(1)</script>" + JPEG[-2:], "read as something else"),
        (pdf(b"<</S/JavaScript/JS(app.alert(1))>>"), "programs or other files"),
        (b"", "The file is empty"),
        (JPEG + bytes(5_000_001), ""),
    ],
    ids=["html", "zip", "script", "pdf", "empty", "large"],
)
def test_a_file_that_is_not_what_it_says_is_not_kept(clerk: Client, data: bytes, said: str) -> None:
    """Whatever its name and type say: a polyglot, a program, nothing, too much; told why, and not kept."""
    path = take(clerk, pesel="", born_on="1980-01-01")
    clerk.get(path)
    reply = send(clerk, f"{path}/files", data)
    assert reply.status in (409, 413)
    assert said in reply.text
    assert "/files/" not in clerk.get(path).text


def test_a_file_is_given_out_to_keep_and_never_to_show(clerk: Client) -> None:
    """Its type is that of its content; attachment, nosniff, a sandbox; what rode in it is gone."""
    path = take(clerk, pesel="", born_on="1980-01-01")
    clerk.get(path)
    sent = JPEG + b"<script>alert(1)</script>"
    assert send(clerk, f"{path}/files", sent, name="../../x.html").status == 303
    link = clerk.get(path).text.split(f'href="{path}/files/')[1].split('"')[0]
    reply = clerk.get(f"{path}/files/{link}")
    assert b"script" not in reply.body
    assert reply.header("content-type") == "image/jpeg"
    assert reply.header("content-disposition").startswith("attachment; filename=")
    assert "html" not in reply.header("content-disposition")
    assert reply.header("x-content-type-options") == "nosniff"
    policies = [value for key, value in reply.headers if key.lower() == "content-security-policy"]
    assert any(policy.startswith("sandbox") for policy in policies)


def test_nobody_gets_past_his_city_desk_and_role(office: OfficeStage, clerk: Client) -> None:
    """Another city's clerk, another desk's, a holder, a stranger: no application, file, holder or act."""
    path = take(clerk, pesel="", born_on="1980-01-01")
    clerk.get(path)
    assert send(clerk, f"{path}/files", png()).status == 303
    file = path + "/files/" + clerk.get(path).text.split(f'href="{path}/files/')[1].split('"')[0]
    account = f"/en/desk/holders/{office.accounts['ala3']}"
    paths = (path, file, f"{path}/letter", account)
    other = office.signed_in("czestochowa", "clerk")
    other.get("/en/desk/holders")
    for each in paths:
        assert other.get(each).status == 404, each
    for each in (path, account):
        for act in ("withdraw", "block", "write"):
            assert other.post(each, act=act, reason="x", text="x", hand="holder-desk").status in (400, 404)
    assert send(other, f"{path}/files", png()).status == 404
    add_clerk(office, "other-desk", "2")
    elsewhere = office.signed_in(CITY, "other-desk")
    elsewhere.get("/en/desk/holders")
    assert elsewhere.get(path).status == 404
    assert elsewhere.get(file).status == 404
    assert elsewhere.post(path, act="withdraw").status == 404
    assert path not in elsewhere.get("/en/desk/applications").text
    holder = office.signed_in(CITY, "ala")
    stranger = office.client()
    for each in (*paths, "/en/desk/applications", "/en/desk/cases"):
        assert holder.get(each).status == 403, each
        assert stranger.get(each).status == 303, each


def test_no_act_without_the_session_s_own_field(clerk: Client) -> None:
    """CSRF: every form of the desk without the field, or with another's, does nothing."""
    path = take(clerk, pesel="", born_on="1980-01-01")
    for csrf in ("", "0" * 64):
        for each in (
            path,
            f"{path}/form",
            "/en/desk/holders",
            "/en/desk/applications/new",
            "/en/desk/cases/1",
        ):
            assert clerk.post(each, csrf=csrf, act="withdraw", who="x").status == 400, each
        assert send(clerk, f"{path}/files", png(), csrf=csrf).status == 400
    assert "received" in clerk.get(path).text


def test_a_proxy_blocks_nothing_at_a_desk(office: OfficeStage, clerk: Client) -> None:
    """Zgierz § 24: holder and guardian may, at a desk; a proxy may not, whatever a form says."""
    account = f"/en/desk/holders/{office.accounts['ola3']}"
    page = clerk.get(account).text
    assert 'value="proxy-' not in page
    for hand in ("proxy-desk", "proxy-online", "terminal", "clock"):
        assert clerk.post(account, act="block", hand=hand, reason="x").status == 409
    assert clerk.post(account, act="block", hand="nobody", reason="x").status == 400
    assert clerk.post(account, act="block", hand="holder-desk").status == 409


def test_wrong_input_is_an_answer_and_never_a_failure(clerk: Client) -> None:
    """Numbers out of bounds, unknown acts and kinds, too much text: 400, 404 or 409, nothing fails."""
    clerk.get("/en/desk/applications/new")
    with structlog.testing.capture_logs() as lines:
        for path in ("0", "99999999999999999999", "x", "-1"):
            assert clerk.get(f"/en/desk/applications/{path}").status == 404
            assert clerk.get(f"/en/desk/holders/{path}").status == 404
        for fields in (
            {"kind": "second"}, {"born_on": "2020-13-45"}, {"name": "x" * 201}, {"name": "a\x00b"},
            {"tax_year": "١٢٣٤"}, {"tax_year": "-5"}, {"why": "x"}, {"account": "9" * 25},
            {"flags": "x" * 99},
        ):  # fmt: skip
            posted = {"kind": "first", **PERSON, "pesel": "", "born_on": "1980-01-01", **fields}
            assert clerk.post("/en/desk/applications/new", **posted).status in (400, 409), fields
        for query in ("state=x", "after=x", "after=2026-01-01_x", "after=9999-99-99_1", "account=%00"):
            assert clerk.get(f"/en/desk/applications?{query}").status == 200
        for who in ("", "ab", "x" * 200, "'; drop table people.person;--", "4" * 19, "%"):
            assert clerk.post("/en/desk/holders", who=who).status in (200, 409)
    assert [line for line in lines if line["event"] == "page_failed"] == []


def test_no_person_reaches_a_log(clerk: Client) -> None:
    """Searched, taken, refused, changed: neither lines of the log nor addresses hold what was typed."""
    with structlog.testing.capture_logs() as lines:
        path = take(clerk, pesel="", born_on="1911-11-11")
        clerk.get("/en/desk/holders")
        for who in (PERSON["name"], PERSON["pesel"], number(0)):
            clerk.post("/en/desk/holders", who=who)
        clerk.get(path)
        clerk.post(path, act="refuse", reason=PERSON["name"])
        clerk.post("/en/desk/applications/new", kind="first", **{**PERSON, "pesel": "44051401358"})
    said = json.dumps(lines, default=str, ensure_ascii=False)
    assert not [text for text in (*PERSON.values(), number(0), "1911") if len(text) > 3 and text in said]

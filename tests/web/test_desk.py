"""The desk in a real browser without JavaScript: each act of applications, holders and cases of cards."""

import io
from datetime import date
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser, Page, expect

from ledger.postgres.database import Connection, Database
from ledger.registry import applications
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards
from ops.office.applications import ApplicationDesk
from ops.office.forms import Form
from ops.office.uploads.attachment import check_attachment
from tests.days import today
from tests.ops.uploads import pdf, png
from tests.web.browser import patient_context, whole
from tests.web.desk_acts import Clicked, by_menu, covers, kept
from tests.web.desk_counter import (
    CITY,
    NOBODY,
    PERSON,
    PROGRAMME,
    let_days_pass,
    number,
    press,
    state,
    take,
)
from tests.web.desk_endings import the_endings
from tests.web.office_stage import TESTER, Client, OfficeStage

XSS = "<script>document.title='pwned'</script>\"'><img src=x onerror=alert(1)>{{7*7}}"
DECIDES = "#act_grant, #act_refuse, #act_withdraw"
ONE, WHOSE = "/desk/applications/{number:int}", "/desk/holders/{account:int}"


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


@covers(
    "GET /desk/applications/new", "POST /desk/applications/new", f"GET {ONE}", f"POST {ONE}/files",
    *(f"POST {ONE} {act}" for act in ("verify", "call", "complete", "grant", "ready", "collect")),
    "GET /desk/holders", "POST /desk/holders", f"GET {WHOSE}",
    *(f"POST {WHOSE} {act}" for act in ("block", "unblock", "notice", "withdraw_notice", "consent")),
    *(f"POST {WHOSE} {act}" for act in ("change", "write", "object", "resign", "flags")),
    f"POST {WHOSE} withdraw_objection", f"GET {ONE}/letter",
)  # fmt: skip
def test_from_an_application_to_a_card_and_what_follows(
    office: OfficeStage, desk: Clicked, clerk: Client, tmp_path: Path
) -> None:
    """Taken, called, completed with a file, verified, granted, ready, collected; then the holder's acts."""
    page = desk.browser_of(clerk)
    by_menu(office, page, "/desk/applications")
    page.get_by_role("link", name="New application").click()
    for name, value in PERSON.items():
        if name == "channel":
            page.select_option("#channel", value)
        elif value == "yes":
            page.check(f"#{name}")
        else:
            page.fill(f"#{name}", value)
    page.click("main button[type=submit]")
    assert state(page) == "received"
    assert page.locator("#lacks").inner_text() == "PIT page or declaration"
    assert "LXIX/994/2023" in page.locator("#accepted").inner_text()
    assert "on paper at the desk" in page.locator("#accepted").inner_text()
    press(page, "verify")
    assert "not whole" in page.locator("#fault").inner_text()
    press(page, "call", reason="The PIT page is missing.")
    assert state(page) == "called to complete"
    assert "The PIT page is missing." in letter(page)
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
    receipt = letter(page)
    assert number(0)[-4:] in receipt
    assert "missing" not in receipt, "the reason of a call is no receipt's"
    the_holder(office, page)


def the_holder(office: OfficeStage, page: Page) -> None:
    """Found three ways; blocked, taken up, notice, consent, data, message, renewal, duplicate, resigned."""
    for who in (number(0), PERSON["pesel"], "qxy boz"):
        by_menu(office, page, "/desk/holders")
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
    the_endings(office, page)
    page.click("#consent_newsletter")
    assert "Withdraw" in page.locator("#consent_newsletter").inner_text()
    page.fill("#phone", "600 100 200")
    press(page, "change")
    assert page.locator("#phone").input_value() == "600 100 200"
    page.check("#flag_family")
    press(page, "flags", reason="a large family's card was shown")
    assert page.locator("#flag_family").is_checked()
    page.uncheck("#flag_family")
    press(page, "flags", reason="it has ended")
    assert not page.locator("#flag_family").is_checked()
    page.fill("#text", "Your card:\nit is ready.")
    press(page, "write")
    expect(page.get_by_text("it is ready.")).to_have_count(1)
    holder = page.url
    account = holder.rpartition("/")[2].partition("?")[0]
    proved = f"tax_year = {today().year - 2}, entitled_until = '{today().year}-05-31'"
    office.write(f"update registry.holder set {proved} where account = {account}")
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
            assert page.locator("#fee").inner_text() == "PLN 0.00"
            there = page.url
            page.goto(there.replace("/en/", "/pl/"))
            assert page.locator("#fee").inner_text() == "0,00\u00a0zł"
            page.goto(there)
            press(page, "ready", card=number(9))
            press(page, "collect")
        assert state(page) in ("renewed", "collected")
        page.goto(holder)
    assert f"31 May {today().year + 1}" in page.locator("dl.pairs").first.inner_text()
    page.select_option("#hand_resign", "holder-post")
    press(page, "resign", reason="a letter")
    assert "resigned" in whole(page).locator(".card-state").all_inner_texts()


def letter(page: Page) -> str:
    """What the letter says that the page gives out."""
    return " ".join(pypdf.PdfReader(io.BytesIO(kept(page, "#letter"))).pages[0].extract_text().split())


@covers(
    "GET /desk/applications", f"POST {ONE}/form", f"GET {ONE}/files/{{attachment:int}}",
    *(f"POST {ONE} {act}" for act in ("mail", "remove")),
)  # fmt: skip
def test_an_application_is_changed_refused_or_withdrawn_and_what_it_says_removed(
    office: OfficeStage, desk: Clicked, clerk: Client
) -> None:
    """Found in the list, put anew, its file given out; refused with a letter; then it is gone."""
    page = desk.browser_of(clerk)
    paths = [take(clerk, **NOBODY) for _ in range(2)]
    in_the_list(office, page, paths[0], "received")
    page.fill("#address", "Wrzosowisko 4712")
    page.click("#save")
    assert page.locator("#address").input_value() == "Wrzosowisko 4712"
    page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": png()})
    page.click("#add_file")
    assert kept(page, "section[aria-labelledby=h_files] li a").startswith(b"\x89PNG\r\n")
    press(page, "refuse", reason="Lives in another city.")
    assert state(page) == "refused"
    assert "Lives in another city." in letter(page)
    press(page, "mail")
    assert page.locator("#mailed li").first.inner_text().startswith("Refusal, ")
    press(page, "mail")
    assert "waits to be sent already" in page.locator("#fault").inner_text()
    in_the_list(office, page, paths[1], "received")
    press(page, "withdraw", told="telephone", reason="She rang: they move away.")
    assert state(page) == "withdrawn"
    assert "asked for by telephone" in letter(page)
    assert "they move away" in letter(page)
    for path, was in zip(paths, ("refused", "withdrawn"), strict=True):
        in_the_list(office, page, path, was)
        press(page, "remove", told="letter")
        assert "a second person removes it so early" in page.locator("#fault").inner_text()
        let_days_pass(office, path)
        in_the_list(office, page, path, was)
        press(page, "remove")
        assert page.url.endswith("/desk/applications?done=1"), "its page is no more"
        expect(page.get_by_role("status")).to_have_text("Done.")
        for kept_in, column in (("application", "number"), ("attachment", "application")):
            gone = f"select 1 from people.{kept_in} where {column} = $1"
            assert office.sql(gone, int(path.rpartition("/")[2])) == []
        answer = page.goto(f"{office.url.rstrip('/')}{path}")
        assert answer is not None
        assert answer.status == 404


def in_the_list(office: OfficeStage, page: Page, path: str, which: str) -> None:
    """Come to an application by the list of those in a state."""
    by_menu(office, page, "/desk/applications")
    page.select_option("#state", which)
    with page.expect_navigation():
        page.get_by_role("button", name="Show").click()
    link = page.locator(f"th a[href='{path}']")
    while not link.count():
        with page.expect_navigation():
            page.get_by_role("link", name="Next ones").click()
    link.click()
    assert state(page) == which


@pytest.fixture(scope="module")
def verifiers(office: OfficeStage) -> list[Client]:
    """Two verifiers of Zgierz, who have signed in."""
    for name in ("una", "vit"):
        office.officer(PROGRAMME, f"{name}-verifier", "verifier")
    return [office.signed_in(CITY, f"{name}-verifier") for name in ("una", "vit")]


@covers(by_second=(f"POST {ONE} grant", f"POST {ONE} refuse", f"POST {ONE} withdraw"))
def test_where_the_rules_want_two_persons_another_verifier_decides(
    office: OfficeStage, desk: Clicked, clerk: Client, verifiers: list[Client]
) -> None:
    """Whoever looked last neither grants, refuses nor takes a withdrawal down, by no page that is open still;
    the page says why, and to a clerk; another verifier does.
    """
    una, vit = (desk.browser_of(each) for each in verifiers)
    before = desk.browser_of(verifiers[0])
    at_the_desk = desk.browser_of(clerk)
    for act, becomes in (("grant", "granted"), ("refuse", "refused"), ("withdraw", "withdrawn")):
        address = f"{office.url}en/desk/applications/{for_two_persons(office)}"
        said = {"refuse": {"reason": "No proof."}, "withdraw": {"told": "person"}}.get(act, {})
        vit.goto(address)
        press(vit, "verify")
        assert undecided(vit) == "another one than whoever looked at it last."
        before.goto(address)
        una.goto(address)
        assert una.locator(DECIDES).count() == 3
        press(una, "call", reason="Which street?")
        press(una, "complete")
        press(una, "verify")
        assert undecided(una) == "another one than whoever looked at it last."
        press(before, act, **said)
        assert "second person" in before.locator("#fault").inner_text()
        assert state(before) == "verified"
        at_the_desk.goto(address)
        assert undecided(at_the_desk) == "somebody with the role “second person of applications” does."
        vit.goto(address)
        press(vit, act, **said)
        assert state(vit) == becomes


def undecided(page: Page) -> str:
    """Why a page has no buttons to decide."""
    assert page.locator(DECIDES).count() == 0
    return page.locator("#undecided").inner_text().rpartition(": ")[2]


def for_two_persons(office: OfficeStage, via: str = "desk") -> int:
    """A whole application, taken down where the rules want a second person."""
    form = Form(
        name=PERSON["name"], born_on=date(1980, 1, 1), address=PERSON["address"], email=PERSON["email"],
        channel="email", consent_data=True, rules_accepted=True, tax_year=int(PERSON["tax_year"]),
    )  # fmt: skip
    counter = ApplicationDesk(office.offices[PROGRAMME].database, office.master, PROGRAMME)

    async def run(_owner: Database) -> int:
        new = (await counter.drawn_up("first", via, form, desk="1"))._replace(second_needed=True)
        taken = await counter.database.run(
            lambda c: applications.add_application(c, TESTER, office.master.vault, new)
        )
        await counter.keep(TESTER, taken, "tax", check_attachment("tax", pdf()))
        return taken

    return office.run(run)


def test_what_nobody_has_looked_at_is_decided_by_nobody(office: OfficeStage, verifiers: list[Client]) -> None:
    """Where two are wanted, one from the web is not refused at once: the page says so, in both languages."""
    path, vit = f"desk/applications/{for_two_persons(office, 'web')}", verifiers[1]
    english, polish = (vit.get(f"/{language}/{path}").text for language in ("en", "pl"))
    assert "You do not decide this application: nobody has looked at it yet" in english
    assert "Zalogowana osoba nie rozstrzyga tego wniosku: nikt się jeszcze tym wnioskiem" in polish
    assert 'id="act_refuse"' not in english
    reply = vit.post(f"/en/{path}", act="refuse", reason="No.")
    assert (reply.status, "nobody has looked at it yet" in reply.text) == (409, True)
    assert vit.post(f"/en/{path}", act="verify").status == 303
    reply = vit.post(f"/pl/{path}", act="refuse", reason="Nie.")
    assert (reply.status, "tu rozstrzyga druga osoba, inna niż ta" in reply.text) == (409, True)
    verifiers[0].get(f"/en/{path}")
    assert verifiers[0].post(f"/en/{path}", act="refuse", reason="No.").status == 303


@covers("GET /desk/cases", *(f"POST /desk/cases/{{number:int}} {act}" for act in ("confirm", "lift")))
def test_a_retained_card_is_confirmed_or_lifted(office: OfficeStage, desk: Clicked, clerk: Client) -> None:
    """What partners reported waits; lifted the card is what it was, confirmed it stays so (Żywiec § 4)."""
    page = desk.browser_of(clerk)
    for card, act in ((1, "lift"), (2, "confirm")):
        token = office.master.pepper(PROGRAMME).token(number(card))
        reported = report(office, token, card)
        assert reported != CardStatus.ORDERED
        by_menu(office, page, "/desk/cases")
        case = page.locator("main section").filter(has_text=f"…{number(card)[-4:]}")
        case.locator("input[name=reason]").fill("it was the holder's mother")
        case.locator(f"button[value={act}]").click()
        expect(case).to_have_count(0)
        (row,) = office.sql("select status from registry.card where token = $1", token)
        assert row["status"] == (CardStatus.ORDERED if act == "lift" else reported)


def report(office: OfficeStage, token: int, card: int) -> int:
    """Let a terminal report a card as retained; return the card's status."""
    office.sql(
        "select registry.report_card_v1(t.id, $3, 1, 1::smallint, 1::smallint, 1790000000, $1, "
        "$2::smallint) from registry.terminal t join registry.partner p on p.id = t.partner "
        "where p.programme = 3 order by t.id limit 1",
        token,
        int(number(card)[-4:]),
        9_000 + card,
    )
    (row,) = office.sql("select status from registry.card where token = $1", token)
    found: int = row["status"]
    return found


def test_what_was_typed_is_text_everywhere(office: OfficeStage, browser: Browser, clerk: Client) -> None:
    """Markup in every field of an application, in a reason, in a message: shown as typed, run nowhere."""
    typed = {"name": XSS, "address": XSS, "guardian": XSS, "needs_guardian": "yes"}
    path = take(clerk, **NOBODY, **typed)
    account = office.accounts["ola3"]
    clerk.get(f"/en/desk/holders/{account}")
    assert clerk.post(f"/en/desk/holders/{account}", act="write", text=XSS).status == 303
    clerk.get(path)
    assert clerk.post(path, act="call", reason=XSS).status == 303
    context = patient_context(browser)
    context.add_cookies([{"name": k, "value": v, "url": office.url} for k, v in clerk.cookies.items()])
    opened = context.new_page()
    for each in (path, "/en/desk/applications", f"/en/desk/holders/{account}"):
        opened.goto(f"{office.url.rstrip('/')}{each}")
        assert "pwned" not in opened.title()
        assert opened.locator("img[src=x]").count() == 0
        assert opened.get_by_text("<script>").count() >= 1
    context.close()

"""The desk's pages of offers and partners in a real browser: published by two, and contracts to their end."""

import json
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ledger.postgres.database import Connection, Database
from ledger.registry.audit import Actor
from ledger.registry.offer_declarations import Declaration, declare
from ops import written
from ops.office.offer_form import fields_of, offer_of
from simulators.city.offers import offers_of
from tests.days import today
from tests.web.browser import whole
from tests.web.desk_acts import Clicked, by_menu, covers
from tests.web.office_stage import CITIES, Client, OfficeStage
from tests.web.till_page import axe_violations

CITY, PROGRAMME = "zgierz", 3
OFFER, PARTNER = "/desk/offers/{number:int}", "/desk/partners/{partner:int}"
PROPOSAL = "/desk/offers/proposals/{proposal:int}"
DECIDE = "POST /desk/declarations/{number:int}"
NEW = {
    "number": "700", "name_pl": "Lody", "text_pl": "Jedna gałka", "name_en": "Ices", "text_en": "One scoop",
    "value": "10",
}  # fmt: skip


@pytest.fixture(scope="module")
def clients(office: OfficeStage) -> dict[str, Client]:
    """Two editors, who have signed in."""
    for name in ("eve", "dan"):
        office.officer(PROGRAMME, f"{name}-editor", "editor")
    return {name: office.signed_in(CITY, f"{name}-editor") for name in ("eve", "dan")}


@pytest.fixture(scope="module")
def partner(office: OfficeStage) -> int:
    """A partner of the city, whose offers no other test counts on."""
    return CITIES[1].partner_id(1)


def fault(page: Page) -> str:
    return page.locator("#fault").inner_text()


@covers(
    "GET /desk/offers", "GET /desk/offers/new", "GET /desk/offers/preview", f"GET {OFFER}", f"POST {OFFER}",
    "POST /desk/offers keep", "POST /desk/offers text", "POST /desk/offers/proposals publish",
    "POST /desk/offers/proposals withdraw", f"GET {PROPOSAL}", f"POST {PROPOSAL} refuse",
    f"POST {PROPOSAL} list",
    by_second=(f"POST {PROPOSAL} approve",),
)  # fmt: skip
def test_an_offer_is_added_changed_ended_and_withdrawn_by_two_persons(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client], partner: int
) -> None:
    """Drafted, shown as a difference, approved by another person; the public list follows."""
    eve, dan = desk.browser_of(clients["eve"]), desk.browser_of(clients["dan"])
    by_menu(office, eve, "/desk/offers")
    eve.locator("main a[href$='/desk/offers/new']").click()
    for name, value in {**NEW, "partner": str(partner), "to": "2020-01-31"}.items():
        eve.fill(f"#{name}", value)
    eve.check("#days_fri")
    eve.click("#act_keep")
    assert "is over" in fault(eve), "the checks of `offers import`"
    assert eve.locator("#to").get_attribute("aria-invalid") == "true"
    assert eve.locator("#days_fri").is_checked()
    eve.fill("#to", "")
    eve.uncheck("#days_fri")
    eve.click("#act_keep")
    assert eve.locator("#state").inner_text() == "draft"
    propose(office, eve, 700)
    approve(office, dan)
    assert listed(office, 700)["name"] == {"pl": "Lody", "en": "Ices"}
    written_anew(office, dan)
    dan.goto(f"{office.url}en/desk/offers/700")
    change(dan, "20")
    propose(office, dan, 700, "Before")
    unseen(office, eve, dan)
    propose(office, dan, 700, "Before")
    approve(office, eve)
    assert listed(office, 700)["benefits"][0]["percent"] == 10, "it holds in some seconds: until then both"
    eve.goto(f"{office.url}en/desk/offers/700")
    eve.fill("#last_day", (today() + timedelta(days=1)).isoformat())
    eve.click("#act_end")
    propose(office, dan, 700)
    assert "gets worse" in fault(dan), "Zgierz § 34"
    eve.fill("#last_day", (today() + timedelta(days=30)).isoformat())
    eve.click("#act_end")
    propose(office, dan, 700, days=9)
    approve(office, eve)
    withdraw(office, eve)
    approve(office, dan)
    rows = office.sql("select state from registry.offer where number = 700 order by version")
    assert [row["state"] for row in rows] == [1, 1, 1, 2]
    eve.goto(f"{office.url}en/desk/offers")
    terms = f'programme = "{CITY}"\n[[offer]]\nnumber = 701\npartner = {partner}\n'
    terms += 'name = { pl = "Kino", en = "Cinema" }\n'
    terms += 'text = { pl = "Film", en = "A film" }\n'
    eve.fill("#text", terms + 'benefits = [{ kind = "free_entry" }]')
    eve.click("#act_text")
    assert whole(eve).locator("#fault").all_inner_texts() == []
    expect(eve.locator("#draft_701")).to_have_count(1)


def change(page: Page, percent: str) -> None:
    """Write another draft, from the page of an offer."""
    page.click("#change")
    page.fill("#value", percent)
    page.click("#act_keep")
    assert page.locator("#state").inner_text() == "draft"


def propose(office: OfficeStage, page: Page, number: int, shown: str = "", *, days: int = 0) -> None:
    page.goto(f"{office.url}en/desk/offers")
    page.check(f"#draft_{number}")
    if days:
        page.fill("#from_day", (today() + timedelta(days=days)).isoformat())
    page.click("#preview")
    assert whole(page).locator(f"#change_{number}").count() == 1
    assert shown in page.content()
    page.click("#act_propose")


def open_waiting(office: OfficeStage, page: Page) -> None:
    """Come to what waits to be approved, with all that it changes."""
    page.goto(f"{office.url}en/desk/offers")
    page.locator("#waiting a").last.click()
    assert whole(page).locator("#change_700").count() == 1


def approve(office: OfficeStage, page: Page) -> None:
    open_waiting(office, page)
    page.click("#act_approve")
    assert page.locator("#state").inner_text() == "approved"


def written_anew(office: OfficeStage, page: Page) -> None:
    """A list that cannot take its place is told on the page of what was approved, and written there anew."""
    place = office.directory / "public" / CITY / "offers.json"
    place.unlink()
    place.mkdir()
    page.click("#act_list")
    assert "could not be written" in fault(page)
    place.rmdir()
    page.click("#act_list")
    assert page.get_by_role("status").inner_text() == "Done."
    assert listed(office, 700)["version"] == 1


def unseen(office: OfficeStage, page: Page, other: Page) -> None:
    """The draft is changed while somebody looks at it: what that person saw is published by nobody."""
    open_waiting(office, page)
    other.goto(f"{office.url}en/desk/offers/700")
    change(other, "90")
    page.click("#act_approve")
    assert "changed since" in fault(page)
    assert page.locator("#act_approve").count() == 0
    assert "90" in page.locator("#change_700 + div").inner_text()
    page.click("#act_refuse")
    assert page.locator("#state").inner_text() == "refused"
    other.goto(f"{office.url}en/desk/offers/700")
    change(other, "20")


def withdraw(office: OfficeStage, page: Page) -> None:
    """Propose to withdraw the offer: at once only with a reason."""
    page.goto(f"{office.url}en/desk/offers/700")
    page.click("#preview_withdraw")
    page.click("#act_propose")
    assert "gets worse" in fault(page)
    page.check("#urgent")
    page.click("#act_propose")
    assert "reason" in fault(page)
    page.fill("#reason_propose", "the shop burned down")
    page.click("#act_propose")
    assert page.locator("#state").inner_text() == "waits to be approved"


def listed(office: OfficeStage, number: int) -> dict[str, Any]:
    """An offer as the public list has it first."""
    text = (office.directory / "public" / CITY / "offers.json").read_text()
    assert (office.directory / "public" / CITY / "offers.html").exists()
    offers = [offer for each in json.loads(text)["partners"] for offer in each["offers"]]
    found: dict[str, Any] = next(offer for offer in offers if offer["number"] == number)
    return found


@covers(
    "GET /desk/partners", "POST /desk/partners", f"GET {PARTNER}", f"POST {PARTNER} verify",
    f"POST {PARTNER} agree", f"POST {PARTNER} end", f"POST {PARTNER} details", f"POST {PARTNER} refuse",
)  # fmt: skip
def test_a_partner_declares_is_verified_agrees_and_ends(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client]
) -> None:
    """With its clock of 14 days (Żywiec § 5) and a term of 12 months or more; another one is refused."""
    page = desk.browser_of(clients["eve"])
    declares(office, page, 88_001, "Kwiaciarnia")
    due = written.day(today() + timedelta(days=14), "en")
    assert page.locator("#verify_by").inner_text() == due
    page.goto(f"{office.url}en/desk/partners")
    assert due in page.get_by_role("listitem").filter(has_text="Kwiaciarnia").inner_text()
    page.get_by_role("link", name="88001 Kwiaciarnia").click()
    page.click("#act_verify")
    page.fill("#starts_on", today().isoformat())
    page.fill("#months", "11")
    page.click("#act_agree")
    assert "months" in fault(page)
    page.fill("#starts_on", today().isoformat())
    page.fill("#months", "12")
    page.click("#act_agree")
    assert page.locator("#state").inner_text() == "active"
    page.fill("#legal_name", "Kwiaty sp. z o.o.")
    page.click("#act_details")
    assert page.locator("#legal_name").input_value() == "Kwiaty sp. z o.o."
    page.fill("#last_day", today().isoformat())
    page.check("#sure_end")
    page.fill("#reason_end", "both want it")
    page.click("#act_end")
    term = office.sql(
        "select (starts_on + make_interval(months => months_min))::date from registry.partner_contract "
        "where partner = 88001"
    )[0][0]
    assert page.locator("#ends_on").inner_text() == written.day(today(), "en")
    told = f"before the least term is over ({written.day(term, 'en')})"
    assert page.locator("#early").inner_text() == told
    declares(office, page, 88_002, "Nikt")
    page.check("#sure_refuse")
    page.fill("#reason_refuse", "no shop there")
    page.click("#act_refuse")
    assert page.locator("#state").inner_text() == "refused"


@covers(f"POST {PARTNER} declare_outlet")
def test_an_outlet_has_a_contract_of_its_own(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client]
) -> None:
    """Declared, verified, agreed and ended beside the partner's, which stays as it is."""
    page, number, outlet = desk.browser_of(clients["eve"], scripts=True), 88_003, 880_031
    declares(office, page, number, "Lodziarnia")
    assert whole(page).locator("#act_declare_outlet").count() == 0, "it has no outlet yet"
    office.write(f"insert into registry.outlet (id, partner, name) values ({outlet}, {number}, 'Dworzec')")
    page.reload()
    page.select_option("#outlet", str(outlet))
    page.click("#act_declare_outlet")
    assert page.locator(f"#state_{outlet}").inner_text() == "declared"
    page.click(f"#act_verify_{outlet}")
    page.fill(f"#starts_on_{outlet}", today().isoformat())
    page.fill(f"#months_{outlet}", "12")
    page.check(f"#with_services_{outlet}")
    page.click(f"#act_agree_{outlet}")
    assert page.locator(f"#state_{outlet}").inner_text() == "active"
    assert page.locator("#state").inner_text() == "declared"
    page.click("#act_declare_outlet")
    assert "has a contract" in fault(page)
    assert axe_violations(page) == []
    page.fill(f"#last_day_{outlet}", today().isoformat())
    page.check(f"#sure_end_{outlet}")
    page.fill(f"#reason_end_{outlet}", "the shop there closes")
    page.click(f"#act_end_{outlet}")
    assert page.locator(f"#ends_on_{outlet}").inner_text() == written.day(today(), "en")
    assert page.locator("#ends_on").inner_text() == "–"


def declares(office: OfficeStage, page: Page, number: int, sign: str) -> None:
    by_menu(office, page, "/desk/partners")
    page.fill("#partner", str(number))
    page.fill("#name", sign)
    page.click("#act_declare")
    assert page.locator("#state").inner_text() == "declared"


def declared(office: OfficeStage, partner: int, number: int, text: str = "Taniej") -> None:
    """Let a partner declare an offer."""
    terms = json.dumps(
        {
            "number": number, "partner": partner, "name": {"pl": "Buty"}, "text": {"pl": text},
            "benefits": [{"kind": "percent", "percent": 5}],
        }
    )  # fmt: skip

    async def job(c: Connection) -> None:
        await declare(c, Actor("partner 1"), partner, Declaration(PROGRAMME, number, (), terms, "please"))

    async def run(owner: Database) -> None:
        await owner.run(job)

    office.run(run)


@covers("GET /desk/declarations", f"{DECIDE} accept", f"{DECIDE} refuse")
def test_what_partners_declare_is_taken_into_the_drafts_or_refused(
    office: OfficeStage, desk: Clicked, clients: dict[str, Client], partner: int
) -> None:
    """Accepted it is a draft; refused it wants a reason, which the partner reads."""
    declared(office, partner, 810)
    declared(office, partner, 811)
    page = desk.browser_of(clients["eve"])
    by_menu(office, page, "/desk/declarations")
    page.locator("button[value=accept]").first.click()
    page.locator("button[value=refuse]").first.click()
    assert "reason" in fault(page)
    page.locator("textarea").first.fill("we have shoes already")
    page.locator("button[value=refuse]").first.click()
    assert whole(page).locator("textarea").count() == 0
    page.goto(f"{office.url}en/desk/offers/810")
    assert page.locator("#state").inner_text() == "draft"


def test_a_form_makes_the_offer_it_was_made_of() -> None:
    """Every offer of the simulated cities that fits into the form comes out of it as it went in."""
    offers = [offer for city in CITIES for offer in offers_of(city)]
    fitting = [(offer, filled) for offer in offers if (filled := fields_of(offer)) is not None]
    assert fitting
    for offer, filled in fitting:
        assert offer_of(filled) == offer


WRONG: list[tuple[str, dict[str, str]]] = [
    ("/en/desk/offers", {"act": "keep", **NEW, "kind": "percent", "partner": "1"}),
    ("/en/desk/offers", {"act": "keep", **NEW, "kind": "x", "partner": "1"}),
    ("/en/desk/offers", {"act": "keep", **NEW, "kind": "fixed_price", "value": "1e3", "partner": "1"}),
    (
        "/en/desk/offers",
        {"act": "keep", **NEW, "kind": "percent", "uses_0": "1", "per_0": "x", "partner": "1"},
    ),
    ("/en/desk/offers", {"act": "keep"}),
    ("/en/desk/offers", {"act": "text", "text": "[[offer]]\nnumber = 1"}),
    ("/en/desk/offers", {"act": "text", "text": "= ="}),
    ("/en/desk/offers/proposals", {"act": "publish"}),
    ("/en/desk/offers/proposals", {"act": "publish", "number": "99999"}),
    ("/en/desk/offers/proposals", {"act": "withdraw", "number": "99999"}),
    ("/en/desk/offers/proposals/99999", {"act": "approve"}),
    ("/en/desk/offers/proposals/99999", {"act": "refuse"}),
    ("/en/desk/offers/99999", {"last_day": "2030-01-01"}),
    ("/en/desk/offers/99999999999", {"last_day": "2030-01-01"}),
    ("/en/desk/partners", {"partner": "0", "name": "x"}),
    ("/en/desk/partners", {"partner": "5", "name": ""}),
    ("/en/desk/partners", {"partner": "88003", "name": "x", "tax_id": "1234567890"}),
    ("/en/desk/partners/99999", {"act": "verify"}),
    ("/en/desk/declarations/99999", {"act": "accept"}),
]


@pytest.mark.parametrize(("path", "fields"), WRONG)
def test_wrong_input_of_editors_is_an_answer(
    clients: dict[str, Client], path: str, fields: dict[str, Any]
) -> None:
    """What cannot be is refused and told: 400, 404 or 409, never a failure."""
    clients["eve"].get("/en/desk/offers")
    reply = clients["eve"].post(path, **fields)
    assert reply.status in (400, 404, 409), (reply.status, reply.text)

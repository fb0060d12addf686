"""The nine functions of Zgierz § 19 in a real Chromium: by keyboard alone, without scripts, pl and en.

One new holder a language, who signs in once; each function is reached from the menu by the key Tab and done
by Enter. That axe finds nothing on these pages, in both languages, is tests/web/test_office_browser.py.
"""

import time
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ops.web.holder.words import HOLDER
from ops.web.identity.words import IDENTITY
from ops.web.language import LANGUAGES
from tests.ledger.books import NOW_MS
from tests.web.browser import Visit, whole
from tests.web.office_stage import PASSWORD, OfficeStage

WORDS = HOLDER | IDENTITY
TABS_MAX = 60
NEW_PASSWORD = "Niebieski rower 8"
FIRST_STAN = {"pl": 1_000, "en": 2_000}


class Member:
    """A holder at a browser without scripts and without a mouse."""

    def __init__(self, browser: Browser, office: OfficeStage, language: str) -> None:
        self.language = language
        self.login = f"nine-{language}"
        self.account = office.new_member(self.login)
        now_ms = time.time_ns() // 1_000_000  # a month in which others traded may be closed by now
        office.trade(3, account=self.account, stan=FIRST_STAN[language], from_ms=max(NOW_MS, now_ms))
        self.context = browser.new_context(java_script_enabled=False, locale=f"{language}-PL")
        self.visit = Visit(self.context)
        self.page: Page = self.visit.page
        self.page.goto(f"{office.url}{language}/login")
        self.fill("id_login", self.login)
        self.fill("id_password", PASSWORD)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def say(self, word: str, **values: object) -> str:
        return WORDS[word][LANGUAGES.index(self.language)].format(**values)

    def tab_to(self, target: Locator) -> None:
        """Press Tab until the keyboard is there."""
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"the key Tab does not lead to {target}")

    def fill(self, word: str, text: str) -> None:
        """Go to a field by its label and type."""
        self.tab_to(self.page.get_by_label(self.say(word), exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, word: str) -> None:
        """Go to a button and press it."""
        self.tab_to(self.page.get_by_role("button", name=self.say(word), exact=True))
        self.page.keyboard.press("Enter")

    def open(self, word: str) -> None:
        """Follow a link of the menu, past which the first stop of the page leads."""
        menu = self.page.get_by_role("navigation", name=self.say("id_menu"))
        self.tab_to(menu.get_by_role("link", name=self.say(word), exact=True))
        self.page.keyboard.press("Enter")
        expect(menu.locator("[aria-current]")).to_have_text(self.say(word))
        whole(self.page)

    def is_told(self, word: str) -> None:
        expect(self.page.get_by_role("status")).to_have_text(self.say(word))


@pytest.fixture(scope="module", params=LANGUAGES)
def member(browser: Browser, office: OfficeStage, request: pytest.FixtureRequest) -> Iterator[Member]:
    """The holder of a language."""
    office.forget_attempts()
    made = Member(browser, office, request.param)
    yield made
    assert made.visit.complaints == []
    assert made.visit.hosts == {office.url.split("/")[2]}
    made.context.close()


def test_1_prices_discounts_and_promotions(member: Member, office: OfficeStage) -> None:
    """What holds now: the points' worth and every partner of the city (§ 19.1)."""
    member.open("h_offers")
    expect(member.page.get_by_role("heading", level=1)).to_have_text(member.say("h_offers"))
    expect(member.page.get_by_role("listitem").filter(has_text="100").last).to_be_visible()
    partners = office.sql("select name from registry.partner where programme = 1 and status = 0")
    shown = member.page.locator("main").inner_text()
    assert [row["name"] for row in partners if row["name"] not in shown] == []
    assert partners


def test_2_until_when_entitled(member: Member) -> None:
    """The overview says it in words (§ 19.2)."""
    member.open("h_me")
    expect(member.page.locator("#entitled")).to_have_text(member.say("h_entitled_free"))  # in this city
    expect(member.page.get_by_text(member.say("h_entitled"), exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("language", "until", "told"),
    [
        ("pl", "2099-05-31", "31.05.2099"),
        ("en", "2099-05-31", "31 May 2099"),
        ("pl", "2020-05-31", "uprawnienia wygasły 31.05.2020"),
        ("en", "2020-05-31", "the entitlement ended on 31 May 2020"),
        ("pl", "", "brak potwierdzonych uprawnień"),
        ("en", "", "no entitlement was proved"),
    ],
)
def test_2_where_a_proof_is_wanted_until_which_day(
    browser: Browser, office: OfficeStage, language: str, until: str, told: str
) -> None:
    """In Zgierz the day of the last proof, that it is over, or that there was none (§ 19.2)."""
    login = f"until-{language}-{until[:4] or 'never'}"
    account = office.new_member(login, "zgierz")
    if until:
        day = date.fromisoformat(until)
        proved = f"tax_year = {day.year - 1}, entitled_until = '{day}'"
        office.write(f"update registry.holder set {proved} where account = {account}")
    context = browser.new_context(java_script_enabled=False, locale=f"{language}-PL")
    page = context.new_page()
    page.goto(f"{office.url}{language}/login")
    page.select_option("#programme", "zgierz")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#entitled")).to_contain_text(told)
    context.close()


def test_3_login_and_password(member: Member, office: OfficeStage) -> None:
    """Both are others afterwards, and let in (§ 19.3)."""
    member.open("h_login")
    member.fill("h_new_login", f"{member.login}-b")
    member.fill("id_old_password", PASSWORD)
    member.page.keyboard.press("Enter")
    member.is_told("h_login_done")
    member.open("id_change_password")
    member.fill("id_old_password", PASSWORD)
    member.fill("id_new_password", NEW_PASSWORD)
    member.fill("id_new_again", NEW_PASSWORD)
    member.page.keyboard.press("Enter")
    member.is_told("id_pw_done")
    assert office.client().sign_in("czestochowa", f"{member.login}-b", NEW_PASSWORD).status == 303


def test_4_own_data(member: Member, office: OfficeStage) -> None:
    """What is known is shown; the telephone changes with the password (§ 19.4)."""
    member.open("h_data")
    expect(member.page.locator("#name")).to_have_text("Ktoś Nowy")
    member.fill("h_phone", "600700800")
    member.fill("id_old_password", NEW_PASSWORD)
    member.page.keyboard.press("Enter")
    member.is_told("h_done")
    expect(member.page.get_by_label(member.say("h_phone"))).to_have_value("600700800")
    assert office.client().get(f"/{member.language}/me/data").status == 303  # nobody else's to read


def test_5_duplicate(member: Member, office: OfficeStage) -> None:
    """An application that the desk has from then on (§ 19.6)."""
    member.open("h_duplicate")
    member.tab_to(member.page.get_by_role("radio").first)
    member.page.keyboard.press("Space")
    member.press("h_dup_ask")
    expect(member.page.get_by_role("status")).to_be_visible()
    asked = office.sql("select kind, state from people.application where account = $1", member.account)
    assert [(row["kind"], row["state"]) for row in asked] == [("duplicate", "received")]


def test_6_block(member: Member, office: OfficeStage) -> None:
    """After a question, at once (§ 19.5, § 24)."""
    member.open("h_me")
    member.tab_to(
        member.page.get_by_role("link").and_(member.page.locator("main a[href*='/me/block/']")).first
    )
    member.page.keyboard.press("Enter")
    member.press("h_block")
    member.is_told("h_blocked")
    assert 1 in [
        row["status"]
        for row in office.sql("select status from registry.card where account = $1", member.account)
    ]


def test_7_history(member: Member) -> None:
    """The counter of benefits on the screen, and as a file (§ 19.7)."""
    member.open("h_history")
    expect(member.page.locator("tbody tr")).to_have_count(3)
    member.tab_to(member.page.get_by_role("link", name=member.say("h_csv")))
    with member.page.expect_download() as told:
        member.page.keyboard.press("Enter")
    assert told.value.path().read_text(encoding="utf-8-sig").count("\n") == 1 + 3


def test_8_messages(member: Member, office: OfficeStage) -> None:
    """What is written to the desk stands there (§ 19.8)."""
    member.open("h_messages")
    member.fill("h_text", "Dzień dobry")
    member.press("h_send")
    expect(member.page.locator(".said").first).to_have_text("Dzień dobry")
    kept = office.sql("select from_holder from people.message where account = $1", member.account)
    assert [row["from_holder"] for row in kept] == [True]


def test_9_deletion(member: Member, office: OfficeStage) -> None:
    """With the password and after a question; then there is no such person and no such login (§ 19.9)."""
    member.open("h_end")
    form = member.page.locator("form").filter(has=member.page.locator("[name=what][value=delete]"))
    member.tab_to(form.get_by_label(member.say("id_old_password")))
    member.page.keyboard.type(NEW_PASSWORD)
    member.tab_to(form.get_by_role("checkbox"))
    member.page.keyboard.press("Space")
    member.tab_to(form.get_by_role("button"))
    member.page.keyboard.press("Enter")
    expect(member.page.get_by_role("heading", level=1)).to_have_text(member.say("h_ended_delete_head"))
    assert office.sql("select * from people.person where account = $1", member.account) == []
    assert office.client().sign_in("czestochowa", f"{member.login}-b", NEW_PASSWORD).status == 403

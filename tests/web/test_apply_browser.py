"""Applying on line in a real Chromium: without scripts, by keyboard, on a phone, and axe finds nothing."""

import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from ops.office.online import Invitations
from tests.web.browser import Visit, whole
from tests.web.office_stage import OfficeStage
from tests.web.test_office_browser import PHONE, check


@pytest.fixture
def form(office: OfficeStage) -> str:
    """The address of a form, as a letter has it."""
    office.forget_attempts()
    return f"apply/form/{Invitations(office.master).make(3, 'okno@example.org', time.time())}"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone that runs no scripts."""
    made = browser.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    visit = Visit(made)
    yield visit.page
    assert visit.complaints == []
    made.close()


def test_in_steps_without_scripts(page: Page, office: OfficeStage, form: str) -> None:
    """The link is asked for; three steps, one back, sent, a look at it, withdrawn."""
    page.goto(f"{office.url}pl/apply")
    page.get_by_label("Program").select_option("zgierz")
    page.get_by_label("E-mail").fill("okno@example.org")
    page.get_by_role("button", name="Wyślij link").click()
    expect(page.get_by_role("status")).to_contain_text("list z linkiem jest w drodze")
    page.goto(f"{office.url}pl/{form}")
    page.get_by_label("dla mnie").check()
    page.get_by_label("Imię i nazwisko osoby").fill("Ula Okienna")
    page.get_by_label("Data urodzenia").fill("1980-02-03")
    page.get_by_role("button", name="Dalej").click()
    page.get_by_label("Adres zamieszkania").fill("Rynek 2, Zgierz")
    page.get_by_role("button", name="Wstecz").click()
    expect(page.get_by_label("Imię i nazwisko osoby")).to_have_value("Ula Okienna")
    page.get_by_role("button", name="Dalej").click()
    expect(page.get_by_label("Adres zamieszkania")).to_have_value("Rynek 2, Zgierz")
    page.get_by_role("button", name="Dalej").click()
    if whole(page).get_by_label("Rok podatkowy").count():
        page.get_by_label("Rok podatkowy").fill("2025")
    page.get_by_label("przetwarzanie danych").check()
    page.get_by_label("akceptuję zasady programu").check()
    page.get_by_role("button", name="Wyślij wniosek").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Wniosek nr")
    page.get_by_label("Tak, wycofuję wniosek").check()
    page.get_by_role("button", name="Wycofaj wniosek").click()
    expect(page.locator("#state")).to_have_text("wycofany")


def test_axe_finds_nothing(browser: Browser, office: OfficeStage, form: str) -> None:
    """Each step, at 320 px, filled in by keyboard: 0 violations of WCAG 2.1 AA; nothing overflows."""
    made = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    visit, axe = Visit(made), Axe()
    page = visit.page
    check(page, axe, f"{office.url}en/{form}")
    page.get_by_label("for myself").focus()
    page.keyboard.press("Space")
    page.get_by_label("Name of the person").focus()
    page.keyboard.type("Ula Okienna")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("02031980")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Step 2 of 3")).to_be_visible()
    nothing_is_wrong(page, axe)
    page.get_by_label("Home address").fill("Rynek 2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Step 3 of 3")).to_be_visible()
    nothing_is_wrong(page, axe)
    page.get_by_label("processing of the personal data").check()
    page.get_by_label("accept the rules of the programme").check()
    if whole(page).get_by_label("Tax year").count():
        page.get_by_label("Tax year").fill("2025")
    page.get_by_role("button", name="Send the application").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Application no.")
    address = page.url.partition("?")[0]
    check(page, axe, address)
    check(page, axe, f"{address}/data")
    made.close()


def nothing_is_wrong(page: Page, axe: Axe) -> None:
    found = axe.run(
        whole(page), options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    )
    assert found.response["violations"] == [], found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

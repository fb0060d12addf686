"""The office's pages in a real Chromium: by keyboard, without scripts, signing in, with passkeys. What holds
for every page (axe, a phone, twice the size, Tab) is test_every_page.py.
"""

import time
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ops.web.identity.second_factor import code_at
from tests.web.browser import Visit, patient_context
from tests.web.office_stage import PASSWORD, SECRET, OfficeStage

PHONE = {"width": 320, "height": 640}


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own that runs no scripts at all."""
    made = browser.new_context(java_script_enabled=False, locale="pl-PL")
    yield made
    made.close()


def sign_in(page: Page, url: str, city: str = "zgierz", login: str = "ala") -> None:
    page.goto(f"{url}pl/login")
    page.get_by_label("Program").select_option(city)
    page.get_by_label("Login").fill(login)
    page.get_by_label("Hasło").fill(PASSWORD)
    page.get_by_role("button", name="Zaloguj się").click()


def test_all_of_it_works_without_scripts(context: BrowserContext, office: OfficeStage) -> None:
    """Sign in, write to the desk, ask for a duplicate, block the card, sign out: no script runs."""
    visit = Visit(context)
    page = visit.page
    office.forget_attempts()
    sign_in(page, office.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Zgierska Karta Mieszkańca")
    page.get_by_role("link", name="Wiadomości").click()
    page.get_by_label("Treść").fill("Czy punkt jest czynny w sobotę?")
    page.get_by_role("button", name="Wyślij").click()
    expect(page.locator(".said").first).to_have_text("Czy punkt jest czynny w sobotę?")
    page.goto(f"{office.url}pl/me/duplicate")
    page.get_by_label("nie działa bez mojej winy").check()
    page.get_by_role("button", name="Proszę o duplikat").click()
    expect(page.get_by_role("status")).to_have_text("Wniosek jest przyjęty.")
    page.goto(f"{office.url}pl/me")
    page.get_by_role("link", name="Zablokuj kartę").first.click()
    page.get_by_role("button", name="Zablokuj").click()
    expect(page.get_by_role("status")).to_have_text("Karta jest zablokowana.")
    page.get_by_role("button", name="Wyloguj się").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Zaloguj się")
    assert visit.complaints == []
    assert visit.hosts == {office.url.split("/")[2]}


def test_by_keyboard_alone(browser: Browser, office: OfficeStage) -> None:
    """The first stop leads past the menu; the form of the sign-in is filled in and sent without a mouse."""
    page = patient_context(browser, locale="en-GB").new_page()
    office.forget_attempts()
    page.goto(f"{office.url}en/login")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Z")
    page.keyboard.press("Tab")
    page.keyboard.type("ala")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Zgier")
    assert page.url == f"{office.url}en/me"
    page.context.close()


def check(page: Page, axe: Axe, url: str) -> None:
    page.goto(url)
    found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]})
    assert found.response["violations"] == [], (url, found.generate_report())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), url


def test_an_officer_s_sign_in(browser: Browser, office: OfficeStage) -> None:
    """The picture of the second factor's secret is there, axe finds nothing on the way in."""
    made = browser.new_context()
    visit, axe = Visit(made), Axe()
    office.forget_attempts()
    sign_in(visit.page, office.url, login="beginner")
    check(visit.page, axe, visit.page.url)
    assert visit.page.locator(".qr").evaluate("image => image.naturalWidth") > 50
    visit.page.context.clear_cookies()
    sign_in(visit.page, office.url, login="clerk")
    check(visit.page, axe, visit.page.url)
    visit.page.get_by_label("Kod").fill(code_at(SECRET, time.time()))
    visit.page.get_by_role("button", name="Dalej").click()
    expect(visit.page.get_by_role("button", name="Wyloguj się")).to_be_visible()
    assert visit.complaints == []
    made.close()


def device(page: Page) -> None:
    """Give a browser a device that keeps passkeys and verifies its owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.mark.parametrize("login", ["ola", "clerk"])
def test_a_passkey_from_its_making_to_its_end(browser: Browser, office: OfficeStage, login: str) -> None:
    """A browser with a device of its own makes a passkey, and signs a holder and an officer in by keyboard
    with it; removed, it opens nothing; axe finds nothing on these pages, and no policy is broken.
    """
    made = browser.new_context(locale="pl-PL", viewport=PHONE)  # type: ignore[arg-type]
    visit, axe, url = Visit(made), Axe(), f"{office.relying.origin}/"
    page = visit.page
    device(page)
    office.forget_attempts()
    sign_in(page, url, login=login)
    if login == "clerk":
        page.get_by_label("Kod").fill(code_at(SECRET, time.time()))
        page.get_by_role("button", name="Dalej").click()
    page.goto(f"{url}pl/account/passkeys")
    page.get_by_label("Nazwa").fill("mój telefon")
    page.get_by_label("Obecne hasło").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Utwórz klucz dostępu").focus()
    assert login != "ola" or axe.run(page).response["violations"] == []
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Klucz dostępu jest dodany.")
    expect(page.get_by_role("heading", name="mój telefon")).to_be_visible()
    if login == "ola":
        check(page, axe, f"{url}pl/account/passkeys")
    page.get_by_role("button", name="Wyloguj się").click()
    page.goto(f"{url}pl/login?next=/pl/account/passkeys")
    assert login != "ola" or axe.run(page).response["violations"] == []
    page.get_by_role("button", name="Użyj klucza dostępu").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Klucze dostępu")
    page.get_by_role("button", name="Usuń klucz dostępu mój telefon").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Klucz dostępu jest usunięty.")
    page.get_by_role("button", name="Wyloguj się").click()
    page.get_by_role("button", name="Użyj klucza dostępu").press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("nie otwiera tu żadnego loginu")
    assert [each for each in visit.complaints if "403" not in each] == []
    made.close()


def test_without_a_device_or_scripts_the_password_remains(browser: Browser, office: OfficeStage) -> None:
    """A browser that gives no passkey says so and goes on; one without scripts is not asked for any."""
    made = patient_context(browser, locale="pl-PL")
    page = made.new_page()
    session = made.new_cdp_session(page)
    session.send("WebAuthn.enable")  # and no device
    page.goto(f"{office.relying.origin}/pl/login")
    page.evaluate("() => { navigator.credentials.get = async () => { throw new Error('none') } }")
    page.get_by_role("button", name="Użyj klucza dostępu").press("Enter")
    expect(page.get_by_text("Przeglądarka nie dała klucza dostępu.")).to_be_visible()
    expect(page.get_by_label("Hasło")).to_be_editable()
    made.close()
    plain = patient_context(browser, locale="pl-PL", java_script_enabled=False)
    page = plain.new_page()
    page.goto(f"{office.relying.origin}/pl/login")
    expect(page.get_by_role("button", name="Użyj klucza dostępu")).to_be_hidden()
    expect(page.get_by_role("button", name="Zaloguj się", exact=True)).to_be_visible()
    plain.close()

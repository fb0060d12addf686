"""The page in a browser as a person works it: choose a city and a card, press, read what was printed."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from simulators.city.example import City
from tests.patience import HANG_S
from tests.web.browser import Visit, whole

expect.set_options(timeout=HANG_S * 1_000)


@contextmanager
def quiet_page(browser: Browser, *, language: str = "pl-PL") -> Iterator[Page]:
    """A page of a fresh profile that must complain of nothing and ask nothing of any host but one."""
    context = browser.new_context(locale=language, viewport={"width": 1440, "height": 900})
    try:
        visit = Visit(context)
        yield visit.page
    finally:
        context.close()
    assert visit.complaints == []
    assert len(visit.hosts) == 1


def axe_violations(page: Page) -> list[str]:
    """Return what axe finds wrong with a page, a line for each rule."""
    found = Axe().run(whole(page)).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html']}" for rule in found]


def on_line(page: Page) -> None:
    page.wait_for_selector("#state[data-state=on_line]")


def choose_city(page: Page, city: City) -> None:
    page.select_option("#city", city.code)
    expect(page.locator("#terminal")).to_have_text(str(city.page_terminal))
    on_line(page)


def type_card(page: Page, digits: str) -> None:
    """Key a card that is not in the list."""
    page.select_option("#card", "other")
    page.fill("#typed", digits)


def choose_card(page: Page, digits: str) -> None:
    """Choose a card of the list."""
    value = page.evaluate(
        "d => [...document.querySelector('#card').options].find(o => o.value.includes(d)).value", digits
    )
    page.select_option("#card", value)


def press(page: Page, operation: str) -> dict[str, str]:
    """Press an operation's button; return the printed receipt's STAN, result and text when it has come."""
    page.evaluate("document.querySelector('#receipt').removeAttribute('data-stan')")
    page.click(f"[data-operation={operation}]")
    return printed(page)


def printed(page: Page) -> dict[str, str]:
    """Return what is printed, when it is there."""
    receipt = page.wait_for_selector("#receipt[data-stan]")
    assert receipt is not None
    names = ("data-stan", "data-result")
    return {name: receipt.get_attribute(name) or "" for name in names} | {"text": receipt.inner_text()}


def frames(page: Page) -> list[tuple[str, bool, int]]:
    """Return what went over the wire, oldest first: the message's name, whether sent, its type byte."""
    found = page.eval_on_selector_all(
        "#frames details",
        "all => all.map(d => [d.dataset.name, d.className === 'sent', Number(d.dataset.type)])",
    )
    return [(name, sent, kind) for name, sent, kind in reversed(found)]

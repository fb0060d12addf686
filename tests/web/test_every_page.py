"""Every page of the site as the accessibility statement says of them all: axe finds nothing, in light and
dark; nothing sticks out at 320 points and at twice the size; each control is reached by Tab, and seen to be.

The pages are the site's own routes, of strangers, holders, partners and officers: a new one is walked, too,
or fails. A page is opened once, and looked at in every way. What is answered to a form, refused or done, is
a page, too: each form of each page is sent, and axe looks at what comes.
"""

import re
from collections.abc import Iterator
from typing import Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page, Route

from tests.postgres import Server
from tests.web.browser import Visit, patient_context
from tests.web.office_stage import Reply
from tests.web.one_of_each import OneOfEach, Place, one_of_each
from tests.web.posted import may_be_a_page
from tests.web.served_forms import TEXT, Form, Routes, forms_of, submit

PHONE: Final = {"width": 320, "height": 640}
HALF: Final = {"width": 640, "height": 512}
"""What 200 % leaves of 1280 by 1024."""
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
NO_PAGE: Final = "/no-such-page"
WANT_MORE: Final = {
    "/": ("stranger", NO_PAGE),
    "/login": ("stranger", "/accessibility"),
    "/login/second": ("half", "/login/second"),
    "/login/enrol": ("beginner", "/login/enrol"),
    "/login/enrol.svg": ("stranger", "/login"),
    "/desk/offers/preview": ("every3", "/desk/offers/preview?number=831"),
    "/partner/invoice": ("baker", "/partner/statements"),
}
"""Routes that are no page as they stand, and which page is opened for each."""
WORDS: Final = [
    "color-contrast", "html-lang-valid", "valid-lang", "document-title", "label", "select-name", "link-name",
    "button-name", "empty-heading", "aria-valid-attr-value",
]  # fmt: skip
"""What another language and another scheme of one page may break."""
_AXE: Final = """async only => (await axe.run({runOnly: only, resultTypes: ["violations"]})).violations
  .map(found => `${found.id}: ${found.help}: ${found.nodes[0].html}`)"""
_STICKS_OUT: Final = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("main *, nav *, header *, footer *")]
    .filter(one => one.getBoundingClientRect().right > innerWidth && !one.closest(".scroll"))
    .map(one => one.outerHTML.slice(0, 200)).slice(-2).concat("sticks out")"""
_CONTROLS: Final = """() => {
  window.reached = new Set(), window.unseen = []
  document.addEventListener("focusin", event => {
    const one = event.target, look = getComputedStyle(one), at = one.getBoundingClientRect()
    reached.add(one)
    const isSeen = at.width > 0 && at.right > 0 && at.bottom > 0 && at.top < innerHeight
    if (!isSeen || look.outlineStyle === "none" || look.outlineWidth === "0px") unseen.push(one.outerHTML)
  })
  window.controls = [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex='-1'])")]
    .filter(one => !one.disabled && one.getClientRects().length)
  const radios = controls.filter(one => one.type === "radio")
  window.groups = new Set(radios.map(one => one.name + one.form?.action))
  return controls.reduce((sum, one) => sum + (one.type === "date" ? 4 : 1), 1)
}"""
"""Notes what is reached and seen; returns how often to press Tab: a day has a stop for each of its parts."""
_LEFT: Final = """() => [...unseen.map(one => "not seen: " + one), ...controls
  .filter(one => !reached.has(one) && one.type !== "radio").map(one => "not reached: " + one.outerHTML),
  ...[...groups].filter(name => ![...reached].some(one => one.type === "radio"
    && one.name + one.form?.action === name)).map(name => "no radio button reached: " + name)]"""


ENDS: Final = "/me/end"
"""After it the holder has no page any more."""


@pytest.fixture(scope="module")
def each(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneOfEach]:
    """One of everything, on a site of its own, and two who are half signed in."""
    with one_of_each(postgres_server, tmp_path_factory.mktemp("each")) as found:
        for who, login in (("half", "clerk"), ("beginner", "beginner")):
            found.clients[who] = found.office.client()
            found[who].sign_in("zgierz", login)
        yield found


def who_opens(route: str) -> str:
    """Who has the pages of a route that names no row."""
    begins = {"/me": "member", "/account": "member", "/partner": "baker", "/desk/logins": "admin3"}
    begins |= {"/desk/points": "every1", "/desk": "every3"}
    return next((who for begin, who in begins.items() if route.startswith(begin)), "stranger")


def addresses(each: OneOfEach) -> list[tuple[str, str]]:
    """Who opens what: each route that is asked for by GET, with what it wants to be whole."""
    places, found = each.places(), []
    for method, route in Routes(each.office).all:
        if method == "GET" and route not in WANT_MORE:
            place = places.get(route, Place(route, who_opens(route), ()))
            found.append((place.whose, place.path))
    return found + list(WANT_MORE.values())


def opened_by(each: OneOfEach, who: str, browser: Browser) -> Visit:
    """A browser of somebody who has signed in."""
    made = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    cookies = each[who].cookies.items()
    made.add_cookies([{"name": name, "value": value, "url": each.office.url} for name, value in cookies])
    return Visit(made)


def wrong_with(page: Page, axe: Axe, scheme: str, rules: list[str]) -> list[str]:
    """What axe finds on a page that is open, and what sticks out of it."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    found = page.evaluate(_STICKS_OUT)
    page.evaluate(axe.axe_script)
    return [f"{scheme}, {page.url}: {each}" for each in (*found, *page.evaluate(_AXE, rules))]


def by_keyboard(page: Page, keys: CDPSession) -> list[str]:
    """What Tab does not reach, or reaches unseen; and what sticks out at twice the size."""
    page.set_viewport_size(HALF)  # type: ignore[arg-type]
    found = page.evaluate(_STICKS_OUT)
    tab = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    for _ in range(page.evaluate(_CONTROLS)):
        keys.send("Input.dispatchKeyEvent", tab)
    return [f"{page.url}: {each}" for each in (*found, *page.evaluate(_LEFT))]


def test_every_page_is_for_everybody(each: OneOfEach, browser: Browser) -> None:
    """Each page of each route, opened by who has it: in Polish and light by every rule of WCAG 2.1 AA and by
    keyboard; in English and dark by what words and colours may break; at 320 points in both.
    """
    axe, wrong, pages = Axe(), [], 0
    visits: dict[str, tuple[Visit, CDPSession]] = {}
    for who, path in addresses(each):
        reply = each[who].get(f"/en{path}")
        assert reply.status == (404 if path == NO_PAGE else 200), (who, path)
        if not reply.header("content-type").startswith("text/html"):
            continue
        if who not in visits:
            visit = opened_by(each, who, browser)
            visits[who] = (visit, visit.page.context.new_cdp_session(visit.page))
        visit, keys = visits[who]
        visit.page.goto(f"{each.office.url}pl{path}")
        wrong += wrong_with(visit.page, axe, "light", RULES) + by_keyboard(visit.page, keys)
        visit.page.goto(f"{each.office.url}en{path}")
        wrong += wrong_with(visit.page, axe, "dark", WORDS)
        pages += 1
    assert wrong == []
    assert pages > 50
    complaints = [one for visit, _ in visits.values() for one in visit.complaints if "404" not in one]
    assert complaints == []
    for visit, _ in visits.values():
        visit.page.context.close()


def refusing(form: Form) -> dict[str, str]:
    """What is sent of a form so that it is refused: nothing ticked, passwords wrong, what is typed empty or,
    at a desk, where much may be empty, longer than it may be.
    """
    sent = {each.name: each.value for each in form.inputs if each.kind == "hidden" and each.name != "csrf"}
    for each in form.inputs:
        if each.kind == "password":
            sent[each.name] = "wrong password"
        elif each.kind in TEXT:
            sent[each.name] = "x" * (each.most + 1) if "/desk/" in form.action else ""
        elif each.kind == "select":
            sent[each.name] = each.value
    return sent | dict([form.button] if form.button[0] else [])


def asks_something(form: Form) -> bool:
    """Whether there is anything in it that can be wrong: a button alone does what it says."""
    return any(each.kind != "hidden" for each in form.inputs)


def answers(each: OneOfEach) -> Iterator[tuple[str, Form, Reply]]:
    """Who is answered what to a form of each page: refused; and done, where that is answered with a page."""
    sent, last = set[tuple[str, str]](), list[tuple[str, Form]]()
    for who, path in addresses(each):
        page = each[who].get(f"/pl{path}")
        for form in forms_of(page.text) if page.header("content-type").startswith("text/html") else ():
            if (form.action, form.does) in sent or not asks_something(form):
                continue
            sent.add((form.action, form.does))
            each.office.forget_attempts()
            yield who, form, each[who].post(form.action, **refusing(form))
            if form.action.endswith(ENDS):
                last.append((who, form))
            elif may_be_a_page(form.action):
                yield who, form, submit(each[who], form)
    who, form = last[0]
    yield who, form, submit(each[who], form)


def shown_as(page: Page, url: str, reply: Reply) -> None:
    """Open an answer in the browser as the page of its address."""

    def fulfil(route: Route) -> None:
        route.fulfill(status=200, headers=dict(reply.headers), body=reply.body)

    page.route(url, fulfil)
    page.goto(url)
    page.unroute(url)


def test_every_answer_to_a_form_is_for_everybody(each: OneOfEach, browser: Browser) -> None:
    """Each form of each page, refused, and what is done where that is a page: by every rule, in Polish and
    light, on a phone; one of each title and kind of answer.
    """
    axe, wrong, seen = Axe(), [], set[tuple[str, bool]]()
    page = patient_context(browser, viewport=PHONE).new_page()
    for _, form, reply in answers(each):
        title = re.search(r"<title>(.*?)</title>", reply.text, re.DOTALL)
        if title is None or (what := (title[1], reply.status == 200)) in seen:
            continue
        seen.add(what)
        shown_as(page, each.office.url.rstrip("/") + form.action, reply)
        wrong += wrong_with(page, axe, "light", RULES)
    assert wrong == []
    refused = {title for title, is_done in seen if not is_done}
    assert len(refused) > 20, refused
    assert len(seen) - len(refused) >= 4, seen
    page.context.close()

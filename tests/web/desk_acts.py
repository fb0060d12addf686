"""What the desk can be asked, and which test clicks it in a real Chromium: the table of docs/office/desk.md.

Owns the list, which the site's own routes make, and the browsers that note what was clicked. Invariant: an
act is a test's only once that test's browser was led there by a click on one of the site's pages, and was not
refused. An act is a route with its method, and of a form with several acts the field `act`.
"""

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request
from starlette.routing import BaseRoute, Route

from ops.web.desk.common import ACCOUNTS, ADMINS, CLERKS, EDITORS
from ops.web.desk.site import ACTS_OF
from ops.web.identity.pages import IdentityPages
from ops.web.language import LANGUAGES
from ops.web.office_site import Site, parts_here
from tests.web.browser import patient_context
from tests.web.office_stage import Client, OfficeStage

F = TypeVar("F", bound=Callable[..., Any])
HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parents[1] / "docs/office/desk.md"
WHO: Final[Mapping[str, tuple[str, ...]]] = {
    "applications": CLERKS, "holders": CLERKS, "cases": CLERKS, "months": ACCOUNTS, "proposals": ACCOUNTS,
    "points": ACCOUNTS, "offers": EDITORS, "partners": EDITORS, "declarations": EDITORS,
    "logins": ADMINS,
}  # fmt: skip
"""Which roles may have the routes below each part of the desk; the matrix of test_desk_attacks.py holds each
route to it. A part that is not here fails the tests.
"""
CLICKED_BY: Final[dict[str, str]] = {}
"""Of each act the test that clicks it, of the modules that are imported."""
BY_SECOND: Final[set[str]] = set()
"""The acts that a test saw refused to the first person, and done by another."""


@functools.cache
def every_route() -> tuple[BaseRoute, ...]:
    """All routes of the office's site, by the parts that it is made of."""
    nothing = cast(Any, None)  # no page is rendered here
    site = Site(lambda: nothing, nothing, nothing, {}, "", None)
    parts = [make(site) for make in parts_here()]
    parts.append(IdentityPages(site.pages, site.door, list, None).part())
    return tuple(route for part in parts for route in part.routes)


def routes() -> list[Route]:
    """All routes of the desk, whichever part of the site brings them."""
    return [route for route in every_route() if isinstance(route, Route) and route.path.startswith("/desk")]


def method_of(route: Route) -> str:
    return "POST" if "POST" in (route.methods or ()) else "GET"


def all_acts() -> list[str]:
    """Everything the desk can be asked: "GET /desk/cases", "POST /desk/cases/{number:int} lift"."""
    found = []
    for route in routes():
        acts = ACTS_OF.get(route.path, ()) if method_of(route) == "POST" else ()
        found += [f"{method_of(route)} {route.path} {act}".rstrip() for act in acts or ("",)]
    return found


def act_of(method: str, url: str, body: bytes) -> str:
    """Return what a request asks of the desk; empty for what is not the desk's."""
    path = urlsplit(url).path
    first, _, rest = path.removeprefix("/").partition("/")
    path = f"/{rest}" if first in LANGUAGES else path
    said = parse_qs(body.decode("utf-8", "replace")).get("act", [""])[0] if method == "POST" else ""
    for route in routes():
        if method_of(route) == method and route.path_regex.match(path):
            return f"{method} {route.path} {said}".rstrip()
    return ""


class Clicked:
    """Browsers of officers; what they were led to by a click, and what they were refused."""

    def __init__(self, office: OfficeStage, browser: Browser) -> None:
        self._office = office
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._requests: list[Request] = []

    def browser_of(self, client: Client, *, scripts: bool = False, locale: str = "en-GB") -> Page:
        """A browser with a client's session, without JavaScript unless it is asked for."""
        context = patient_context(
            self._browser, java_script_enabled=scripts, locale=locale, accept_downloads=True
        )
        url = self._office.url
        context.add_cookies([{"name": k, "value": v, "url": url} for k, v in client.cookies.items()])
        context.on("request", self._note)
        self._contexts.append(context)
        return context.new_page()

    def _note(self, request: Request) -> None:
        self._requests.append(request)

    def acts(self) -> tuple[set[str], set[str]]:
        """Return what was done and what was refused: of all that was asked, what a person's click on a page
        of the site led to. An address that a test opens is nobody's click.
        """
        done: set[str] = set()
        refused: set[str] = set()
        for request in self._requests:
            if not request.is_navigation_request() or "/desk" not in request.url:
                continue
            headers = request.all_headers()
            if (headers.get("sec-fetch-site"), headers.get("sec-fetch-user")) != ("same-origin", "?1"):
                continue
            answer = request.response()
            act = act_of(request.method, request.url, request.post_data_buffer or b"")
            if act and answer is not None:
                (done if answer.status < 400 else refused).add(act)
        return done, refused

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def covers(*acts: str, by_second: tuple[str, ...] = ()) -> Callable[[F], F]:
    """Say what a test clicks; it fails at its end where its browsers (fixture `desk`) did not.

    `by_second`: what another person has to do: it has to have been refused to the first, too.
    """

    def mark(test: F) -> F:
        if "desk" not in inspect.signature(test).parameters:
            raise TypeError(f"{test.__name__} has no browsers (fixture `desk`) that note what is clicked")

        @functools.wraps(test)
        def held(*args: Any, desk: Clicked, **fixtures: Any) -> None:
            test(*args, desk=desk, **fixtures)
            check_clicked(desk, {*acts, *by_second}, set(by_second))

        for act in (*acts, *by_second):
            CLICKED_BY[act] = f"{test.__module__.rpartition('.')[2]}.py::{test.__name__}"
        BY_SECOND.update(by_second)
        return cast(F, held)

    return mark


def check_clicked(desk: Clicked, acts: set[str], by_second: set[str]) -> None:
    """Fail where an act was not done by a click, or not refused to the first of two persons."""
    done, refused = desk.acts()
    strange = (done | refused) - set(all_acts())
    assert not strange, f"clicked, and no act by the desk's list (ACTS_OF): {sorted(strange)}"
    assert acts <= done, f"said to be clicked, and was not done by a click: {sorted(acts - done)}"
    missing = by_second - refused
    assert not missing, f"said to want another person, and was refused to nobody: {sorted(missing)}"


def by_menu(office: OfficeStage, page: Page, path: str) -> None:
    """Come to a page of the desk as an officer does: from the account's page by the menu."""
    page.goto(f"{office.url}en/account/sessions")
    page.click(f"nav.menu a[href='/en{path}']")


def kept(page: Page, selector: str) -> bytes:
    """Click a link to a file; return what the browser was given."""
    with page.expect_download() as waiting:
        page.click(selector)
    return Path(waiting.value.path()).read_bytes()


def import_tests() -> None:
    """Import every module with tests of the desk, so that CLICKED_BY is whole."""
    for module in sorted(HERE.glob("test_desk*.py")):
        importlib.import_module(f"{__package__}.{module.stem}")


def table() -> str:
    """The rows of the table: an act, who may, the test that clicks it."""
    rows = []
    for act in all_acts():
        method, path, *said = act.replace(":int}", "}").split(" ")
        who = ", ".join(WHO[path.split("/")[2]]) + (", **another**" if act in BY_SECOND else "")
        rows.append(
            f"| {method} `{path}` {' '.join(said)} | {who} | `{CLICKED_BY.get(act, 'none')}` |".replace(
                "  ", " "
            )
        )
    return "\n".join(rows) + "\n"


def rewritten(page: str) -> str:
    """Return the page with the table made anew: what is between its head and the next blank line."""
    before, head, rest = page.partition("<!-- ACTS -->\n| act | who may | test |\n| --- | --- | --- |\n")
    _, blank, after = rest.partition("\n\n")
    assert head, "the page has a place for the table"
    assert blank, "the table ends with a blank line"
    return before + head + table() + "\n" + after

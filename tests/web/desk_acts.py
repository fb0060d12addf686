"""What the desk's site can be asked, and which test clicks it in a real Chromium.

`covers` names what a test clicks; the test fails where its browser did not (`clicking`). An act
is a route with its method, and of a form with several acts the field `act`.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request
from starlette.routing import Route

from ops.web.desk.site import ACTS_OF, desk_part
from ops.web.language import LANGUAGES
from tests.patience import HANG_S
from tests.web.office_stage import Client, OfficeStage

F = TypeVar("F", bound=Callable[..., Any])
COVERED: dict[str, str] = {}
"""Of each act the test that clicks it, of the modules that are imported."""


def routes() -> list[Route]:
    """All routes of the desk."""

    def no_pages() -> Any:
        raise AssertionError("nothing is rendered here")

    return [route for route in desk_part(no_pages).routes if isinstance(route, Route)]


def method_of(route: Route) -> str:
    return "POST" if "POST" in (route.methods or ()) else "GET"


def all_acts() -> list[str]:
    """Everything the desk can be asked: "GET /desk/cases", "POST /desk/cases/{number:int} lift"."""
    found = []
    for route in routes():
        acts = ACTS_OF.get(route.path, ()) if method_of(route) == "POST" else ()
        found += [f"{method_of(route)} {route.path} {act}".rstrip() for act in acts or ("",)]
    return found


def covers(*acts: str) -> Callable[[F], F]:
    """Say that a test clicks these acts in a real Chromium, which its fixture `page` holds it to."""

    def mark(test: F) -> F:
        for act in acts:
            COVERED[act] = f"{test.__module__.rpartition('.')[2]}::{test.__name__}"
        test.covers = acts  # type: ignore[attr-defined]
        return test

    return mark


def act_of(request: Request) -> str:
    """Return what a request of a browser asks of the desk; empty for what is not the desk's."""
    path = urlsplit(request.url).path
    first, _, rest = path.removeprefix("/").partition("/")
    path = f"/{rest}" if first in LANGUAGES else path
    for route in routes():
        if method_of(route) != request.method or not route.path_regex.match(path):
            continue
        acts = ACTS_OF.get(route.path, ()) if request.method == "POST" else ()
        said = parse_qs(request.post_data or "").get("act", [""])[0] if acts else ""
        return f"{request.method} {route.path} {said}".rstrip()
    return ""


class Clicked:
    """Browsers of officers, and what was asked of the desk by them."""

    def __init__(self, office: OfficeStage, browser: Browser) -> None:
        self._office = office
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.acts: set[str] = set()

    def browser_of(self, client: Client, *, scripts: bool = False, locale: str = "en-GB") -> Page:
        """A browser with a client's session, without JavaScript unless it is asked for."""
        context = self._browser.new_context(java_script_enabled=scripts, locale=locale, accept_downloads=True)
        context.set_default_timeout(HANG_S * 1_000)
        url = self._office.url
        context.add_cookies([{"name": k, "value": v, "url": url} for k, v in client.cookies.items()])
        context.on("request", lambda request: self.acts.add(act_of(request)))
        self._contexts.append(context)
        return context.new_page()

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextlib.contextmanager
def clicking(office: OfficeStage, browser: Browser, test: Any) -> Iterator[Clicked]:
    """Browsers for a test; at its end what it says to click has to have been clicked."""
    clicked = Clicked(office, browser)
    try:
        yield clicked
        missing = set(getattr(test, "covers", ())) - clicked.acts
        assert not missing, f"said to be clicked, and was not: {sorted(missing)}"
    finally:
        clicked.close()

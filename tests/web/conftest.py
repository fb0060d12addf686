"""What the tests of the terminal in the browser, and those of the office's pages, share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.postgres import Server
from tests.web.browser import chromium
from tests.web.desk_acts import Clicked
from tests.web.office_stage import Client, OfficeStage
from tests.web.till_page import on_line, quiet_page
from tests.web.till_stage import Stage


@pytest.fixture(scope="package")
def stage(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Three small cities on a real switch, and the page in front of it."""
    fresh = postgres_server.create()
    try:
        with Stage(fresh, tmp_path_factory.mktemp("till")).running() as running:
            yield running
    finally:
        postgres_server.drop(fresh)


@pytest.fixture(scope="package")
def office(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficeStage]:
    """Two small cities and the office's site in front of them."""
    fresh = postgres_server.create()
    try:
        with OfficeStage(fresh, tmp_path_factory.mktemp("office")).running() as running:
            running.trade()
            yield running
    finally:
        postgres_server.drop(fresh)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module; none stays open while trio's own tests run."""
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """The page in Polish, signed on; whatever it says on its console fails the test."""
    with quiet_page(browser) as opened:
        opened.goto(stage.url)
        on_line(opened)
        yield opened


@pytest.fixture
def desk(office: OfficeStage, browser: Browser) -> Iterator[Clicked]:
    """Browsers of officers, who note what is clicked."""
    clicked = Clicked(office, browser)
    try:
        yield clicked
    finally:
        clicked.close()


@pytest.fixture
def clerk(office: OfficeStage) -> Client:
    """A clerk of Zgierz at desk 1 who has signed in."""
    return office.signed_in("zgierz", "clerk")

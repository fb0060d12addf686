"""A real headless Chromium for tests: Debian's package, driven by Playwright; skipped where there is none."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.patience import HANG_S

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def need_chromium() -> str:
    """Return where the browser is; without it the test is skipped, but in continuous integration it fails."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium here, and CI=true: .ci/run installs Debian's package")
        pytest.skip("no Chromium here (apt install chromium)")
    return CHROMIUM


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. While it is there, Playwright's event loop has this thread: trio is for other threads."""
    program = need_chromium()
    # trio-asyncio, once imported, hands out loops of its own, on which Playwright hangs.
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else [],
                timeout=HANG_S * 1_000,
            )  # fmt: skip
            yield browser
            browser.close()
    finally:
        asyncio.set_event_loop_policy(None)


def whole(page: Page) -> Page:
    """A page when all of it is there: a click waits until the next page begins, and no longer. Who counts,
    reads all of it, or looks for what is not there, has to.
    """
    page.wait_for_load_state()
    return page


def patient_context(browser: Browser, **options: Any) -> BrowserContext:
    """A context in which whatever a test does waits as long as tests wait."""
    made = browser.new_context(**options)
    made.set_default_timeout(HANG_S * 1_000)
    return made


class Visit:
    """A page, and whatever it complained about: errors, failed requests, requests to elsewhere."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(HANG_S * 1_000)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self._failed(request.url, request.failure or ""))
        self.hosts: set[str] = set()
        self.page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))

    def _note(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _failed(self, url: str, failure: str) -> None:
        if "ERR_ABORTED" not in failure:  # a stream that the page itself has closed
            self.complaints.append(f"{url}: {failure}")

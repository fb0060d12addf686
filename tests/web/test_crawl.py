"""What is reached of a site is all of it, or a test says that it is not."""

import re
from typing import cast

import pytest

from tests.web.crawl import PAGES_MAX, crawl
from tests.web.office_stage import Client, Reply

HTML = [("content-type", "text/html; charset=utf-8")]


class Site:
    """Pages in a row, each with a link to the next: so many of them, or (None) without an end."""

    def __init__(self, pages: int | None) -> None:
        self._pages = pages

    def get(self, path: str) -> Reply:
        at = int(re.findall(r"\d+$", path)[0]) + 1
        text = f'<a href="/en/{at}">' if self._pages is None or at < self._pages else ""
        return Reply(200, HTML, text, b"")


def test_every_page_is_visited() -> None:
    """However many there are: none is passed over in silence."""
    assert len(crawl(cast(Client, Site(250)), "/en/0").pages) == 250


def test_links_without_an_end_are_told() -> None:
    """They fail the test that follows them, with what was left."""
    with pytest.raises(AssertionError, match=rf"{PAGES_MAX} pages, and more: /en/{PAGES_MAX}"):
        crawl(cast(Client, Site(None)), "/en/0")

"""The pictures of the board in docs/pictures, made of a running demo.

    .venv/bin/python -m tests.web.pictures http://127.0.0.1:9180/

Light and dark, in English; and what the browser itself says of the first paint. Needs Chromium. The board is
watched for half a minute first, so that its curves have something to show.
"""

import sys
import time
from pathlib import Path

from playwright.sync_api import Browser

from tests.web.browser import chromium

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "pictures"
VIEWPORT = {"width": 1000, "height": 640}
CURVES_S = 30.0
BYTES_MAX = 120_000
PAINTS = 5
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def main(url: str) -> None:
    """Take both pictures, and say how soon the page was painted."""
    with chromium() as browser:
        paints = sorted(first_paint_ms(browser, url) for _ in range(PAINTS))
        middle, least, most = paints[PAINTS // 2], paints[0], paints[-1]
        print(f"first contentful paint: {middle:.0f} ms (of {PAINTS}: {least:.0f} to {most:.0f})")
        for scheme in ("light", "dark"):
            context = browser.new_context(viewport=VIEWPORT, locale="en-GB", color_scheme=scheme)  # type: ignore[arg-type]
            page = context.new_page()
            page.goto(url)
            time.sleep(CURVES_S)
            path = FOLDER / f"board-{scheme}.png"
            page.screenshot(path=path)
            context.close()
            size = path.stat().st_size
            print(f"{path}: {size} bytes")
            assert size < BYTES_MAX, "too large for a page that is read on line"


def first_paint_ms(browser: Browser, url: str) -> float:
    """Return how long after the navigation began something was to be seen, by the browser's own clock."""
    context = browser.new_context(locale="en-GB")
    page = context.new_page()
    page.goto(url, wait_until="load")
    page.locator("#grid button").first.wait_for()
    found = float(page.evaluate(PAINT))
    context.close()
    return found


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:9180/")

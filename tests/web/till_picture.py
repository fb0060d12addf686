"""The picture of the terminal in the browser for the README: `python -m tests.web.till_picture`.

Owns what is on it: a sale in Częstochowa whose line was cut and which went again, on a real switch.
Invariant: it is made by the page itself, of a city as the demo has it; only times and session keys differ.
"""

import tempfile
from pathlib import Path

from simulators.city.example import CZESTOCHOWA_CITY
from tests.postgres import Server
from tests.web.browser import chromium
from tests.web.small_png import small
from tests.web.till_page import on_line, press, quiet_page
from tests.web.till_stage import Stage

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "till-page.png"
SIZE = {"width": 1320, "height": 800}


def take(path: Path) -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory) / "postgres")
        server.start()
        try:
            stage = Stage(server.create(), Path(directory), cities=(CZESTOCHOWA_CITY,))
            with stage.running(), chromium() as browser, quiet_page(browser, language="en-GB") as page:
                page.set_viewport_size(SIZE)
                page.goto(stage.url)
                on_line(page)
                page.check("#cut")
                press(page, "EARN")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(small(page.screenshot()))
        finally:
            server.stop()


if __name__ == "__main__":
    take(PICTURE)

"""`cityswitch till-page`: a terminal in the browser, at the demo's switch that runs here.

Owns the options. Must not know the page (`simulators.browser`) or what it refuses (`ops.demo.till_page`).
"""

from __future__ import annotations

import signal
from typing import Annotated

import trio
from cyclopts import App, Parameter

from ops.cli.bounds import between
from ops.cli.help_texts import examples
from ops.demo.till_page import till_page
from ops.exit_codes import Exit
from ops.output import print_line
from ops.place.options import HERE, Place
from ops.till.terminal import TillOptions
from simulators.browser.server import PORT

app = App(
    name="till-page",
    help_epilogue=examples("till-page", "till-page --port 0", "till-page --switch 127.0.0.1:7071"),
)


@app.default
async def serve(
    *,
    port: Annotated[
        int,
        Parameter(help="Where the page is, on this machine; 0: any free port.", validator=between(0, 65_535)),
    ] = PORT,
    switch: Annotated[
        str | None, Parameter(help="Where the demo's switch is, host:port; the one that runs here.")
    ] = None,
    place: Place = HERE,
) -> Exit:
    """Be a terminal in the browser, with the bytes on the wire beside it; development only, until Ctrl-C."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with till_page(TillOptions(switch=switch).address(place), port) as url:
            print_line(f"Terminal in the browser: {url}")
            await anext(aiter(signals))
    return Exit.OK

"""`cityswitch demo` and `cityswitch up`: see it work, with nothing installed but this.

Owns the options, and which pages stand beside a switch that stays; the steps are `ops.demo`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from ops.cli.bounds import MONTH_S, RATE_MAX, between
from ops.cli.help_texts import examples
from ops.demo.fleet import Scenario
from ops.demo.steps import no_pages, play
from ops.demo.till_page import till_page
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.options import HERE, Place
from ops.place.running import RunningNote
from ops.web.board.process import serving_board
from simulators.browser.server import PORT
from simulators.errors import TerminalError
from simulators.till.channel import Address
from switch.config import Config

WORTH_A_LOOK_S: Final = 30.0
"""A demo that stays so long has pages to look at."""

demo_app = App(name="demo", help_epilogue=examples("demo", "demo --seconds 20", "demo --state-dir /tmp/demo"))
up_app = App(name="up", help_epilogue=examples("up", "up --rate 200"))


@demo_app.default
async def demo(
    *,
    seconds: Annotated[
        float, Parameter(help="How long the terminals trade.", validator=between(0.1, MONTH_S))
    ] = 60,
    place: Place = HERE,
) -> Exit:
    """Run the switch with three simulated cities, then reconcile what terminals were told with the ledger."""
    return await play(place, Scenario(seconds=seconds), pages if seconds >= WORTH_A_LOOK_S else no_pages)


@up_app.default
async def up(
    *,
    rate: Annotated[
        float,
        Parameter(help="Requests a second, all terminals together.", validator=between(0.01, RATE_MAX)),
    ] = 50,
    place: Place = HERE,
) -> Exit:
    """Run the same with a light load until Ctrl-C, then drain and reconcile."""
    return await play(place, Scenario(seconds=None, rate_per_s=rate), pages)


@asynccontextmanager
async def pages(config: Config, running: RunningNote) -> AsyncIterator[Sequence[str]]:
    """Serve the board and the terminal in the browser; what cannot be had of them is said, no more."""
    ca_file = Path(config.tls_certificate) if config.tls_certificate else None
    address = Address(running.host, running.port, running.tls, ca_file)
    wanted = {
        "Board": serving_board(config.state_path, config.dsn, config.state_path / "board.log"),
        "Terminal in the browser": till_page(address, PORT, or_any=True),
    }
    async with AsyncExitStack() as stack:
        lines = []
        for name, page in wanted.items():
            try:
                lines.append(f"{name}: {await stack.enter_async_context(page)}")
            except (CommandError, TerminalError, OSError) as error:
                lines.append(f"{name}: none: {error}")
        yield lines

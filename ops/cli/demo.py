"""`cityswitch demo` and `cityswitch up`: see it work, with nothing installed but this.

Owns the options; the steps are `ops.demo`'s.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from ops.cli.bounds import MONTH_S, RATE_MAX, between
from ops.cli.help_texts import examples
from ops.demo.fleet import Scenario
from ops.demo.steps import play
from ops.exit_codes import Exit
from ops.place.options import HERE, Place

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
    return await play(place, Scenario(seconds=seconds))


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
    return await play(place, Scenario(seconds=None, rate_per_s=rate))

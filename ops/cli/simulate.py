"""`cityswitch simulate`: simulated cities in a registry, fleets of their terminals against a switch, worlds.

Owns the options; the city is `simulators.seeding`'s and the fleet `simulators.fleet`'s. For development:
the keys of the simulated terminals can be computed by anybody.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from typing import Annotated, Literal

import trio
from cyclopts import App, Parameter

from ledger.registry.secrets import MasterKey
from ops.cli.bounds import MONTH_S, RATE_MAX, between
from ops.cli.help_texts import examples
from ops.cli.simulated_world import world
from ops.demo.fleet import CONNECT_S, CUT_OFF_SHARE, SETTLE_S, fleet_folder, fleet_processes
from ops.demo.report import fleet_figures, live_line, table_lines
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.output import print_json, print_line, say
from ops.place.database import changing
from ops.place.options import HERE, Place
from ops.till.terminal import HAND, TillOptions
from simulators.city.example import CITIES
from simulators.city.seeding import seed_city
from simulators.city.trade import MIXES
from simulators.fleet.fleet import population_of
from simulators.fleet.process import run_fleet_processes
from simulators.fleet.report import FleetPlan, FleetReport
from simulators.till.channel import connector

app = App(
    name="simulate",
    help="Simulated cities and their terminals, for development.",
    help_epilogue=examples("simulate city", "simulate fleet --seconds 10", "simulate world --seed 7"),
)
app.command(
    world,
    help_epilogue=examples(
        "simulate world --seed 7",
        "simulate world --seed 7 --shrink",
        "simulate world --seeds 200 --json",
        "simulate world --seed 7 --operations 500 --faults line_cut,store_fails_after",
    ),
)


@app.command(
    help_epilogue=examples("simulate city", "simulate city --dsn postgresql://owner@localhost/trial")
)
async def city(*, place: Place = HERE) -> None:
    """Write the simulated cities into the registry; what is there already stays as it is."""
    master = MasterKey.load(place.settings().master_key_path)
    async with changing(place) as database:
        for each in CITIES:
            added = await seed_city(database, each.population, master)
            print_line(
                f"{each.code}: {added.cards:,} cards, {added.holders:,} holders, {added.offers:,} offers, "
                f"{added.partners:,} partners, {added.terminals:,} terminals added."
            )


@app.command(
    help_epilogue=examples(
        "simulate fleet --seconds 10",
        "simulate fleet --city zgierz --rate 200 --terminals 50 --cut-offs 0",
        "simulate fleet --switch tls://switch.example:7070 --json",
    )
)
async def fleet(
    *,
    seconds: Annotated[
        float, Parameter(help="How long the terminals trade.", validator=between(0.1, MONTH_S))
    ] = 30,
    rate: Annotated[
        float,
        Parameter(
            help="Requests a second, all together; 0: as fast as they go.", validator=between(0, RATE_MAX)
        ),
    ] = 0,
    terminals: Annotated[
        int | None, Parameter(help="How many terminals, from the city's first on; all of them.")
    ] = None,
    code: Annotated[
        Literal["czestochowa", "zywiec", "zgierz"], Parameter(name="--city", help="Whose terminals.")
    ] = "czestochowa",
    cut_offs: Annotated[
        float, Parameter(help="Share of requests cut off midway, 0 to 1.", validator=between(0, 1))
    ] = CUT_OFF_SHARE,
    json: Annotated[bool, Parameter(help="The fleet's whole report as JSON.")] = False,
    till: TillOptions = HAND,
    place: Place = HERE,
) -> Exit:
    """Let terminals of the simulated city trade with a switch that knows it; Ctrl-C settles and ends."""
    address = till.address(place)
    chosen = next(each for each in CITIES if each.code == code)
    population, terminals = chosen.population, chosen.fleet_terminals if terminals is None else terminals
    plan = FleetPlan(
        seed=population.seed,
        programme=population.programme,
        mix=MIXES[code],
        address=str(address),
        ca_file=str(address.ca_file or ""),
        state_dir=str(fleet_folder(place.settings(), chosen)),
        cards=chosen.fleet_cards,
        partners=population.partners,
        population_terminals=population.terminals,
        terminals=terminals,
        rate_per_s=rate,
        duration_s=seconds,
        connect_s=CONNECT_S,
        settle_s=SETTLE_S,
        cut_off_share=cut_offs,
    )
    try:
        population_of(plan)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"{error}.") from None
    # A fleet waits for its switch; what is not there at all is better told at once.
    (await connector(address)()).close()
    say(f"{terminals} terminals trade with {address} for {seconds:g} s")
    report = await _run(plan)
    if json:
        print_json(report)
    else:
        for line in table_lines(fleet_figures(report)):
            print_line(line)
        for example in report.unexpected_examples[:3]:
            print_line(f"  unexpected: {example}")
    return Exit.OK if report.is_settled and report.transactions else Exit.DIFFERENCES


async def _run(plan: FleetPlan) -> FleetReport:
    stop = trio.Event()
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_on_signal, signals, stop)
            report = await run_fleet_processes(
                plan, fleet_processes(), on_progress=lambda progress: say(live_line(progress)), stop=stop
            )
            nursery.cancel_scope.cancel()
    return report


async def _stop_on_signal(signals: AsyncIterator[int], stop: trio.Event) -> None:
    async for _ in signals:
        stop.set()

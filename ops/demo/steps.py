"""`make demo` and `make up`: the whole switch on one machine, three simulated cities at work, and the books
reconciled.

Owns the order of the steps and their undoing. Must not hold what a step does: every step is another
module's. Invariants: exit status 0 only if all reconciles; when it ends, in whatever way, no process of
it is left; what a killed run left unsettled is settled and audited by the next one.
"""

from __future__ import annotations

import re
import signal
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, ExitStack, asynccontextmanager
from typing import Final

import msgspec
import trio

from ledger.books.statements import trial_balance
from ledger.books.verify import verify
from ledger.postgres.database import Database, open_database
from ops.demo.fleet import (
    SETTLE_S,
    Scenario,
    fleet_folder,
    fleet_plan,
    is_fleet_at_work,
    processes_of,
    put_aside,
)
from ops.demo.local_switch import local_switch
from ops.demo.receipts import receipts
from ops.demo.report import CityOutcome, DemoOutcome, live_line, report_lines
from ops.demo.screen import Screen
from ops.demo.words import farewell, invitation
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.database import Dsns, Purpose, database_server
from ops.place.installation import install
from ops.place.options import Place
from ops.place.running import RunningNote
from ops.place.state_lock import state_held
from simulators.audit.auditor import audit
from simulators.audit.log import at_rest
from simulators.city.example import CITIES, City
from simulators.city.seeding import seed_city
from simulators.fleet.process import run_fleet_processes, sum_progress
from simulators.fleet.report import FleetReport, Progress
from switch.config import Config
from switch.logs import configure_logs

STEPS: Final = 7
EARLIER_FLEET_S_MAX: Final = 2 * SETTLE_S
POLL_S: Final = 0.2
BOOKS_S_MAX: Final = 600.0
METRICS_S_MAX: Final = 5.0
LOGGED_EVERY_S: Final = 60


Pages = Callable[[Config, RunningNote], AbstractAsyncContextManager[Sequence[str]]]
"""Serves pages beside a running switch for as long as its block lasts, and tells a line of each. The settings
have the service's DSN."""


@asynccontextmanager
async def no_pages(_config: Config, _running: RunningNote) -> AsyncIterator[Sequence[str]]:
    """Serve none."""
    yield ()


async def play(place: Place, scenario: Scenario, pages: Pages = no_pages) -> Exit:
    """Run a scenario to its end, `pages` beside its switch.

    Raises `CommandError` and errors that `ops.cli.failures` explains.

    A signal ends a scenario without end in an orderly way, reconciliation included; a second one, or one
    during a timed scenario, ends everything at once, with status 130, and the books stay sound for the
    next run to settle.
    """
    stop = trio.Event()
    interrupted = False

    async def watch(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
        nonlocal interrupted
        async for _ in signals:
            if scenario.seconds is None and not stop.is_set():
                stop.set()
            else:
                interrupted = True
                scope.cancel()

    status = Exit.INTERRUPTED
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch, signals, nursery.cancel_scope)
                status = await _Play(place, scenario, stop, pages).run()
                nursery.cancel_scope.cancel()
        except Exception:
            if not interrupted:
                raise
    return status


class _Play:
    """One run."""

    def __init__(self, place: Place, scenario: Scenario, stop: trio.Event, pages: Pages) -> None:
        self._pages = pages
        self._place = place
        self._scenario = scenario
        self._stop = stop
        self._screen = Screen(STEPS if scenario.seconds is not None else STEPS - 1)
        self._config = place.settings()
        if (self._config.dsn or self._config.owner_dsn) and place.dsn is None:
            raise CommandError(
                Exit.CONFIGURATION,
                "the settings name a database of your own, which this would fill with simulated cities.",
                "Name it with --dsn if that is meant, or run where no such settings are.",
            )

    async def run(self) -> Exit:
        configure_logs("warning")
        async with AsyncExitStack() as stack:
            stack.enter_context(state_held(self._config.state_path, self._scenario.command))
            dsns, owner = await self._open_books(stack)
            async with AsyncExitStack() as switch_stack:
                running = await self._start_switch(switch_stack, dsns)
                served = msgspec.structs.replace(self._config, dsn=dsns.service)
                for line in await switch_stack.enter_async_context(self._pages(served, running)):
                    self._screen.line(f"      {line}")
                await self._wait_for_earlier_fleet()
                reports = await self._trade(running)
                if self._scenario.seconds is not None:
                    await self._print_receipts()
                replays = await read_replays(running.http)
            return await self._reconcile(owner, reports, running, replays)

    async def _open_books(self, stack: AsyncExitStack) -> tuple[Dsns, Database]:
        config, screen = self._config, self._screen
        with screen.step("Postgres") as step:
            server = database_server(self._place, config, Purpose.MAKE, tell=lambda _: None)
            dsns = await stack.enter_async_context(server)
            step.note = f"embedded in {config.state_dir}, for development" if dsns.is_embedded else "yours"
        with screen.step("Migrations and master key") as step:
            prepared = await install(config, dsns)
            key = "key made" if prepared.key_made else "key there"
            step.note = f"{len(prepared.migrations)} migrations applied, {key}"
        owner = await stack.enter_async_context(
            open_database(dsns.owner, connections_max=1, application_name="cityswitch demo")
        )
        with screen.step(f"{len(CITIES)} cities") as step:
            seeded = [await seed_city(owner, city.population, prepared.master_key) for city in CITIES]
            populations = [city.population for city in CITIES]
            what = (
                f"{sum(city.cards for city in populations):,} cards, "
                f"{sum(city.partners for city in populations)} partners, "
                f"{sum(city.terminals for city in populations)} terminals"
            )
            step.note = f"{what} {'added' if any(report.cards for report in seeded) else 'there'}"
        return dsns, owner

    async def _start_switch(self, stack: AsyncExitStack, dsns: Dsns) -> RunningNote:
        config = self._config
        served = msgspec.structs.replace(config, dsn=dsns.service, owner_dsn="", log_level="warning")
        with self._screen.step("Switch") as step:
            running = await stack.enter_async_context(local_switch(served, config.state_path / "switch.log"))
            moved = config.listen_port not in (0, running.port)
            note = f" (default port {config.listen_port} or {config.http_port} is taken)" if moved else ""
            step.note = f"serving on {running.host}:{running.port}{note}"
        return running

    async def _wait_for_earlier_fleet(self) -> None:
        """Fleets whose demo was killed settle by themselves, now that there is a switch again."""
        if not is_fleet_at_work(self._config):
            return
        self._screen.line("      an earlier run's fleet is still settling; waiting for it")
        with trio.move_on_after(EARLIER_FLEET_S_MAX):
            while is_fleet_at_work(self._config):  # noqa: ASYNC110 - another process' file locks wake nobody
                await trio.sleep(POLL_S)

    async def _trade(self, running: RunningNote) -> list[FleetReport]:
        """Let the fleets of all cities trade at once; return their reports in the cities' order."""
        screen, scenario = self._screen, self._scenario
        terminals = sum(city.fleet_terminals for city in CITIES)
        pace = f"{scenario.rate_per_s:g} requests/s" if scenario.rate_per_s else "as fast as they go"
        until = "until Ctrl-C" if scenario.seconds is None else f"for {scenario.seconds:g} s"
        screen.heading(
            f"{terminals} terminals of {len(CITIES)} cities, {pace}, {until}; 1 % of requests cut off midway"
        )
        if scenario.seconds is None:
            for line in invitation(running):
                screen.line(f"      {line}")
        every_s = LOGGED_EVERY_S if scenario.seconds is None and not screen.is_terminal else 1
        latest: dict[str, Progress] = {}
        reports: dict[str, FleetReport] = {}

        async def trade(city: City) -> None:
            def on_progress(progress: Progress) -> None:
                latest[city.code] = progress
                if city is CITIES[0] and int(progress.elapsed_s) % every_s == 0:
                    screen.renew(live_line(sum_progress(list(latest.values()))))

            plan = fleet_plan(self._config, scenario, running, city)
            reports[city.code] = await run_fleet_processes(
                plan, processes_of(city), on_progress=on_progress, stop=self._stop
            )

        try:
            async with trio.open_nursery() as nursery:
                for city in CITIES:
                    nursery.start_soon(trade, city)
        finally:
            screen.end_renewing()
        return [reports[city.code] for city in CITIES]

    async def _print_receipts(self) -> None:
        """Sell something at the terminals kept free for people: what is shown went the whole way."""
        with self._screen.step("One receipt of each city") as step:
            printed = [each async for each in receipts(self._place)]
            step.note = "; ".join(f"{each.city}: none: {each.why_not}" for each in printed if each.why_not)
            step.note = step.note or "printed"
        for each in printed:
            if each.paper:
                self._screen.line(each.paper)

    async def _reconcile(
        self, owner: Database, reports: Sequence[FleetReport], running: RunningNote, replays: int
    ) -> Exit:
        screen = self._screen
        with ExitStack() as held:
            logs = {
                city.code: held.enter_context(
                    at_rest(sorted(fleet_folder(self._config, city).glob("audit-*.log")))
                )
                for city in CITIES
            }
            with screen.step("Reconciliation: what terminals were told against the ledger") as step:
                outcome = DemoOutcome(
                    cities=[
                        CityOutcome(city.code, report, await audit(owner, logs[city.code]))
                        for city, report in zip(CITIES, reports, strict=True)
                    ],
                    findings=await owner.run(verify, timeout_s=BOOKS_S_MAX),
                    trial=await owner.run(trial_balance, timeout_s=BOOKS_S_MAX),
                    replays=replays,
                )
                step.note = "done"
            # What went home unsettled is settled, and compared again, by the next run.
            compared = [
                log
                for city, report in zip(CITIES, reports, strict=True)
                if not report.remaining
                for log in put_aside(logs[city.code], holds=outcome.holds)
            ]
        for line in report_lines(outcome):
            screen.line(line)
        if not outcome.holds:
            for log in compared:
                screen.line(f"  evidence: {log}")
            return Exit.DIFFERENCES
        if self._scenario.seconds is not None:
            screen.line()
            for line in farewell(running):
                screen.line(line)
        return Exit.OK


async def read_replays(addresses: Iterable[str]) -> int:
    """Return how many requests the workers answered from the journal, read from their metrics."""
    total = 0
    for address in addresses:
        text = await trio.to_thread.run_sync(_get, f"{address}/metrics")
        found = re.search(r"^cityswitch_replays_total (\S+)$", text, re.MULTILINE)
        total += int(float(found[1])) if found else 0
    return total


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=METRICS_S_MAX) as response:  # noqa: S310 - our own worker
        return str(response.read().decode())

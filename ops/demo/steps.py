"""`make demo` and `make up`: the whole switch on one machine, a simulated city at work, and the books
reconciled.

Owns the order of the steps and their undoing. Must not hold what a step does: every step is another
module's. Invariants: exit status 0 only if all reconciles; when it ends, in whatever way, no process of
it is left; what a killed run left unsettled is settled and audited by the next one.
"""

from __future__ import annotations

import re
import signal
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
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
    fleet_processes,
    is_fleet_at_work,
    put_aside,
)
from ops.demo.local_switch import local_switch
from ops.demo.report import DemoOutcome, live_line, report_lines
from ops.demo.screen import Screen
from ops.demo.words import farewell, invitation
from ops.errors import CommandError
from ops.exit_codes import Exit
from ops.place.database import Dsns, Purpose, database_server
from ops.place.installation import install
from ops.place.options import Place
from ops.place.running import RunningNote
from ops.place.state_lock import state_held
from ops.till.receipt_paper import paper
from ops.till.terminal import TillOptions, open_terminal
from simulators.audit.auditor import audit
from simulators.audit.log import at_rest
from simulators.city.example import CITIES, EXAMPLE_CARD, FLEET_TERMINALS, HAND_TERMINAL
from simulators.city.seeding import seed_city
from simulators.errors import StoreError, TerminalError
from simulators.fleet.process import run_fleet_processes
from simulators.fleet.report import FleetReport, Progress
from switch.logs import configure_logs

STEPS: Final = 7
EXAMPLE_AMOUNT_GROSZE: Final = 4_590
EARLIER_FLEET_S_MAX: Final = 2 * SETTLE_S
POLL_S: Final = 0.2
BOOKS_S_MAX: Final = 600.0
METRICS_S_MAX: Final = 5.0
LOGGED_EVERY_S: Final = 60


async def play(place: Place, scenario: Scenario) -> Exit:
    """Run a scenario to its end. Raises `CommandError` and errors that `ops.cli.failures` explains.

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
                status = await _Play(place, scenario, stop).run()
                nursery.cancel_scope.cancel()
        except Exception:
            if not interrupted:
                raise
    return status


class _Play:
    """One run."""

    def __init__(self, place: Place, scenario: Scenario, stop: trio.Event) -> None:
        self._place = place
        self._scenario = scenario
        self._stop = stop
        self._screen = Screen(STEPS if scenario.seconds is not None else STEPS - 1)
        self._config = place.settings()
        if (self._config.dsn or self._config.owner_dsn) and place.dsn is None:
            raise CommandError(
                Exit.CONFIGURATION,
                "the settings name a database of your own, which this would fill with a simulated city.",
                "Name it with --dsn if that is meant, or run where no such settings are.",
            )

    async def run(self) -> Exit:
        configure_logs("warning")
        async with AsyncExitStack() as stack:
            stack.enter_context(state_held(self._config.state_path, self._scenario.command))
            dsns, owner = await self._open_books(stack)
            async with AsyncExitStack() as switch_stack:
                running = await self._start_switch(switch_stack, dsns)
                await self._wait_for_earlier_fleet()
                report = await self._trade(running)
                if self._scenario.seconds is not None:
                    await self._print_receipt()
                replays = await read_replays(running.http)
            return await self._reconcile(owner, report, running, replays)

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
        """A fleet whose demo was killed settles by itself, now that there is a switch again."""
        folder = fleet_folder(self._config)
        if not is_fleet_at_work(folder):
            return
        self._screen.line("      an earlier run's fleet is still settling; waiting for it")
        with trio.move_on_after(EARLIER_FLEET_S_MAX):
            while is_fleet_at_work(folder):  # noqa: ASYNC110 - another process' file locks wake nobody
                await trio.sleep(POLL_S)

    async def _trade(self, running: RunningNote) -> FleetReport:
        screen, scenario = self._screen, self._scenario
        pace = f"{scenario.rate_per_s:g} requests/s" if scenario.rate_per_s else "as fast as they go"
        until = "until Ctrl-C" if scenario.seconds is None else f"for {scenario.seconds:g} s"
        screen.heading(f"{FLEET_TERMINALS} terminals, {pace}, {until}; 1 % of requests cut off midway")
        if scenario.seconds is None:
            for line in invitation(running):
                screen.line(f"      {line}")
        every_s = LOGGED_EVERY_S if scenario.seconds is None and not screen.is_terminal else 1

        def on_progress(progress: Progress) -> None:
            if int(progress.elapsed_s) % every_s == 0:
                screen.renew(live_line(progress))

        plan = fleet_plan(self._config, scenario, running)
        try:
            return await run_fleet_processes(
                plan, fleet_processes(), on_progress=on_progress, stop=self._stop
            )
        finally:
            screen.end_renewing()

    async def _print_receipt(self) -> None:
        """Earn on the terminal kept free for people, so that what is shown went the whole way."""
        with self._screen.step("One receipt") as step:
            try:
                async with open_terminal(TillOptions(), self._place) as terminal:
                    reply = await terminal.earn(EXAMPLE_CARD, EXAMPLE_AMOUNT_GROSZE)
                    partner = terminal.programme.partner_name if terminal.programme else ""
            except (StoreError, TerminalError) as error:
                # Somebody works at that terminal, or has blocked it: their right.
                step.note = f"none: {error}"
                return
            step.note = "printed"
        self._screen.line(
            paper(
                reply.receipt,
                partner=partner,
                terminal=HAND_TERMINAL,
                stan=reply.stan,
            )
        )

    async def _reconcile(
        self, owner: Database, report: FleetReport, running: RunningNote, replays: int
    ) -> Exit:
        screen = self._screen
        with at_rest(sorted(fleet_folder(self._config).glob("audit-*.log"))) as logs:
            with screen.step("Reconciliation: what terminals were told against the ledger") as step:
                outcome = DemoOutcome(
                    fleet=report,
                    audit=await audit(owner, logs),
                    findings=await owner.run(verify, timeout_s=BOOKS_S_MAX),
                    trial=await owner.run(trial_balance, timeout_s=BOOKS_S_MAX),
                    replays=replays,
                )
                step.note = "done"
            # What went home unsettled is settled, and compared again, by the next run.
            compared = [] if report.remaining else put_aside(logs, holds=outcome.holds)
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

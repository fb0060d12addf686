"""`make alerts-drill`: a live switch, a live Prometheus, and each alert fired once by the real fault.

Owns the order: a healthy time in which nothing may fire, then fault after fault, each undone before the
next. Prints a table; the exit status is 1 where an alert did not fire, did not end, fired while all was well,
or had a runbook whose commands fail. Times of the rules are divided by `FACTOR`, thresholds on ages as well.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import trio

from ops.monitoring.drill.fault import Fault
from ops.monitoring.drill.faults_books import BOOKS
from ops.monitoring.drill.faults_city import CITY
from ops.monitoring.drill.faults_switch import SWITCH
from ops.monitoring.drill.loads import STEADY, STEADY_PER_S, trading
from ops.monitoring.drill.stage import WORKERS, Stage, staged
from ops.monitoring.drill.table import NOT_FIRED, Line, table
from ops.monitoring.drill.walk import Walked, walk
from ops.monitoring.drill.watch import Watch
from ops.monitoring.prometheus import Prometheus, prometheus
from ops.monitoring.rules import ALERTS, Times
from ops.monitoring.rules.everything import files
from switch.logs import configure_logs

FACTOR: Final = 60.0
SCRAPE_S: Final = 1.0
WARM_UP_S: Final = 30.0
HEALTHY_S: Final = 60.0
CLEAR_S_MAX: Final = 150.0
LATE_S_MAX: Final = 500.0
"""The longest short window, six hours, is six minutes here."""
FOLDER: Final = Path("var/alerts-drill")
WATCHDOG: Final = "CityswitchWatchdog"
FAULTS: Final = (*BOOKS, *SWITCH, *CITY)


def say(text: str) -> None:
    """Tell the person at the terminal how far things are."""
    print(f"alerts-drill: {text}", file=sys.stderr, flush=True)


class Drill:
    """One run, and what came of it."""

    def __init__(self, stage: Stage, asked: Prometheus, watch: Watch) -> None:
        self._stage = stage
        self._prometheus = asked
        self._watch = watch
        self._lines: dict[str, Line] = {}
        self._late: list[tuple[str, float]] = []
        self.unasked: set[str] = set()
        """Alerts that fired while all was well."""

    async def be_healthy(self) -> None:
        """Trade for a while in which nothing but the watchdog may fire."""
        await trio.sleep(HEALTHY_S)
        self.unasked = set(self._watch.descriptions) - {WATCHDOG}
        for name in (WATCHDOG, *NOT_FIRED):
            walked = await self._walk(name, databaseless=False)
            fired_s = 0.0 if name in self._watch.firing else None
            told = NOT_FIRED.get(name, "none: it fires always, while Prometheus runs")
            self._lines[name] = Line(
                name, told, fired_s, None, walked.commands, walked.failed, is_expected=False
            )
        say(f"healthy for {HEALTHY_S:g} s: {', '.join(sorted(self.unasked)) or 'nothing fired'}")

    async def suffer(self, fault: Fault) -> None:
        """Make one fault, wait for its alerts, walk through their runbooks, undo it and wait for the end."""
        say(f"{fault.told} ...")
        began_s, walked = trio.current_time(), {}
        fired_s: dict[str, float] = {}
        async with fault.make(self._stage):
            await self._watch.wait_firing(fault.fires, fault.fire_s_max)
            for name in fault.fires:
                if name in self._watch.firing:
                    fired_s[name] = max(0.0, self._watch.firing[name] - began_s)
                walked[name] = await self._walk(name, databaseless=fault.databaseless)
        undone_s = trio.current_time()
        prompt = [name for name in fault.fires if name not in fault.late]
        await self._watch.wait_silent(prompt, CLEAR_S_MAX)
        for name in fault.fires:
            self._note(name, fault, fired_s.get(name), undone_s, walked[name])
        self._late += [(name, undone_s) for name in fault.late]
        self._tell(fault)

    def _note(self, name: str, fault: Fault, fired_s: float | None, undone_s: float, walked: Walked) -> None:
        ended_s = None if name in self._watch.firing else self._watch.ended.get(name)
        cleared_s = None if ended_s is None else max(0.0, ended_s - undone_s)
        self._lines[name] = Line(name, fault.told, fired_s, cleared_s, walked.commands, walked.failed)

    def _tell(self, fault: Fault) -> None:
        for name in fault.fires:
            line = self._lines[name]
            fired = "did not fire" if line.fired_s is None else f"fired after {line.fired_s:.0f} s"
            cleared = "still fires" if line.cleared_s is None else f"cleared after {line.cleared_s:.0f} s"
            say(f"  {name}: {fired}, {cleared}")
            for problem in line.failed:
                say(f"    runbook: {problem}")

    async def end(self) -> list[Line]:
        """Wait for the alerts with long windows; return all lines in the order of the rules."""
        await self._watch.wait_silent([name for name, _ in self._late], LATE_S_MAX)
        for name, undone_s in self._late:
            line, ended_s = self._lines[name], self._watch.ended.get(name)
            if name not in self._watch.firing and ended_s is not None:
                self._lines[name] = Line(
                    name, line.fault, line.fired_s, max(0.0, ended_s - undone_s), line.commands, line.failed
                )
        return [self._lines[alert.name] for alert in ALERTS if alert.name in self._lines]

    async def _walk(self, name: str, *, databaseless: bool) -> Walked:
        return await walk(name, self._stage, self._prometheus, databaseless=databaseless)


def chosen(names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults of some alerts, or all."""
    wanted = set(names)
    return tuple(fault for fault in FAULTS if not wanted or wanted & set(fault.fires))


async def run(names: Sequence[str]) -> int:
    """Run the drill; return its exit status."""
    configure_logs("error")
    folder = FOLDER.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    began_s = time.monotonic()
    async with staged(folder) as stage:
        rules = folder / "rules"
        rules.mkdir()
        for path, text in files(Times(FACTOR)).items():
            (rules / path.name).write_text(text)
        watched = prometheus(stage.targets, folder / "prometheus", sorted(rules.iterdir()), SCRAPE_S)
        steady = trading(stage, STEADY, rate_per_s=STEADY_PER_S)
        async with steady:
            await trio.sleep(WARM_UP_S)  # nobody judges a switch by its first seconds
            async with watched as asked, trio.open_nursery() as nursery:
                await asked.wait_scraped(WORKERS)
                await trio.sleep(3 * SCRAPE_S)  # and the rules have seen it
                watch = Watch(asked)
                nursery.start_soon(watch.run)
                drill = Drill(stage, asked, watch)
                rate = f"{STEADY.number} terminals at {STEADY_PER_S:g}/s"
                say(f"{WORKERS} workers, {rate}, times of the rules divided by {FACTOR:g}")
                await drill.be_healthy()
                for fault in chosen(names):
                    await drill.suffer(fault)
                lines = await drill.end()
                nursery.cancel_scope.cancel()
    print(table(lines))
    print(
        f"\nHealthy for {HEALTHY_S:g} s: {', '.join(sorted(drill.unasked)) or 'nothing fired'}."
        f" All of it took {(time.monotonic() - began_s) / 60:.0f} minutes."
    )
    return 0 if all(line.is_good for line in lines) and not drill.unasked else 1


if __name__ == "__main__":
    sys.exit(trio.run(run, sys.argv[1:]))

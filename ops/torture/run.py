"""One torture from its beginning to its verdict: terminals trade, faults are played, everything is compared.

Owns the order: stage, terminals, one fault after the other when enough is in flight, the end of all faults,
the settling, the comparison. Must not know how a fault is done or what is compared with what. Invariants:
the faults follow from the seed; how many requests were in flight is taken down before each kill; there is a
verdict whatever happens.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from ledger.postgres.database import open_database
from ops.torture.faults import BY_NAME, FAULTS, Fault
from ops.torture.oracle import Kill, Lines, quotas_over, read_lines
from ops.torture.plan import Plan, Trade, Traded, populations
from ops.torture.stage import ROOT, Stage, StageError, staged
from ops.torture.wire import Board
from simulators.audit.auditor import audit
from simulators.audit.differences import AuditResult

HELD_S_MAX: Final = 2.0
POLL_S: Final = 0.01
BOOKS_S_MAX: Final = 600.0
SETTLE_S_MAX: Final = 300.0

Tell = Callable[[str], None]


class Verdict(msgspec.Struct, kw_only=True):
    """What came of it. `violations`: empty, or the torture has found something."""

    kills: list[Kill]
    thin: int
    faults: dict[str, int]
    skipped: dict[str, str]
    traded: list[Traded]
    lines: Lines
    audits: list[AuditResult]
    postgres_restarts: int
    violations: list[str]

    @property
    def in_flight_by_logs(self) -> list[int]:
        """How many terminals waited for an answer at each kill, by what they wrote down."""
        return [self.lines.in_flight(kill.at_ns) for kill in self.kills]

    def killed(self, group: str) -> int:
        """How many kills of a group (worker, postgres) there were."""
        return sum(BY_NAME[kill.fault].kills == group for kill in self.kills)


class Torture:
    """One run in `folder`, which is new. Setting `stop` ends the faults early, not the comparison."""

    def __init__(self, plan: Plan, folder: Path, tell: Tell) -> None:
        self._plan, self._folder, self._tell = plan, folder, tell
        self.stop = trio.Event()
        self._rng = random.Random(plan.seed)
        self._populations = populations(plan)
        self._slots = sum(population.terminals for population in self._populations)
        self._board = Board(folder / "board", self._slots)
        self._kills: list[Kill] = []
        self._played: Counter[str] = Counter()
        self._skipped: dict[str, str] = {}
        self._violations: list[str] = []

    async def run(self) -> Verdict:
        """Torture, and compare."""
        async with staged(self._plan, self._folder) as stage:
            self._tell(
                f"serving at {stage.address}; {self._slots} terminals of {len(self._populations)} cities"
            )
            traded = await self._under_load(stage)
            self._tell("settled; comparing")
            audits = await self._compare(stage, traded)
            restarts = stage.restarts
        lines = await trio.to_thread.run_sync(read_lines, sorted(self._folder.glob("terminal-*.wire")))
        self._violations += lines.violations
        thin = sum(kill.in_flight < self._plan.in_flight_min for kill in self._kills)
        return Verdict(
            kills=self._kills,
            thin=thin,
            faults=dict(self._played),
            skipped=self._skipped,
            traded=traded,
            lines=lines,
            audits=audits,
            postgres_restarts=restarts,
            violations=self._violations,
        )

    # Terminals

    async def _under_load(self, stage: Stage) -> list[Traded]:
        """Have all terminals trade while faults are played; then no more of either, until all is settled."""
        reports: dict[int, Path] = {}
        async with trio.open_nursery() as nursery:
            processes, slot = [], 0
            for city, population in enumerate(self._populations):
                trade = Trade(
                    plan=self._plan,
                    city=city,
                    terminals=population.terminals,
                    folder=str(self._folder),
                    address=stage.address,
                    board=str(self._folder / "board"),
                    slots=self._slots,
                    slot_first=slot,
                    ca_file=str(stage.papers.authority) if self._plan.tls else "",
                )
                slot += population.terminals
                processes.append(await self._terminals(nursery, trade))
                reports[city] = self._folder / f"traded-{city}.json"
            await self._play(stage)
            self._tell("no more faults; settling")
            for process in processes:
                assert process.stdin is not None
                await process.stdin.aclose()
            with trio.move_on_after(SETTLE_S_MAX):
                for process in processes:
                    await process.wait()
            nursery.cancel_scope.cancel()
        return [self._report(path) for path in reports.values()]

    async def _terminals(self, nursery: trio.Nursery, trade: Trade) -> trio.Process:
        plan_file = self._folder / f"trade-{trade.city}.json"
        plan_file.write_bytes(msgspec.json.encode(trade))
        report_file = self._folder / f"traded-{trade.city}.json"
        command = [sys.executable, "-m", "ops.torture.terminals", str(plan_file), str(report_file)]
        run = partial(trio.run_process, command, stdin=subprocess.PIPE, cwd=ROOT, check=False)
        process: trio.Process = await nursery.start(run)
        return process

    def _report(self, path: Path) -> Traded:
        if not path.exists():
            self._violations.append(f"the terminals of {path.stem} did not come to their end")
            return Traded()
        traded = msgspec.json.decode(path.read_bytes(), type=Traded)
        self._violations += [f"replay differs: {example}" for example in traded.replays_differ]
        self._violations += [f"totals differ: {example}" for example in traded.totals_differed]
        self._violations += [f"terminal {number} never settled" for number in traded.unanswered]
        return traded

    # Faults

    async def _play(self, stage: Stage) -> None:
        weights = {
            fault: self._plan.faults.get(fault.name, 0.0) if self._plan.faults else fault.weight
            for fault in FAULTS
        }
        until = trio.current_time() + self._plan.seconds
        while trio.current_time() < until and not self._has_killed_enough():
            with trio.move_on_after(self._plan.pause_s * self._rng.uniform(0.5, 1.5)):
                await self.stop.wait()
                return
            wanted = {fault: weight for fault, weight in weights.items() if self._is_wanted(fault)}
            fault = self._rng.choices(list(wanted), list(wanted.values()))[0]
            await self._one(stage, fault)

    def _has_killed_enough(self) -> bool:
        plan = self._plan
        return bool(plan.worker_kills or plan.postgres_kills) and not (
            self._left("worker") or self._left("postgres")
        )

    def _left(self, group: str) -> int:
        asked = self._plan.worker_kills if group == "worker" else self._plan.postgres_kills
        return asked - sum(BY_NAME[kill.fault].kills == group for kill in self._kills)

    def _is_wanted(self, fault: Fault) -> bool:
        """Where kills are counted, a group that has had its share is left alone."""
        is_counted = self._plan.worker_kills or self._plan.postgres_kills
        return not (is_counted and fault.kills) or self._left(fault.kills) > 0

    async def _one(self, stage: Stage, fault: Fault) -> None:
        await self._served_again(stage)
        try:
            await self._do(stage, fault, await self._crowded(stage))
        finally:
            await self._hold(stage, is_held=False)

    async def _do(self, stage: Stage, fault: Fault, in_flight: int) -> None:
        at_ns = time.monotonic_ns()
        try:
            done = await fault.does(stage, self._rng)
        except (StageError, OSError) as error:
            done = ""
            self._skipped[fault.name] = str(error)
        except Exception as error:  # the machine's database is away, say: the fault could not be done now
            done = ""
            self._skipped[fault.name] = f"{type(error).__name__}: {error}"
        if not done:
            self._skipped.setdefault(fault.name, stage.disk.why_not or stage.clock.why_not or "not now")
            return
        self._played[fault.name] += 1
        if fault.kills:
            self._kills.append(Kill(at_ns, fault.name, in_flight))
        self._tell(f"{fault.name}: {done}; {in_flight} in flight")

    async def _served_again(self, stage: Stage) -> None:
        """Wait, not for ever, until Postgres runs and somebody was served since the last kill."""
        served_after_ns = self._kills[-1].at_ns if self._kills else 0
        with trio.move_on_after(self._plan.crowded_s_max):
            while not (  # noqa: ASYNC110 other processes know
                stage.has_postgres and self._board.last_final_ns() > served_after_ns
            ):
                await trio.sleep(POLL_S)

    async def _hold(self, stage: Stage, *, is_held: bool) -> None:
        """From now on what Postgres does is heard of late, or at once again; only if the plan wants it so."""
        if self._plan.held_ms:
            await stage.store.order(*(("delay", self._plan.held_ms) if is_held else ("pass",)))

    async def _crowded(self, stage: Stage) -> int:
        """Wait, not for ever, until Postgres runs and enough is in flight; return how much is.

        Answers that are held are held no longer than workers take to start, who ask Postgres, too.
        """
        with trio.move_on_after(self._plan.crowded_s_max):
            while True:
                await self._hold(stage, is_held=True)
                with trio.move_on_after(HELD_S_MAX):
                    while True:
                        in_flight = self._in_flight(stage)
                        if stage.has_postgres and in_flight >= self._plan.in_flight_min:
                            return in_flight
                        await trio.sleep(POLL_S)
                await self._hold(stage, is_held=False)
                await trio.sleep(HELD_S_MAX / 4)
        return self._in_flight(stage)

    def _in_flight(self, stage: Stage) -> int:
        """Requests that have reached the switch and whose answer has not left it."""
        found = self._board.in_flight()
        return found if found < self._plan.in_flight_min else max(0, found - stage.between())

    # Comparison

    async def _compare(self, stage: Stage, traded: list[Traded]) -> list[AuditResult]:
        while not stage.has_postgres:  # noqa: ASYNC110 it comes and goes
            await trio.sleep(POLL_S)
        audits = []
        async with open_database(stage.postgres.owner_dsn, connections_max=1) as owner:
            for city in range(len(self._populations)):
                found = await audit(owner, [self._folder / f"audit-{city}.log"])
                audits.append(found)
                if not found.is_clean:
                    self._violations += found.lines()
                if found.unsettled:
                    self._violations.append(f"city {city}: {found.unsettled} requests without an end")
            over = await owner.run(
                lambda connection: quotas_over(connection, self._populations), timeout_s=BOOKS_S_MAX
            )
            self._violations += [f"quota over: {what}" for what in over]
        try:
            await stage.command("ledger", "verify")
        except StageError as error:
            self._violations.append(str(error))
        return audits

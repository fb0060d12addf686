"""The demo's fleet: where its memories and logs lie, over how many processes it is spread, what it is to do.

Owns the fleet's folder in the state directory. Must not know how a fleet trades (`simulators.fleet`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ops.place.running import RunningNote
from simulators.city.example import CITY, FLEET_CARDS, FLEET_TERMINALS
from simulators.errors import StoreInUse
from simulators.fleet.report import FleetPlan
from simulators.till.store import TerminalMemory
from switch.config import Config

CUT_OFF_SHARE: Final = 0.01
CONNECT_S: Final = 15.0
SETTLE_S: Final = 30.0
FOR_EVER_S: Final = 10.0 * 365 * 86_400
PROCESSES_MAX: Final = 4


@dataclass(frozen=True)
class Scenario:
    """What the fleet does: for how long (None: until stopped), and how fast (0: as fast as it goes)."""

    seconds: float | None
    rate_per_s: float = 0.0

    @property
    def command(self) -> str:
        """The command that plays it."""
        return "up" if self.seconds is None else "demo"


def fleet_folder(config: Config) -> Path:
    """Return where the fleet's memories and audit logs lie."""
    return config.state_path / "fleet"


def fleet_processes() -> int:
    """Return over how many processes the fleet is spread: half of the processors, at most four."""
    return max(1, min(PROCESSES_MAX, (os.cpu_count() or 1) // 2))


def fleet_plan(config: Config, scenario: Scenario, running: RunningNote) -> FleetPlan:
    """Return what the fleet is to do."""
    return FleetPlan(
        seed=CITY.seed,
        address=f"{'tls://' if running.tls else ''}{running.host}:{running.port}",
        ca_file=config.tls_certificate if running.tls else "",
        state_dir=str(fleet_folder(config)),
        cards=FLEET_CARDS,
        partners=CITY.partners,
        population_terminals=CITY.terminals,
        terminals=FLEET_TERMINALS,
        rate_per_s=scenario.rate_per_s,
        duration_s=FOR_EVER_S if scenario.seconds is None else scenario.seconds,
        connect_s=CONNECT_S,
        settle_s=SETTLE_S,
        cut_off_share=CUT_OFF_SHARE,
    )


def is_fleet_at_work(folder: Path) -> bool:
    """Return whether a process holds the memory of a terminal of the fleet."""
    for index in range(FLEET_TERMINALS):
        terminal = CITY.terminal_id(index)
        path = folder / f"terminal-{terminal}.memory"
        try:
            if path.exists():
                TerminalMemory.open(path, terminal).close()
        except StoreInUse:
            return True
    return False


def put_aside(logs: Iterable[Path], *, holds: bool) -> list[Path]:
    """Rename audit logs that were compared, so that the next run compares its own; return where they are.

    The last ones that reconciled are kept, and all that did not, as evidence.
    """
    prefix = "reconciled" if holds else f"differing-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    return [log.replace(log.with_name(f"{prefix}-{log.name}")) for log in logs]

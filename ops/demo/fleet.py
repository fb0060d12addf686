"""The demo's fleets, one a city: where their memories and logs lie, over how many processes they are spread,
what they are to do.

Owns the fleets' folders in the state directory. Must not know how a fleet trades (`simulators.fleet`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ops.place.running import RunningNote
from simulators.city.example import CITIES, CZESTOCHOWA_CITY, City
from simulators.city.trade import MIXES
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
    """What the fleets do: for how long (None: until stopped), and how fast (0: as fast as it goes)."""

    seconds: float | None
    rate_per_s: float = 0.0

    @property
    def command(self) -> str:
        """The command that plays it."""
        return "up" if self.seconds is None else "demo"


def fleet_folder(config: Config, city: City = CZESTOCHOWA_CITY) -> Path:
    """Return where the memories and audit logs of a city's fleet lie."""
    return config.state_path / "fleet" / city.code


def fleet_processes() -> int:
    """Return over how many processes a large fleet is spread: half of the processors, at most four."""
    return max(1, min(PROCESSES_MAX, (os.cpu_count() or 1) // 2))


def processes_of(city: City) -> int:
    """Return over how many processes the fleet of a city is spread: the largest city takes what is left."""
    return max(1, fleet_processes() - len(CITIES) + 1) if city is CZESTOCHOWA_CITY else 1


def fleet_plan(
    config: Config, scenario: Scenario, running: RunningNote, city: City = CZESTOCHOWA_CITY
) -> FleetPlan:
    """Return what the fleet of a city is to do; the cities share a rate by their terminals."""
    share = city.fleet_terminals / sum(each.fleet_terminals for each in CITIES)
    population = city.population
    return FleetPlan(
        seed=population.seed,
        programme=population.programme,
        mix=MIXES[city.code],
        address=f"{'tls://' if running.tls else ''}{running.host}:{running.port}",
        ca_file=config.tls_certificate if running.tls else "",
        state_dir=str(fleet_folder(config, city)),
        cards=city.fleet_cards,
        partners=population.partners,
        population_terminals=population.terminals,
        terminals=city.fleet_terminals,
        rate_per_s=scenario.rate_per_s * share,
        duration_s=FOR_EVER_S if scenario.seconds is None else scenario.seconds,
        connect_s=CONNECT_S,
        settle_s=SETTLE_S,
        cut_off_share=CUT_OFF_SHARE,
    )


def is_fleet_at_work(config: Config) -> bool:
    """Return whether a process holds the memory of a terminal of a fleet."""
    return any(_is_at_work(city, fleet_folder(config, city)) for city in CITIES)


def _is_at_work(city: City, folder: Path) -> bool:
    for index in range(city.fleet_terminals):
        terminal = city.population.terminal_id(index)
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

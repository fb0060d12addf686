"""What a torture is to do, and the cities it does it to: the words its processes tell each other.

Must not know how anything is done. Invariant: all that is left to chance follows from the seed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from simulators.city.places import CZESTOCHOWA, ZGIERZ, ZYWIEC
from simulators.city.population import Population

CITIES: Final = (CZESTOCHOWA, ZYWIEC, ZGIERZ)
SHARES: Final = (2, 1, 1)
"""Of four terminals two are Częstochowa's."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A torture. Every fault of `faults` comes up by its weight; it ends when `seconds` are over, or, where
    kills are asked for, when there were so many (the time is the bound then).
    """

    seed: int
    seconds: float
    terminals: int = 480
    cards: int = 4_000
    partners: int = 20
    workers: int = 4
    pause_s: float = 2.0
    in_flight_min: int = 100
    crowded_s_max: float = 30.0
    """So long a fault waits for them."""
    far_ms: int = 30
    """So long takes each answer of Postgres: what is committed and not answered yet is much at any moment."""
    held_ms: int = 0
    """While a fault waits for its crowd each answer of Postgres takes so much longer: what comes is done and
    not told, so few terminals are a crowd. 0: the crowd comes of load alone.
    """
    rest_s: float = 0.0
    """A terminal rests between two requests, half to one and a half times as long."""
    tls: bool = True
    worker_kills: int = 0
    postgres_kills: int = 0
    faults: dict[str, float] = {}
    disk_gib: float = 8.0
    again_at_end: int = 20
    """So many answered requests each terminal asks again when all is over, and compares."""
    switch_root: str = ""
    """The checkout whose switch is tortured: "" this one; a copy with a bug planted in it is found out."""


def kills_alone(*, seed: int, seconds: float, worker_kills: int, postgres_kills: int) -> Plan:
    """Return a torture of kills and nothing else, each soon after the switch answers after the one before.

    Answers of Postgres are held while a kill waits for its crowd, so few terminals are a crowd on any
    machine, and much is committed that nobody has heard of.
    """
    return Plan(
        seed=seed,
        seconds=seconds,
        terminals=160,
        cards=100,
        partners=3,
        workers=6,
        pause_s=0.3,  # the lines of the one before have ended, and their requests are no longer in flight
        far_ms=5,
        in_flight_min=120,  # as the terminals tell it: what was answered on the way is less
        held_ms=700,
        rest_s=0.15,
        crowded_s_max=120.0,
        tls=False,
        disk_gib=0.0,
        worker_kills=worker_kills,
        postgres_kills=postgres_kills,
        again_at_end=1,
        faults={"kill worker": 3.0, "kill postmaster": 1.0},
    )


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of terminals does: those of one city of the plan, `slot_first` on in the board."""

    plan: Plan
    city: int
    terminals: int
    folder: str
    address: str
    board: str
    slots: int
    slot_first: int
    ca_file: str = ""
    settle_s: float = 180.0


class Traded(msgspec.Struct, kw_only=True):
    """What it came to. `unanswered`: terminals with something that never found its end."""

    transactions: int = 0
    by_operation: dict[str, int] = {}
    errors: dict[str, int] = {}
    asked_again: int = 0
    replays_differ: list[str] = []
    totals_agreed: int = 0
    totals_differed: list[str] = []
    keys_changed: int = 0
    power_cuts: int = 0
    unexpected: int = 0
    unexpected_examples: list[str] = []
    unanswered: list[int] = []


def populations(plan: Plan) -> list[Population]:
    """Return the three cities of a torture."""
    return [
        Population(
            f"torture {plan.seed} {place.code}",
            plan.cards,
            plan.partners,
            max(1, plan.terminals * share // sum(SHARES)),
            place.programme,
        )
        for place, share in zip(CITIES, SHARES, strict=True)
    ]

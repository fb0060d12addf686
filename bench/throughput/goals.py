"""What the figures must show, as ratios within a run.

Owns the goals and how each is computed from the rounds. Must not know how anything was measured. A goal that
is missed is said to be; nothing is left out. That a change makes nothing worse is `bench.paired`'s to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bench.throughput.edge_lanes import (
    ALONE,
    BESIDE_STRANGERS,
    ECHO_FLOOD,
    HOT_CARD,
    HOT_FACT,
    OVER_TLS,
    TOTALS_FLOOD,
)
from bench.throughput.lanes import (
    BENEFITS,
    CITIES,
    ECHO,
    LIMIT_1,
    LIMIT_1_BEFORE,
    LIMIT_2,
    LIMIT_2_BEFORE,
    NAIVE,
    PGBENCH,
    SWITCH_1,
    SWITCH_1_CONCENTRATED,
    SWITCH_2,
    SWITCH_2_CONCENTRATED,
    VERIFIED,
    Sample,
)
from bench.throughput.open_lanes import CITY, COMMIT, HALF, OVERLOADED
from bench.throughput.rounds import Rounds, Spread, spread
from simulators.fleet.histogram import Histogram


@dataclass(frozen=True)
class Goal:
    """One ratio: its name, what it must be and what it should be."""

    name: str
    must: float | None = None
    aim: float | None = None
    is_ceiling: bool = False
    unit: str = ""

    def is_met(self, value: float, bound: float | None) -> bool:
        """Return whether a value is on the right side of a bound (or there is none)."""
        return bound is None or (value <= bound if self.is_ceiling else value >= bound)

    def verdict(self, value: float) -> str:
        """Return in a word whether the goal is reached."""
        if self.must is None and self.aim is None:
            return "reported"
        if not self.is_met(value, self.must):
            return "**missed**"
        if self.aim is not None and self.is_met(value, self.aim):
            return "aim reached"
        if self.aim is None:
            return "met"
        return "aim missed" if self.must is None else "must met, aim missed"


@dataclass(frozen=True, kw_only=True)
class LaneGoal(Goal):
    """A goal that is computed from the rounds of its lanes."""

    value: Callable[[Rounds], Spread]
    lanes: tuple[str, ...]


def _rate(sample: Sample) -> float:
    return sample.rate_per_s


def _cpu(sample: Sample) -> float:
    return sample.cpu_us["server"] + sample.cpu_us["Postgres"]


def _p(percent: float) -> Callable[[Sample], float]:
    return lambda sample: float(Histogram(sample.latency, sample.latency_max_us).percentile_us(percent))


_SWITCH: Final = (SWITCH_1, SWITCH_1_CONCENTRATED)
_LIMIT: Final = (LIMIT_1, LIMIT_2)
_LIMIT_BEFORE: Final = (LIMIT_1_BEFORE, LIMIT_2_BEFORE)


def _best_over(unders: tuple[str, ...]) -> Callable[[Rounds], Spread]:
    def value(rounds: Rounds) -> Spread:
        return rounds.ratio(rounds.best(_SWITCH), rounds.best(unders), _rate)

    return value


def _cpu_over_echo(lane: str) -> Callable[[Rounds], Spread]:
    return lambda rounds: rounds.ratio(lane, ECHO, lambda sample: sample.cpu_us["server"])


def _cpu_over_postgres(lane: str) -> Callable[[Rounds], Spread]:
    return lambda rounds: spread(
        [sample.cpu_us["server"] / sample.cpu_us["Postgres"] for sample in rounds.samples[lane]]
    )


def _city_over_commit(rounds: Rounds) -> Spread:
    return rounds.ratio(CITY, COMMIT, _p(99))


def _half_tail(rounds: Rounds) -> Spread:
    return spread([_p(99)(sample) / _p(50)(sample) for sample in rounds.samples[HALF]])


def _two_over_one(rounds: Rounds) -> Spread:
    two = rounds.best((SWITCH_2, SWITCH_2_CONCENTRATED))
    return rounds.ratio(two, rounds.best(_SWITCH), _rate)


def _rate_over(lane: str, alone: str) -> Callable[[Rounds], Spread]:
    return lambda rounds: rounds.ratio(lane, alone, _rate)


def _overload(fact: str) -> Callable[[Rounds], Spread]:
    return lambda rounds: rounds.fact(OVERLOADED, fact)


GOALS: Final = (
    LaneGoal(
        "switch ÷ Postgres limit of d5b569b, 1 connection",
        value=_best_over((LIMIT_1_BEFORE,)), lanes=(*_SWITCH, LIMIT_1_BEFORE),
    ),
    LaneGoal(
        "switch ÷ Postgres limit of d5b569b, best of 1 and 2", 0.6, 0.8,
        value=_best_over(_LIMIT_BEFORE), lanes=(*_SWITCH, *_LIMIT_BEFORE),
    ),
    LaneGoal(
        "switch ÷ Postgres limit of the function in use, best of 1 and 2",
        value=_best_over(_LIMIT), lanes=(*_SWITCH, *_LIMIT),
    ),
    LaneGoal(
        "switch ÷ naive asyncio server", 14, 20, value=_best_over((NAIVE,)), lanes=(*_SWITCH, NAIVE)
    ),
    LaneGoal(
        "switch ÷ pgbench, one function a request", 3.5, 5,
        value=_best_over((PGBENCH,)), lanes=(*_SWITCH, PGBENCH),
    ),
    LaneGoal(
        "CPU of the switch a transaction ÷ CPU of the trio echo a request", 1.1, 0.9, is_ceiling=True,
        value=_cpu_over_echo(SWITCH_1), lanes=(SWITCH_1, ECHO),
    ),
    LaneGoal(
        "CPU of the switch with 20 concentrators ÷ CPU of the trio echo with 300 terminals", is_ceiling=True,
        value=_cpu_over_echo(SWITCH_1_CONCENTRATED), lanes=(SWITCH_1_CONCENTRATED, ECHO),
    ),
    LaneGoal(
        "CPU of the switch ÷ CPU of Postgres a transaction, 300 terminals", is_ceiling=True,
        value=_cpu_over_postgres(SWITCH_1), lanes=(SWITCH_1,),
    ),
    LaneGoal(
        "CPU of the switch ÷ CPU of Postgres a transaction, 20 concentrators", is_ceiling=True,
        value=_cpu_over_postgres(SWITCH_1_CONCENTRATED), lanes=(SWITCH_1_CONCENTRATED,),
    ),
    LaneGoal(
        "CPU of switch and Postgres a benefit use ÷ an earn, 300 terminals", 1.5, is_ceiling=True,
        value=lambda rounds: rounds.ratio(BENEFITS, SWITCH_1, _cpu), lanes=(BENEFITS, SWITCH_1),
    ),
    LaneGoal(
        "verify + benefit use ÷ earn, requests a second, 300 terminals",
        value=_rate_over(VERIFIED, SWITCH_1), lanes=(VERIFIED, SWITCH_1),
    ),
    LaneGoal(
        "300 terminals of three cities ÷ of one that earns",
        value=_rate_over(CITIES, SWITCH_1), lanes=(CITIES, SWITCH_1),
    ),
    LaneGoal(
        "p99 at 50/s ÷ p99 of one direct commit at 50/s", 2, 1.3, is_ceiling=True,
        value=_city_over_commit, lanes=(CITY, COMMIT),
    ),
    LaneGoal(
        "p99 ÷ p50 at 50 % of capacity", 4, 3, is_ceiling=True, value=_half_tail, lanes=(HALF,)
    ),
    LaneGoal(
        "two workers ÷ one", value=_two_over_one, lanes=(*_SWITCH, SWITCH_2, SWITCH_2_CONCENTRATED)
    ),
    LaneGoal("overload: rate kept ÷ capacity", 0.9, value=_overload("rate kept"), lanes=(OVERLOADED,)),
    LaneGoal(
        "overload: recovered after", 2, is_ceiling=True, unit="s",
        value=_overload("recovered after, s"), lanes=(OVERLOADED,),
    ),
    LaneGoal(
        "280 terminals beside 20 that stream ECHO ÷ alone", 0.8,
        value=_rate_over(ECHO_FLOOD, ALONE), lanes=(ECHO_FLOOD, ALONE),
    ),
    LaneGoal(
        "280 terminals beside 20 that stream TOTALS ÷ alone", 0.8,
        value=_rate_over(TOTALS_FLOOD, ALONE), lanes=(TOTALS_FLOOD, ALONE),
    ),
    LaneGoal(
        "one card at depth 4,000 beside 300 terminals, durable a second", 2_000,
        value=lambda rounds: rounds.fact(HOT_CARD, HOT_FACT), lanes=(HOT_CARD,),
    ),
    LaneGoal(
        "300 terminals beside 1,500 half-open strangers ÷ alone", 0.8,
        value=_rate_over(BESIDE_STRANGERS, SWITCH_1), lanes=(BESIDE_STRANGERS, SWITCH_1),
    ),
    LaneGoal(
        "300 terminals, TLS ÷ plain", 0.85, 0.95,
        value=_rate_over(OVER_TLS, SWITCH_1), lanes=(OVER_TLS, SWITCH_1),
    ),
    LaneGoal(
        "CPU of the switch a transaction, TLS ÷ plain", 1.3, 1.15, is_ceiling=True,
        value=lambda rounds: rounds.ratio(OVER_TLS, SWITCH_1, lambda sample: sample.cpu_us["server"]),
        lanes=(OVER_TLS, SWITCH_1),
    ),
)  # fmt: skip
"""In the order of the page. The goals of growth are in `growth`."""


def missed(goals: Iterable[Goal], values: Mapping[str, Spread]) -> list[str]:
    """Return the names of the goals measured that are not what they must be: the exit status follows them."""
    return [
        goal.name
        for goal in goals
        if goal.name in values and goal.verdict(values[goal.name].median) == "**missed**"
    ]


def reached(rounds: Rounds) -> dict[str, Spread]:
    """Return the value of every goal whose lanes were measured."""
    measured = rounds.samples.keys()
    return {goal.name: goal.value(rounds) for goal in GOALS if measured >= set(goal.lanes)}

"""A city's year, told from the first of January to New Year's Eve.

Owns the order of a day: the night's work of the registry, what the office and the shops have planned for it,
and the visits of the day, by hours and habits. Must not know what comes of a visit. Invariant: the same seed,
size and city make the same year.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec
import trio

from simulators.world.auditor import Auditor
from simulators.world.year import desk, evenings, festivals, savings, seasons
from simulators.world.year.cities import CITIES
from simulators.world.year.closing import compared, wrong_books
from simulators.world.year.days import HOUR_MS, Day, days_of
from simulators.world.year.life import Life
from simulators.world.year.opening import open_city
from simulators.world.year.referee import Occurrences, Surprise
from simulators.world.year.shopping import visit
from simulators.world.year.worker import Worker

FIRST_YEAR: Final = 2024
_YEARS: Final = 6
REQUESTS_A_VISIT: Final = 1.13
"""What a visit comes to at least, with what follows from it: measured."""
_BY_HOUR: Final = (
    1, 1, 1, 1, 1, 2, 10, 25, 40, 50, 60, 65, 60, 55, 60, 70, 85, 90, 75, 50, 25, 10, 5, 3,
)  # fmt: skip
_BY_WEEKDAY: Final = (0.9, 0.9, 0.95, 1.0, 1.25, 1.35, 0.65)
_HOURS: Final = range(24)


class Plan(msgspec.Struct, frozen=True):
    """One city's year: what is to be lived through. `last_day`: for a part of it."""

    seed: int
    city: str
    cards: int
    partners: int
    transactions: int
    last_day: date | None = None

    @property
    def year(self) -> int:
        """The year that the seed has drawn; every third seed or so has a 29 February."""
        return FIRST_YEAR + self.seed % _YEARS


class Lived(NamedTuple):
    """What became of a year."""

    plan: Plan
    transactions: int
    journalled: int
    changes: int
    surprised: int
    surprises: list[Surprise]
    books: list[str]
    units: int
    occurred: Occurrences


def live(plan: Plan, on_day: Callable[[date, int], object] = lambda *_: None) -> Lived:
    """Live through a city's year. `on_day` is told of each day and of the transactions so far."""
    return trio.run(live_on, plan, on_day)


async def live_on(
    plan: Plan,
    on_day: Callable[[date, int], object] = lambda *_: None,
    on_open: Callable[[Life, Worker], object] = lambda *_: None,
) -> Lived:
    """Live through a year where trio runs already. `on_open` is given the city before its first day."""
    async with trio.open_nursery() as nursery:
        worker, auditor = Worker(nursery), Auditor()
        life = open_city(
            CITIES[plan.city],
            plan.year,
            seed=plan.seed,
            cards=plan.cards,
            partners=plan.partners,
            worker=worker,
            auditor=auditor,
        )
        on_open(life, worker)
        weights = list(accumulate(life.random.lognormvariate(0, 0.8) for _ in life.town.residents))
        seasons.plan(life)
        for day in days_of(plan.year, plan.last_day):
            life.begin(day)
            await life.live_until(day.begins_ms)
            life.office.place_birthdays()
            _plan_visits(life, day, plan, weights)
            desk.plan(life, day)
            festivals.plan(life, day)
            savings.plan(life, day)
            evenings.plan(life, day)
            await life.live_until(life.day_ends_ms)
            on_day(day.date, life.referee.order)
        referee = life.referee
        return Lived(
            plan,
            referee.order,
            worker.ledger.number,
            worker.registry.number,
            referee.surprised,
            referee.surprises,
            wrong_books(worker.ledger, auditor),
            compared(worker.ledger),
            referee.occurred,
        )


def _plan_visits(life: Life, day: Day, plan: Plan, weights: list[float]) -> None:
    """Plan who goes where; the clock's hours are the shops', so a short night has no third hour."""
    draw = life.random
    a_day = plan.transactions / 366 / REQUESTS_A_VISIT
    visits = round(a_day * _BY_WEEKDAY[day.date.weekday()] * draw.uniform(0.9, 1.1))
    people = draw.choices(life.town.residents[: len(weights)], cum_weights=weights, k=visits)
    shown = draw.choices(_HOURS, weights=_BY_HOUR, k=visits)
    for person, hour in zip(people, shown, strict=True):
        at_night = hour < 6 or hour > 21
        till = draw.choice(life.market.at_night if at_night else life.market.tills)
        moment_ms = day.begins_ms + int((hour + draw.random()) * HOUR_MS * day.hours / 24)
        if not person.is_busy:
            life.at(moment_ms, visit, life, person, till)

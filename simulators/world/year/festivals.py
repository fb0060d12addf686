"""The odd nights and the busy hours: the hour that is shown twice, the one that is not, midnights, the 29th.

Owns who is out then. Must not know what a till is told. Source: days and hours are those of the programme's
own clocks (docs/rules.md, "Defaults where the documents are silent").
"""

from __future__ import annotations

from typing import Final

from simulators.world.year import circumstances as why_
from simulators.world.year import terms
from simulators.world.year.days import HOUR_MS, Day
from simulators.world.year.desk import plan_reports
from simulators.world.year.life import Life
from simulators.world.year.sales import Visit, probe, use
from simulators.world.year.shopping import benefit, price

_AT_NIGHT: Final = ("small hours", "small hours", "night", "daily")


def plan(life: Life, day: Day) -> None:
    """Plan the nights of a day, who moves away, and what shops report."""
    many = max(len(life.town.residents) // 200, 4)
    if day.is_longest:
        _night_out(life, day, 2, many, why_.HOUR_ONCE)
        _night_out(life, day, 3, many, why_.HOUR_TWICE)
    elif day.is_shortest:
        _night_out(life, day, 1, many, why_.SPRING)
        _night_out(life, day, 2, many, why_.SPRING)
    else:
        _night_out(life, day, 0, max(many // 50, 1), why_.AFTER_MIDNIGHT)
        _night_out(life, day, 2, max(many // 100, 1), "the small hours")
    if (day.date.month, day.date.day) == (2, 29):
        for _ in range(many):
            _shows_card(life, day, life.random.uniform(8, 20), why_.LEAP_DAY)
    for act in (_rush, _family_outing):
        if life.chance(0.5):
            life.at(day.begins_ms + int(life.random.uniform(9, 18) * HOUR_MS), act, life)
    _plan_notices(life, day)
    plan_reports(life, day)


def _night_out(life: Life, day: Day, hour: int, many: int, *why: str) -> None:
    """Let people be out in an hour counted from midnight by what has passed, not by what is shown."""
    for _ in range(many):
        moment_ms = day.begins_ms + hour * HOUR_MS + life.random.randrange(HOUR_MS)
        life.at(moment_ms, _one_more, life, why)


async def _one_more(life: Life, why: tuple[str, ...]) -> None:
    name = life.random.choice(_AT_NIGHT)
    if (till := life.till_with(name)) is not None:
        person = life.anybody()
        await use(Visit(life, till, person, person.card), till.shop.offers[name], price(life), *why)


async def _rush(life: Life) -> None:
    """More people than an offer is for queue at a till."""
    if (till := life.till_with("first come")) is not None:
        for _ in range(8):
            person = life.anybody()
            await benefit(life, person, person.card, till, till.shop.offers["first come"])


async def _family_outing(life: Life) -> None:
    """One of a family shops all day, where the rules limit that."""
    if not (life.edition and life.city.needs_documents):
        return
    person = life.anybody()
    while "family" not in person.flags:
        person = life.anybody()
    for _ in range(4):
        await probe(life, person, person.card, "a family's outing")


def _shows_card(life: Life, day: Day, hour: float, why: str) -> None:
    person = life.anybody()
    life.at(day.begins_ms + int(hour * HOUR_MS), probe, life, person, person.card, why)


def _plan_notices(life: Life, day: Day) -> None:
    """Who moves away does so on any day; many at the end of a month."""
    share = 0.01 / 366
    if day.date.day >= 29:
        share *= 25
    for _ in range(int(share * len(life.town.residents) + life.random.random())):
        moment_ms = day.begins_ms + int(life.random.uniform(8, 17) * HOUR_MS)
        life.go_on_at(moment_ms, terms.moved_away(life))

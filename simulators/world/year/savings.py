"""Who saves points, spends them, and then brings the goods back.

Owns the stories of points. Must not know what a till is told. Sources: Częstochowa, Działanie Programu;
silent: refunds, expiry of points.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulators.world.year.days import HOUR_MS, Day
from simulators.world.year.life import Life, Story
from simulators.world.year.returns import refund
from simulators.world.year.sales import APPROVED, Visit, earn, redeem
from simulators.world.year.shops import Sale, Till

_STEP_GROSZE: Final = 1_000
_TIERS: Final = (100, 250, 500)


def plan(life: Life, day: Day) -> None:
    """Plan who begins to save on a day, and who spends what he has to bring back."""
    if not life.city.has_points:
        return
    for tale, a_year in _A_YEAR.items():
        for _ in range(int(a_year * len(life.town.residents) / 366 + life.random.random())):
            moment_ms = day.begins_ms + int(life.random.uniform(9, 18) * HOUR_MS)
            life.go_on_at(moment_ms, tale(life))


def _till(life: Life) -> Till:
    """Return a till of a shop without a step of its own."""
    while True:
        till = life.some_till()
        if till.shop.step_grosze is None:
            return till


async def saver(life: Life) -> Story:
    """Points of one season are spent in another."""
    person, tier = life.anybody(), life.random.choice(_TIERS)
    person.is_busy = True
    await earn(Visit(life, _till(life), person, person.card), (tier + 1) * _STEP_GROSZE)
    yield life.in_hours(24 * life.random.uniform(62, 120))
    await redeem(Visit(life, life.some_till(), person, person.card), tier, 0)
    person.is_busy = False


async def spent_and_returned(life: Life) -> Story:
    """The points of a sale are spent, and then the sale is brought back: more goes back than is there."""
    person, till, tier = life.anybody(), _till(life), life.random.choice(_TIERS)
    person.is_busy = True
    reply = await earn(Visit(life, till, person, person.card), (tier + 1) * _STEP_GROSZE)
    if reply.code == APPROVED:
        sale: Sale = till.sales[-1]
        yield life.in_hours(2)
        await redeem(Visit(life, life.some_till(), person, life.carrier_of(person)), tier, 0)
        yield life.in_hours(2)
        if not till.shop.is_suspended:
            await refund(life, till, sale, sale.paid_grosze - sale.returned_grosze)
    person.is_busy = False


_A_YEAR: Final[dict[Callable[[Life], Story], float]] = {saver: 0.006, spent_and_returned: 0.02}
"""To what share of the residents it happens in a year."""

"""What ends on a day, and is prolonged: validity, entitlement, notices; and who is of another age from then.

Owns the stories of the year's turning points, told at the last moment before and the first after. Must not
know what a till is told. Sources: Zgierz § 16, § 20, § 21, § 33, § 35; Żywiec § 3; Civil Code, art. 112.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from simulators.world import facts
from simulators.world.year import circumstances as why_
from simulators.world.year.ages import TURNS
from simulators.world.year.cities import on
from simulators.world.year.days import DAY, HOUR_MS, age, at_ms, is_leap, midnight_ms, years_later
from simulators.world.year.life import Life, Story
from simulators.world.year.people import Resident
from simulators.world.year.sales import Visit, probe, use
from simulators.world.year.shopping import price

_FOR_AGES: Final = ("pool", "cinema", "over 60", "grown-up", "for children", "for juniors", "for youth")


def plan(life: Life) -> None:
    """Plan the turning points of everybody who lives in a city on New Year's Eve."""
    for person in life.town.residents:
        if life.city.has_validity:
            _plan_validity(life, person)
        if life.city.place.is_lapsing:
            life.go_on_at(_office_ms(life, date(life.year, 1, 2)), entitlement(life, person))
        if person.born_on is not None:
            _plan_birthday(life, person)


def _office_ms(life: Life, day: date) -> int:
    return at_ms(day, 8) + int(life.random.random() * 9 * HOUR_MS)


def _last_minutes_ms(life: Life, day: date) -> int:
    """Return a moment in the last minutes of a day."""
    return midnight_ms(day + DAY) - 1 - life.random.randrange(300_000)


def _first_minutes_ms(life: Life, day: date) -> int:
    """Return a moment in the first minutes of a day; now and then its very first."""
    return midnight_ms(day) + (0 if life.chance(0.1) else life.random.randrange(300_000))


# Validity (Żywiec § 3).


def _plan_validity(life: Life, person: Resident) -> None:
    until = person.card.valid_until
    if until is not None and until.year == life.year and until < date(life.year, 12, 30):
        life.go_on_at(_last_minutes_ms(life, until), validity(life, person))


async def validity(life: Life, person: Resident) -> Story:
    """A card is good through its last day and not on the next; on a new application it is good again."""
    card, until = person.card, person.card.valid_until
    if person.is_busy or until is None or life.chance(0.3):
        return
    await probe(life, person, card, why_.LAST_DAY)
    yield _first_minutes_ms(life, until + DAY)
    await probe(life, person, card, why_.DAY_AFTER)
    yield life.in_hours(life.random.uniform(10, 400))
    if life.chance(0.8) and card.state == facts.ACTIVE:
        card.valid_until = years_later(life.today, 2)
        life.office.set_card(person, card)
        await probe(life, person, card, why_.RENEWED)


# Entitlement (Zgierz § 20, § 21).


async def entitlement(life: Life, person: Resident) -> Story:
    """Most prove their tax before the end of May, some too late, some what was proved before, some never."""
    drawn, turn = life.random.random(), on(life.year, (6, 1))
    is_shown = life.chance(0.15) or person.applied_on is not None
    if drawn < 0.85:
        yield _office_ms(life, on(life.year, (2, 15)) + DAY * life.random.randrange(105))
        prove(life, person, life.year - 1)
    elif drawn < 0.90:
        yield _office_ms(life, on(life.year, (4, 1)) + DAY * life.random.randrange(60))
        prove(life, person, life.year - 2)
    why = why_.OLD_PROOF if 0.85 <= drawn < 0.90 else why_.JUNE_1
    if drawn < 0.85:
        why = why_.PROVED
    if not is_shown:
        return
    yield _last_minutes_ms(life, turn - DAY)
    await probe(life, person, person.card, why_.MAY_31 if drawn >= 0.85 else why_.PROVED)
    yield _first_minutes_ms(life, turn)
    if person.applied_on and person.tax_year is None:
        why = why_.TRANSITION
    await probe(life, person, person.card, why)
    if 0.90 <= drawn < 0.96:
        yield _office_ms(life, turn + DAY * life.random.randrange(1, 60))
        prove(life, person, life.year - 1)
        await probe(life, person, person.card, why_.LATE_PROOF)


def prove(life: Life, person: Resident, tax_year: int) -> None:
    """Take down proof of the tax of a year; an older one than there is renews nothing."""
    if person.tax_year is None or tax_year >= person.tax_year:
        person.tax_year = tax_year
        life.office.set_holder(person)


# Ages (Zgierz § 16).


def _plan_birthday(life: Life, person: Resident) -> None:
    assert person.born_on is not None
    before = age(person.born_on, date(life.year - 1, 12, 31))
    if before < 0 or not (before + 1 in TURNS or (person.born_on.month, person.born_on.day) == (2, 29)):
        return
    day = years_later(person.born_on, before + 1)
    if day.year == life.year:
        life.go_on_at(_last_minutes_ms(life, day - DAY), birthday(life, person, day))


async def birthday(life: Life, person: Resident, day: date) -> Story:
    """Up to midnight the offers of one age, from midnight those of another."""
    assert person.born_on is not None
    is_leap_born = (person.born_on.month, person.born_on.day) == (2, 29) and not is_leap(day.year)
    await _try_offers(life, person, why_.EVE)
    yield _first_minutes_ms(life, day)
    await _try_offers(life, person, why_.BIRTHDAY, *((why_.LEAP,) if is_leap_born else ()))


async def _try_offers(life: Life, person: Resident, *why: str) -> None:
    for name in life.random.sample(_FOR_AGES, 3):
        if (till := life.till_with(name)) is not None:
            await use(Visit(life, till, person, person.card), till.shop.offers[name], price(life), *why)


# Notices and objections (Zgierz § 33, § 35; Żywiec § 3).


async def moved_away(life: Life) -> Story:
    """Who has moved away is given notice: where the rules give a month, the card is good to its end."""
    person = life.anybody()
    person.is_busy = True
    person.notice_given_on = life.today
    life.office.set_holder(person)
    if not life.city.place.is_lapsing:
        await probe(life, person, person.card, why_.NOTICE_OVER)
        return
    await probe(life, person, person.card, why_.NOTICE)
    last = _a_month_later(life.today)
    short = (why_.SHORT_MONTH,) if last.day < life.today.day else ()
    yield _last_minutes_ms(life, last)
    if life.chance(0.1):
        person.notice_given_on = None
        life.office.set_holder(person)
        await probe(life, person, person.card, "the notice was taken back")
        person.is_busy = False
        return
    await probe(life, person, person.card, why_.NOTICE_LAST, *short)
    yield _first_minutes_ms(life, last + DAY)
    await probe(life, person, person.card, why_.NOTICE_OVER, *short)
    yield life.in_hours(2)
    life.office.set_card(person, person.card, facts.VOID)
    await probe(life, person, person.card, why_.VOID)


def _a_month_later(day: date) -> date:
    """Return the day of the same number, or the last of the month."""
    first = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + DAY * (day.day - 1), following - DAY)


async def objection(life: Life, change: date) -> Story:
    """Who objects to announced rules is out of the contract on the day before they hold."""
    person = life.anybody()
    person.is_busy = True
    person.ends_on = change - DAY
    life.office.set_holder(person)
    yield _last_minutes_ms(life, change - DAY)
    await probe(life, person, person.card, why_.OBJECTED_LAST)
    yield _first_minutes_ms(life, change)
    await probe(life, person, person.card, why_.OBJECTED_OVER)

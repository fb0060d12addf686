"""What tills do by themselves: they sign on, close their day, and bring what they sold while off the line.

Owns the stories of tills. Must not know what a till is told. Source: docs/rules.md, "Defaults where the
documents are silent": a sale made offline is judged by its own time, within 7 days and 5 minutes.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from protocol import BenefitAdvice, EarnAdvice, ResultCode, SignOn, SignOnReply, Totals, TotalsReply
from simulators.world import facts
from simulators.world.year import circumstances as why_
from simulators.world.year.days import DAY, HOUR_MS, Day, at_ms
from simulators.world.year.life import Life, Story
from simulators.world.year.offers import EVERYBODY
from simulators.world.year.referee import told
from simulators.world.year.sales import ALONE, APPROVED, PHOTO, Visit, remember
from simulators.world.year.shopping import price
from simulators.world.year.shops import Till

_NOT_NOW: Final = int(ResultCode.SUSPENDED_FOR_NOW)
_MINUTE_S: Final = 60
_DAY_S: Final = 86_400


def plan(life: Life, day: Day) -> None:
    """Plan what tills do on a day."""
    first = day.date == date(life.year, 1, 1)
    share = 1.0 if first else 0.01
    for till in life.market.tills:
        if life.chance(share):
            life.at(
                day.begins_ms + int(life.random.uniform(0, 1 if first else 7) * HOUR_MS), sign_on, life, till
            )
        if life.chance(0.005):
            life.at(day.begins_ms + int(life.random.uniform(20, 22) * HOUR_MS), close_day, life, till)
        if life.chance(0.008):
            life.go_on_at(day.begins_ms + int(life.random.uniform(7, 20) * HOUR_MS), off_the_line(life, till))
    if first:
        for _ in range(max(len(life.town.residents) // 200, 3)):
            life.at(day.begins_ms + 7 * HOUR_MS, _sold_before_rules, life)
    if _is_eve_of_change(life, day.date):
        for till in life.random.sample(life.market.tills, max(len(life.market.tills) // 2, 1)):
            life.go_on_at(at_ms(day.date, 22), off_the_line(life, till))
    for _ in range(int(len(life.town.residents) * 0.01 / 366 + life.random.random())):
        life.go_on_at(day.begins_ms + int(life.random.uniform(9, 18) * HOUR_MS), blocked_meanwhile(life))


def _is_eve_of_change(life: Life, day: date) -> bool:
    tomorrow = day + DAY
    turns = [edition.in_force for edition in life.city.editions] + [life.city.suspended[0]]
    return (tomorrow.month, tomorrow.day) in turns


async def sign_on(life: Life, till: Till) -> None:
    """A till asks for the programme's settings, page by page, in its language."""
    after = 0
    while True:
        message = SignOn(till.next_stan(), life.now_ms // 1_000, "year 1", till.language, after)
        reply = await life.referee.ask(till.number, message, (f"in {till.language}",))
        if not isinstance(reply, SignOnReply) or not reply.offers_next:
            return
        after = reply.offers_next


async def close_day(life: Life, till: Till) -> None:
    """A till compares its sums with the switch's: once with a sum forgotten, then with all."""
    last = till.stan
    sums = dict.fromkeys(Totals.__struct_fields__[4:], 0)
    if not last:
        return
    first = max(till.totals_from, last - 9_000)
    for _ in range(2):
        message = Totals(till.next_stan(), life.now_ms // 1_000, first, last, **sums)
        reply = await life.referee.ask(till.number, message)
        assert isinstance(reply, TotalsReply)
        sums = {name: getattr(reply, name) for name in sums}
    till.totals_from = last + 1
    if life.chance(0.05):
        await life.referee.ask(till.number, Totals(till.next_stan(), life.now_ms // 1_000, 1, 20_000, **sums))


# Off the line.


async def off_the_line(life: Life, till: Till) -> Story:
    """A till has no line for an hour or for days; it sells, keeps what it sold, and sends it when it can."""
    if till.is_offline or till.shop.is_suspended:
        return
    till.is_offline = True
    for _ in range(life.random.randrange(2, 9)):
        person = life.anybody()
        sell_offline(Visit(life, till, person, life.carrier_of(person)), _clock_s(life), why_.OFFLINE)
        yield life.in_hours(life.random.choice((0.1, 0.1, 1, 1, 5, 30)))
    if life.chance(0.1):
        yield life.in_hours(life.random.uniform(6.5, 8) * 24)
    till.is_offline = False
    while not await send_kept(life, till):
        yield life.in_hours(12)


def _clock_s(life: Life) -> int:
    """Return what a till's clock shows: some are slow, some are fast, a few by more than is allowed."""
    return life.now_ms // 1_000 + life.random.choice((0, 0, 0, 0, -30, 30, 240))


def sell_offline(at: Visit, at_s: int, *why: str) -> None:
    """Sell something, and keep the advice of it."""
    life, till, person, card = at
    stan, amount = till.next_stan(), price(life)
    if life.city.has_points and life.chance(0.7):
        till.advices.append((EarnAdvice(stan, at_s, card.digits, card.entry, amount), person, why))
        return
    offer = till.shop.offers[EVERYBODY]
    confirmed = (PHOTO if life.city.needs_documents else 0) | ALONE
    message = BenefitAdvice(stan, at_s, card.digits, card.entry, offer.number, amount, confirmed)
    till.advices.append((message, person, why))


async def send_kept(life: Life, till: Till) -> bool:
    """Send what is kept; return whether all of it was taken or refused for good."""
    kept, till.advices = till.advices, []
    for message, person, why in kept:
        age_s = life.now_ms // 1_000 - message.terminal_time
        known = (*why, *_of_age(age_s), *_when(life, message.terminal_time))
        reply = told(await life.referee.ask(till.number, message, known))
        if reply.code == _NOT_NOW:
            till.advices.append((message, person, (*why, why_.KEPT_FOR_NOW)))
        elif reply.code == APPROVED:
            remember(Visit(life, till, person, person.card), message, reply)
    return not till.advices


def _of_age(age_s: int) -> tuple[str, ...]:
    if age_s > 7 * _DAY_S:
        return (why_.TOO_OLD,)
    return (why_.AHEAD,) if age_s < -5 * _MINUTE_S else ()


def _when(life: Life, sold_s: int) -> tuple[str, ...]:
    """Say what has changed for everybody between a sale and now."""
    found: tuple[str, ...] = ()
    first, last = (date(life.year, *day) for day in life.city.suspended)
    if at_ms(first, 0) <= sold_s * 1_000 < at_ms(last + DAY, 0):
        found += (why_.SOLD_IN_REST,)
    for edition in life.city.editions:
        turn_ms = at_ms(date(life.year, *edition.in_force), 0)
        if sold_s * 1_000 < turn_ms <= life.now_ms:
            found += (why_.SOLD_BY_OLD_RULES,)
    return found


async def blocked_meanwhile(life: Life) -> Story:
    """A card is blocked between a sale made offline and its advice; and sold with once more after that."""
    person, till = life.anybody(), life.some_till()
    if till.is_offline:
        return
    till.is_offline = person.is_busy = True
    card = person.card
    sell_offline(Visit(life, till, person, card), life.now_ms // 1_000, why_.SOLD_BEFORE_BLOCK)
    yield life.in_hours(0.5)
    life.office.set_card(person, card, facts.BLOCKED)
    yield life.in_hours(0.5)
    sell_offline(Visit(life, till, person, card), life.now_ms // 1_000, why_.SOLD_AFTER_BLOCK)
    sell_offline(Visit(life, till, person, card), life.now_ms // 1_000 + 360 + 3_600, why_.AHEAD)
    yield life.in_hours(1)
    till.is_offline = False
    await send_kept(life, till)
    life.office.set_card(person, card, facts.ACTIVE)
    person.is_busy = False


async def _sold_before_rules(life: Life) -> None:
    """What was sold on New Year's Eve before the programme began has no rules to be judged by."""
    person, till = life.anybody(), life.some_till()
    sold_s = at_ms(date(life.year - 1, 12, 31), 12) // 1_000
    sell_offline(Visit(life, till, person, person.card), sold_s, why_.BEFORE_RULES)
    await send_kept(life, till)

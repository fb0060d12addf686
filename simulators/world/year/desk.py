"""What the desk and the tills do to cards, day by day: lost, worn out, wanted, reported, ended, new.

Owns the stories of cards, each told from its beginning to its end; after each step the card is shown at a
till. Must not know what a till is told. Sources: docs/cards.md; Zgierz § 8, § 24 to § 32; Żywiec § 3, § 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from protocol import CardReport
from simulators.world import facts
from simulators.world.facts import ACTIVE, ORDERED, READY
from simulators.world.year import circumstances as why_
from simulators.world.year.days import HOUR_MS, Day
from simulators.world.year.life import Life, Story
from simulators.world.year.opening import enter
from simulators.world.year.people import PLASTIC, Card, Resident
from simulators.world.year.sales import Visit, earn, head, probe, redeem

Tale: TypeAlias = Callable[[Life], Story]
RETAINED, ATTEMPT, DOUBT = 1, 2, 3


def plan(life: Life, day: Day) -> None:
    """Plan what comes to the desk on a day, in its hours."""
    for tale, a_year in _A_YEAR.items():
        wanted = a_year * len(life.town.residents) / 366
        for _ in range(int(wanted + life.random.random())):
            moment_ms = day.begins_ms + int(life.random.uniform(8, 17) * HOUR_MS)
            life.at(moment_ms, life.go_on, tale(life))


def _somebody(life: Life) -> Resident:
    person = life.anybody()
    person.is_busy = True
    return person


async def lost(life: Life) -> Story:
    """A card is lost and blocked on the web at once; it is found again, or a duplicate is asked for."""
    person = _somebody(life)
    card = person.card
    life.office.set_card(person, card, facts.BLOCKED)
    await probe(life, person, card, why_.BLOCKED)
    yield life.in_hours(life.random.uniform(1, 60))
    if life.chance(0.4):
        life.office.set_card(person, card, ACTIVE)
        await probe(life, person, card, why_.UNBLOCKED)
    else:
        life.office.set_card(person, card, facts.REPLACED)
        await probe(life, person, card, why_.LOST)
        async for moment_ms in _duplicate(life, person, card):
            yield moment_ms
    person.is_busy = False


async def worn_out(life: Life) -> Story:
    """A card is damaged, or a name has changed: the old one is good until the new one is handed over."""
    person = _somebody(life)
    async for moment_ms in _duplicate(life, person, person.card):
        yield moment_ms
    person.is_busy = False


async def _duplicate(life: Life, person: Resident, old: Card) -> Story:
    """A duplicate is ordered, comes, and is handed over in person; it has the last day of the old card."""
    was = old.state
    card = Card(life.town.number(), PLASTIC, ORDERED, old.valid_until)
    life.office.issue(person, card)
    await probe(life, person, card, why_.NEW_BEFORE)
    yield life.in_hours(life.random.uniform(20, 200))
    life.office.set_card(person, card, READY)
    await probe(life, person, card, why_.NEW_BEFORE)
    if was == ACTIVE:
        await probe(life, person, old, why_.OLD_BEFORE)
        if life.city.has_points:
            await earn(Visit(life, life.some_till(), person, old), 250_000)
    yield life.in_hours(life.random.uniform(20, 100))
    person.cards.insert(0, card)
    life.office.hand_over(person, card)
    await probe(life, person, old, why_.OLD_AFTER)
    await probe(life, person, card, why_.DUPLICATE)
    if life.city.has_points and person.points >= 100:
        await redeem(Visit(life, life.some_till(), person, card), 100, 0, why_.DUPLICATE)


async def wanted(life: Life) -> Story:
    """Somebody else is said to use a card: shops are to keep it; it turns up at home."""
    person = _somebody(life)
    life.office.set_card(person, person.card, facts.WANTED)
    await probe(life, person, person.card, why_.WANTED)
    yield life.in_hours(30)
    await probe(life, person, person.card, why_.WANTED)
    life.office.set_card(person, person.card, ACTIVE)
    await probe(life, person, person.card, why_.UNBLOCKED)
    person.is_busy = False


def _ended(state: int, why: str) -> Tale:
    async def ended(life: Life) -> Story:
        """An account ends for good, with all its carriers."""
        person = _somebody(life)
        for card in person.cards:
            if card.state not in (facts.REPLACED, state):
                life.office.set_card(person, card, state)
        await probe(life, person, person.card, why)
        yield life.in_hours(48)
        await probe(life, person, person.card, why)

    return ended


async def newcomer(life: Life) -> Story:
    """Somebody has moved in: a card is ordered, lies at the desk, and is good once it is handed over."""
    person = life.town.newcomer()
    person.is_busy = True
    for card in person.cards:
        card.state = ORDERED
    person.tax_year = life.year - 1 if life.city.place.is_lapsing else None
    enter(life, person)
    await probe(life, person, person.card, why_.ORDERED)
    yield life.in_hours(life.random.uniform(24, 300))
    life.office.set_card(person, person.card, READY)
    await probe(life, person, person.card, why_.ORDERED)
    yield life.in_hours(20)
    for card in person.cards:
        life.office.set_card(person, card, ACTIVE)
    await probe(life, person, person.card, why_.HANDED_OVER)
    person.is_busy = False


def _reported(kind: int, why: str) -> Tale:
    async def reported(life: Life) -> Story:
        """A shop reports a card (Żywiec § 4); the organiser looks into it, and confirms or lifts it."""
        person = _somebody(life)
        card = person.card
        await report(life, person, card, kind)
        await probe(life, person, card, why)
        yield life.in_hours(life.random.uniform(5, 70))
        is_lifted = life.chance(0.5)
        if is_lifted and card.state != ACTIVE:
            life.office.set_card(person, card, ACTIVE)
        await probe(life, person, card, why_.LIFTED if is_lifted else why_.CONFIRMED, why)
        if not is_lifted and kind != DOUBT:
            yield life.in_hours(24)
            async for moment_ms in _duplicate(life, person, card):
                yield moment_ms
        person.is_busy = False

    return reported


async def report(life: Life, person: Resident, card: Card, kind: int) -> None:
    """Report a card at a till, twice if the line was cut; and under its number once something else."""
    till = life.some_till()
    message = CardReport(*head(life, till, card), kind)
    await life.referee.ask(till.number, message, (f"report {kind}",))
    if life.city.place.is_retaining:
        stops = {RETAINED: facts.RETAINED, ATTEMPT: facts.BLOCKED}
        if card.state == ACTIVE:
            card.state = stops.get(kind, card.state)
        life.office.note_report(person, card, message)
    if life.chance(0.2):
        await life.referee.ask(till.number, message, (why_.AGAIN,))
        other = CardReport(message.stan, message.terminal_time + 1, card.digits, card.entry, kind)
        await life.referee.ask(till.number, other, (why_.OTHER_BODY,))


def plan_reports(life: Life, day: Day) -> None:
    """Plan what shops report on a day, in a city whose rules have it."""
    if life.city.place.is_retaining:
        for kind, why in _REPORTS.items():
            if life.chance(0.006 * len(life.town.residents) / 366):
                moment_ms = day.begins_ms + int(life.random.uniform(9, 19) * HOUR_MS)
                life.at(moment_ms, life.go_on, _reported(kind, why)(life))


_REPORTS: Final = {
    RETAINED: why_.REPORTED_KEPT,
    ATTEMPT: why_.REPORTED_ATTEMPT,
    DOUBT: why_.REPORTED_DOUBT,
}
_A_YEAR: Final[dict[Tale, float]] = {
    lost: 0.02,
    worn_out: 0.01,
    wanted: 0.005,
    _ended(facts.VOID, why_.VOID): 0.003,
    _ended(facts.CLOSED, why_.CLOSED): 0.003,
    _ended(facts.RESIGNED, why_.RESIGNED): 0.004,
    newcomer: 0.01,
}
"""How many of a hundred cards (as a share) a story happens to in a year."""

"""What everybody in a city's year shares: its people, shops and office, the clock, and what is to come.

Owns the agenda: moments in order, each with what happens then. Must not know what that is. Invariants: time
never goes back; of two things at one moment the one that was planned first happens first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, TypeAlias

from simulators.world.year.cities import City
from simulators.world.year.days import HOUR_MS, Day
from simulators.world.year.office import Office
from simulators.world.year.people import Card, Resident, Town
from simulators.world.year.referee import Referee
from simulators.world.year.shops import Market, Shop, Till
from simulators.world.year.worker import Worker

Act: TypeAlias = Callable[..., Awaitable[Any]]
Story: TypeAlias = AsyncIterator[int]
"""Something that happens in steps: it yields the moment (ms) at which it goes on."""


class Life:
    """A city in its year."""

    def __init__(
        self,
        *,
        city: City,
        year: int,
        random: Random,
        town: Town,
        market: Market,
        office: Office,
        referee: Referee,
        worker: Worker,
    ) -> None:
        self.city = city
        self.year = year
        self.random = random
        self.town = town
        self.market = market
        self.office = office
        self.referee = referee
        self._worker = worker
        self._agenda: list[tuple[int, int, Act, tuple[Any, ...]]] = []
        self._numbers = count()
        self.today = date(year, 1, 1)
        self.day_ends_ms = 0
        self.edition = 0
        self.is_resting = False
        self.is_over = False
        """Whether the programme is called off."""

    @property
    def now_ms(self) -> int:
        """The moment it is."""
        return self._worker.now_ms

    def begin(self, day: Day) -> None:
        """Begin a day."""
        self.today = day.date
        self.day_ends_ms = day.begins_ms + day.hours * HOUR_MS

    def at(self, moment_ms: int, act: Act, *arguments: Any) -> None:
        """Plan something for a moment; for one that is over: for now."""
        heappush(self._agenda, (max(moment_ms, self.now_ms), next(self._numbers), act, arguments))

    def soon(self, hours: float, act: Act, *arguments: Any) -> None:
        """Plan something for some hours from now."""
        self.at(self.in_hours(hours), act, *arguments)

    async def go_on(self, story: Story) -> None:
        """Let a story happen up to where it waits, and plan the rest of it."""
        async for moment_ms in story:
            self.at(moment_ms, self.go_on, story)
            return

    def go_on_at(self, moment_ms: int, story: Story) -> None:
        """Plan a story that begins at a moment."""
        self.at(moment_ms, self.go_on, story)

    def in_hours(self, hours: float) -> int:
        """Return the moment some hours from now."""
        return self.now_ms + int(hours * HOUR_MS)

    async def live_until(self, end_ms: int) -> None:
        """Let everything happen that was planned for before a moment."""
        agenda, worker = self._agenda, self._worker
        while agenda and agenda[0][0] < end_ms:
            moment_ms, _, act, arguments = heappop(agenda)
            worker.now_ms = moment_ms
            await act(*arguments)
        worker.now_ms = end_ms

    # Whom one meets.

    def anybody(self) -> Resident:
        """Return somebody the desk has nothing to do with just now."""
        while True:
            person: Resident = self.random.choice(self.town.residents)
            if not person.is_busy:
                return person

    def some_till(self) -> Till:
        """Return a till of a shop that sells."""
        while True:
            till: Till = self.random.choice(self.market.tills)
            if not till.shop.is_suspended:
                return till

    def till_with(self, offer: str) -> Till | None:
        """Return a till of a shop that has an offer; None: no shop has."""
        tills = self.market.with_offer.get(offer, ())
        for _ in range(8 if tills else 0):
            till: Till = self.random.choice(tills)
            found = till.shop.offers[offer]
            if not till.shop.is_suspended and found.version and not found.is_withdrawn:
                return till
        return None

    def other_till(self, shop: Shop, till: Till) -> Till | None:
        """Return another till of a shop."""
        others = [one for one in shop.tills if one is not till]
        return self.random.choice(others) if others else None

    def chance(self, share: float) -> bool:
        """Whether something happens that happens so often."""
        return self.random.random() < share

    def carrier_of(self, person: Resident) -> Card:
        """Return what somebody has in the hand: the plastic, mostly."""
        others = person.cards[1:]
        if others and self.chance(0.4):
            other: Card = self.random.choice(others)
            if not other.state:
                return other
        return person.card

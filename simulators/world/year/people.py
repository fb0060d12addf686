"""The people of a city: when they were born, with whom they live, which cards they carry.

Owns who lives there. Nobody here is a person. Must not know a rule: what somebody may have follows from the
programme's rules, by switch and auditor apart. Invariant: the same seed has the same people.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from random import Random
from typing import Final

import msgspec

from protocol import luhn_digit
from simulators.world.facts import ACTIVE
from simulators.world.year.cities import City
from simulators.world.year.days import DAY, years_later

PLASTIC, TRANSPORT, PHONE = range(3)
"""What carries a number: a plastic of the city, the transport card, a QR code in a telephone."""
_SWIPED, _SCANNED, _TAPPED, _KEYED = 1, 2, 3, 4
_ENTRY_OF: Final = {PLASTIC: _SWIPED, TRANSPORT: _TAPPED, PHONE: _SCANNED}
_ISSUER: Final = "700010"


class Card(msgspec.Struct, gc=False, eq=False):
    """A carrier: its digits, and the state the office gave it."""

    digits: str
    carrier: int
    state: int = ACTIVE
    valid_until: date | None = None

    @property
    def entry(self) -> int:
        """How it is read."""
        return _ENTRY_OF[self.carrier]


class Resident(msgspec.Struct, eq=False):
    """Somebody with an account. `points`: what the last receipt said; `is_busy`: the desk is dealing with it.

    `earned_on`: the day of the last points, for who saves for long.
    """

    account: int
    district: int
    born_on: date | None
    flags: tuple[str, ...]
    has_guardian: bool
    cards: list[Card]
    tax_year: int | None = None
    applied_on: date | None = None
    notice_given_on: date | None = None
    ends_on: date | None = None
    points: int = 0
    earned_on: date | None = None
    is_busy: bool = False

    @property
    def card(self) -> Card:
        """The newest plastic."""
        return self.cards[0]

    @property
    def account_id(self) -> int:
        """The account in the books."""
        return self.account << 3


class Town:
    """All who live in a city, and the numbers that were not given yet."""

    def __init__(self, city: City, year: int, cards: int, random: Random) -> None:
        self.city = city
        self._year = year
        self._random = random
        self._numbers = count(1)
        self._accounts = count(city.programme * 10_000_000 + 1)
        self.residents: list[Resident] = []
        while len(self.residents) < cards:
            self.residents += self._household()

    def number(self, carrier: int = PLASTIC) -> str:
        """Return a number nobody has."""
        prefix = _ISSUER if carrier == TRANSPORT else self.city.place.prefix
        digits = f"{prefix}{next(self._numbers):09}"
        return digits + luhn_digit(digits)

    def newcomer(self) -> Resident:
        """Return somebody who has moved in."""
        person = self._person(self._random.randrange(len(self.city.place.districts)), 25, 45, ())
        self.residents.append(person)
        return person

    def _household(self) -> list[Resident]:
        """One, two or three generations under a roof; three children make a family, as the rules mean it."""
        draw, district = self._random, self._random.randrange(len(self.city.place.districts))
        shape = draw.random()
        if shape < 0.25:
            old_card = ("senior",) if draw.random() < 0.5 else ()
            return [self._person(district, 58, 92, old_card) for _ in range(draw.choice((1, 2)))]
        if shape < 0.45:
            return [self._person(district, 18, 60, ()) for _ in range(draw.choice((1, 2)))]
        children = draw.choice((1, 1, 2, 2, 3, 4))
        flags = ("family",) if children >= 3 or draw.random() < 0.1 else ()
        parents = [self._person(district, 24, 52, flags) for _ in range(2)]
        return parents + [self._person(district, 0, 19, flags) for _ in range(children)]

    def _person(self, district: int, youngest: int, oldest: int, flags: tuple[str, ...]) -> Resident:
        draw, place, account = self._random, self.city.place, next(self._accounts)
        born_on = self._birth(youngest, oldest) if place.has_holders else None
        person = Resident(
            account,
            district,
            born_on,
            flags if place.flags else (),
            place.has_holders and draw.random() < 0.02,
            [Card(self.number(), PLASTIC)],
        )
        self._carry(person)
        if place.is_lapsing:
            self._entitle(person)
        return person

    def _birth(self, youngest: int, oldest: int) -> date:
        draw = self._random
        if draw.random() < 0.01:
            years = [year for year in range(self._year - oldest, self._year - youngest) if year % 4 == 0]
            if years:
                return date(draw.choice(years), 2, 29)
        first = date(self._year - oldest - 1, 1, 1)
        return first + timedelta(days=draw.randrange(366 * (oldest - youngest + 1)))

    def _carry(self, person: Resident) -> None:
        draw, card = self._random, person.card
        if self.city.has_points:
            if draw.random() < 0.15:
                person.cards.append(Card(self.number(TRANSPORT), TRANSPORT))
            if draw.random() < 0.10:
                person.cards.append(Card(self.number(PHONE), PHONE))
        if self.city.has_validity:
            issued = date(self._year - 2, 1, 1) + timedelta(days=draw.randrange(730))
            card.valid_until = years_later(issued, 2)

    def _entitle(self, person: Resident) -> None:
        """By proof of the tax of the year before last, of an earlier one, or by the transition of 2024."""
        draw = self._random.random()
        if draw < 0.03:
            person.applied_on = date(2024, 1, 1) + DAY * self._random.randrange(120)
        elif draw < 0.97:
            person.tax_year = self._year - 2
        else:
            person.tax_year = self._year - 3

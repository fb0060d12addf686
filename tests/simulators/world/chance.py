"""A small city by a seed: facts at random, crowded round the edges of its rules.

Owns the drawing alone. Whatever is drawn, an operator could have entered and a terminal could have sent.
"""

import random
import re
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path

from protocol import luhn_digit
from simulators.world.facts import (
    CardSet,
    Fact,
    HolderSet,
    OfferPublished,
    OfferWithdrawn,
    PartnerSet,
    ProgrammeApplied,
    ProgrammeState,
    TerminalSet,
)
from tests.simulators.world.chance_offers import FLAGS, offer_text

CITIES = {"czestochowa": 1, "zywiec": 2, "zgierz": 3, "ponta": 4}
DELIVERED = files("switch").joinpath("rules/programmes")
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
STARTS = [
    datetime(2026, 5, 18, 9, tzinfo=UTC),
    datetime(2026, 10, 22, 12, tzinfo=UTC),
    datetime(2026, 12, 28, 18, tzinfo=UTC),
    datetime(2027, 3, 25, 20, tzinfo=UTC),
    datetime(2028, 2, 26, 6, tzinfo=UTC),
    datetime(2024, 5, 27, 22, tzinfo=UTC),
]
"""Before the end of May, both changes of the clocks, a new year, a leap day, the end of the transition."""
LIMITS = """
[limits]
source = ["silent: limits"]
quotas = [
    {{ number = 0, per = "card", period = "{period}", uses = {uses} }},
    {{ number = 1, per = "programme", period = "month", uses = {wide}{whom} }},
]
"""


def rules_text(city: str) -> str:
    if city == "ponta":
        return Path(__file__).parents[2].joinpath("switch/fourth_city.toml").read_text(encoding="utf-8")
    return DELIVERED.joinpath(f"{city}.toml").read_text(encoding="utf-8")


def digits(prefix: str, number: int, length: int = 16) -> str:
    payload = prefix + f"{number:0{length - 1 - len(prefix)}}"
    return payload + luhn_digit(payload)


class Chance:
    """Draws what happens in one city."""

    def __init__(self, seed: int, city: str) -> None:
        self.random = random.Random(f"{city} {seed}")
        self.city, self.programme = city, CITIES[city]
        self.text = rules_text(city)
        prefix, length = {"ponta": ("9620", 19)}.get(city, (f"9616{self.programme - 1}", 16))
        self.cards = [digits(prefix, 100 + number, length) for number in range(14)]
        self.strangers = [
            digits(prefix, 999, length),
            digits("96161" if city != "zywiec" else "96162", 7),
            digits("4000", 17),
            self.cards[0][:-1] + str((int(self.cards[0][-1]) + 1) % 10),
            "",
            "a card",
        ]
        first = 1_000 * self.programme
        self.partners = [first + 1, first + 2]
        self.terminals = {first + n: (first + (2 if n == 4 else 1), n % 3) for n in range(1, 5)}
        # Now and then more than one page of VERIFY and of SIGN_ON holds.
        self.offers = list(range(1, 80 if seed % 5 == 4 else 9))
        self._versions: dict[int, int] = {}
        self._rules_version = 1
        self.now_ms = int(self.random.choice(STARTS).timestamp() * 1_000)
        # A limit's number keeps its period: other rules are not published.
        self._period = self.random.choice(["day", "week", "month", "year", "ever"])
        self._is_ended = False
        self._periods: tuple[tuple[int, int | None], ...] = ()
        self._suspended = dict.fromkeys(self.partners, False)
        self._states: dict[str, CardSet] = {}

    @property
    def accounts(self) -> set[int]:
        """The accounts of its cards."""
        return {self._account(number) for number in range(len(self.cards))}

    def _account(self, number: int) -> int:
        return 8 * (1_000 * self.programme + number // 2 * 2)

    def partner_of(self, offer: int) -> int:
        """The partner who grants an offer."""
        return self.partners[offer % 3 == 0]

    def offers_at(self, terminal: int) -> list[int]:
        """The numbers of the offers of a terminal's partner."""
        return [offer for offer in self.offers if self.partner_of(offer) == self.terminals[terminal][0]]

    # Facts.

    def beginning(self) -> list[Fact]:
        """Everything that is so at first."""
        facts: list[Fact] = [
            ProgrammeApplied(
                programme=number, version=1, from_ms=self.now_ms - 900 * DAY_MS, text=rules_text(city)
            )
            for city, number in CITIES.items()
        ]
        facts += [
            PartnerSet(
                partner=partner,
                programme=self.programme,
                name=f"Partner {partner} ąęść",
                points_step_grosze=[None, 250][partner % 2] if self.city != "zywiec" else None,
            )
            for partner in self.partners
        ]
        facts += [
            TerminalSet(terminal=terminal, partner=partner, outlet=outlet)
            for terminal, (partner, outlet) in self.terminals.items()
        ]
        facts += [self._card(number, 0) for number in range(len(self.cards))]
        facts += [fact for number in range(len(self.cards) - 2) for fact in self._holder(number)]
        facts += [self._offer(number, self.now_ms - DAY_MS) for number in self.offers]
        return facts

    def _card(self, number: int, state: int) -> CardSet:
        valid = self.day(self.random.randint(-1, 60)) if self.random.random() < 0.1 else None
        before = self._states.get(self.cards[number])
        card = CardSet(
            card=self.cards[number],
            programme=self.programme,
            account=self._account(number),
            state=state,
            since_ms=self.now_ms,
            valid_until=before.valid_until if before else valid,
        )
        self._states[card.card] = card
        return card

    def day(self, days: int) -> date:
        """Return the day so many days from now."""
        return (datetime.fromtimestamp(self.now_ms / 1_000, UTC) + timedelta(days=days)).date()

    def _born(self) -> date:
        chance = self.random
        if not chance.randrange(6):
            return date(chance.choice([1964, 2008, 2020]), 2, 29)
        near, years = (
            self.day(chance.randint(-3, 40)),
            chance.choice([0, 6, 7, 12, 13, 18, 19, 21, 60, 61, 67, 30]),
        )
        return near.replace(year=near.year - years, day=min(near.day, 28))

    def _holder(self, number: int) -> list[Fact]:
        chance = self.random
        if number % 2:
            return []
        flags = [flag for flag in FLAGS.get(self.city, []) if chance.random() < 0.3]
        return [
            HolderSet(
                account=self._states[self.cards[number]].account,
                programme=self.programme,
                since_ms=self.now_ms,
                born_on=self._born() if chance.random() < 0.9 else None,
                flags=tuple(flags),
                has_guardian=chance.random() < 0.15,
                tax_year=chance.choice([None, *[self.day(0).year - back for back in (3, 2, 1, 1, 1, 1)]]),
                applied_on=chance.choice([None, date(2024, 4, 30), date(2024, 5, 1)]),
                notice_given_on=self.day(chance.randint(-31, 3)) if chance.random() < 0.04 else None,
                ends_on=self.day(chance.randint(-3, 30)) if chance.random() < 0.03 else None,
            )
        ]

    def _offer(self, number: int, from_ms: int) -> Fact:
        version = self._versions[number] = self._versions.get(number, 0) + 1
        return OfferPublished(
            programme=self.programme,
            number=number,
            version=version,
            from_ms=from_ms,
            text=offer_text(self, number),
        )

    def news(self) -> list[Fact]:
        """Something that changes."""
        chance = self.random
        what = chance.randrange(15)
        if any(self._suspended.values()) or self._is_ended:
            what = chance.choice([what, 5, 6])
        if what < 3:
            number = chance.randrange(len(self.cards))
            return [self._card(number, chance.choice([0] * 12 + list(range(10))))]
        if what < 5:
            return self._holder(2 * chance.randrange(len(self.cards) // 2))
        if what == 5:
            partner = chance.choice(self.partners)
            self._suspended[partner] = not self._suspended[partner] and chance.random() < 0.3
            step = chance.choice([None, 250, 333]) if self.city != "zywiec" else None
            return [
                PartnerSet(
                    partner=partner,
                    programme=self.programme,
                    name="Kłos",
                    is_suspended=self._suspended[partner],
                    points_step_grosze=step,
                )
            ]
        if what == 6:
            return [self._state()]
        if what == 7:
            return [self._new_rules()]
        if what == 8:
            number = chance.choice(self.offers)
            version = self._versions[number] = self._versions[number] + 1
            return [
                OfferWithdrawn(programme=self.programme, number=number, version=version, from_ms=self._soon())
            ]
        if what == 9:
            return [self._moved()]
        return [self._offer(chance.choice(self.offers), self._soon())]

    def _moved(self) -> TerminalSet:
        """A terminal goes to another outlet of its partner, or stands in none."""
        terminal = self.random.choice(list(self.terminals))
        partner, _ = self.terminals[terminal]
        self.terminals[terminal] = partner, self.random.randrange(3)
        return TerminalSet(terminal=terminal, partner=partner, outlet=self.terminals[terminal][1])

    def _soon(self) -> int:
        return self.now_ms + self.random.choice([0, 0, HOUR_MS, DAY_MS])

    def _state(self) -> ProgrammeState:
        chance = self.random
        if self._is_ended:
            self._is_ended = False
            return ProgrammeState(programme=self.programme, suspended_ms=self._periods)
        now = self.now_ms
        begin = now + chance.choice([0, HOUR_MS, DAY_MS])
        until = begin + chance.choice([HOUR_MS, 5 * HOUR_MS, DAY_MS])
        if chance.random() < 0.07:
            ends = self.now_ms + chance.choice([HOUR_MS, DAY_MS])
            self._is_ended = True
            return ProgrammeState(programme=self.programme, suspended_ms=self._periods, ended_from_ms=ends)
        if chance.random() < 0.5:
            self._periods = tuple((one, min(end or now, now)) for one, end in self._periods if one < now)
        else:
            self._periods = (*self._periods, (begin, until))
        return ProgrammeState(programme=self.programme, suspended_ms=self._periods)

    def _new_rules(self) -> ProgrammeApplied:
        chance = self.random
        self._rules_version += 1
        text = self.text
        if self.city != "zywiec" and "step_grosze = 1000" in text:
            text = text.replace("step_grosze = 1000", f"step_grosze = {chance.choice([500, 1000, 2500])}")
        if chance.random() < 0.5:
            text = text.replace("below_zero = true", "below_zero = false")
        if "[limits]" not in text and chance.random() < 0.6:
            whom = ', flags = ["family"]' if self.city in ("zgierz", "czestochowa") else ""
            text += LIMITS.format(
                period=self._period,
                uses=chance.choice([1, 2, 5]),
                wide=chance.choice([3, 10]),
                whom=whom,
            )
        if chance.random() < 0.3 and "offline = false" in text:
            text = text.replace("offline = false", "offline = true")
            text = re.sub(r"^benefit = (.*)$", r"benefit = \1\nbenefit_advice = \1", text, flags=re.MULTILINE)
        return ProgrammeApplied(
            programme=self.programme, version=self._rules_version, from_ms=self._soon(), text=text
        )

    # The clock.

    def pass_time(self) -> None:
        """Let some time pass, now and then until just before an edge."""
        chance = self.random
        step = chance.choice([0, 1, 1_000, 1_000, 60_000, 10 * 60_000, HOUR_MS, HOUR_MS, 7 * HOUR_MS])
        if chance.random() < 0.02:
            step = chance.choice([DAY_MS, 6 * DAY_MS, 20 * DAY_MS])
        if chance.random() < 0.01:
            step = -chance.choice([1, 60_000, 250_000])
        self.now_ms += step
        if chance.random() < 0.05:  # to within a second of the next whole hour
            self.now_ms += HOUR_MS - self.now_ms % HOUR_MS - chance.choice([0, 1, 1_000])

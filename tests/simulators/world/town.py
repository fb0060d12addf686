"""A town for cases counted by hand: one partner or two, four cards, and the auditor alone.

Moments are written as the clocks of the town show them. No reply here was computed by any program: each
figure stands in a table, counted from the programme's document.
"""

from datetime import datetime
from importlib.resources import files
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from protocol import Earn, Request, luhn_digit
from simulators.world.auditor import Auditor, Committed, Expected
from simulators.world.facts import (
    CardSet,
    Fact,
    HolderSet,
    OfferPublished,
    PartnerSet,
    ProgrammeApplied,
    TerminalSet,
)

NUMBERS = {"czestochowa": 1, "zywiec": 2, "zgierz": 3}
HERE, NEXT_TILL, ELSEWHERE = 1, 2, 3
"""Terminals: two of one partner, in outlets 11 and 12, and one of another partner."""
OURS, THEIRS = 7, 8
TAPPED = 3


def at(clock: str, *, fold: int = 0) -> int:
    """Return a moment by the wall's clock in Poland; `fold` 1: the second pass of a repeated hour."""
    shown = datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo("Europe/Warsaw"), fold=fold)
    return int(shown.timestamp() * 1_000)


def rules_text(city: str) -> str:
    """Return a delivered rules file."""
    return files("switch").joinpath(f"rules/programmes/{city}.toml").read_text(encoding="utf-8")


class Judged(NamedTuple):
    """A request, and the reply it must have."""

    asked: Committed
    expected: Expected


class Town:
    """One programme, told of nothing but what stands here. `tape`: all it was told and asked, in order."""

    def __init__(self, city: str, since: str = "2023-01-01") -> None:
        self.auditor = Auditor()
        self.tape: list[Fact | Judged] = []
        self.city, self.programme = city, NUMBERS[city]
        self.cards = [self._digits(number) for number in range(1, 6)]
        self._number = self._order = self._stan = 0
        self.now = at("2026-03-10 12:00")
        start = at(since)
        for code, number in NUMBERS.items():
            text = rules_text(code)
            self.learn(ProgrammeApplied(programme=number, version=1, from_ms=start, text=text))
        for partner in (OURS, THEIRS):
            self.learn(PartnerSet(partner=partner, programme=self.programme))
        for terminal, partner, outlet in ((HERE, OURS, 11), (NEXT_TILL, OURS, 12), (ELSEWHERE, THEIRS, 13)):
            self.learn(TerminalSet(terminal=terminal, partner=partner, outlet=outlet))
        for number in range(4):
            self.card(number)

    def _digits(self, number: int) -> str:
        payload = f"9616{self.programme - 1}{number:010}"
        return payload + luhn_digit(payload)

    def learn(self, fact: Fact) -> None:
        self._number += 1
        self.tape.append(fact)
        self.auditor.learn(self._number, fact)

    def card(self, number: int, **more: Any) -> None:
        """Put one of the cards; card 3 is another carrier of card 0's account."""
        account = 8 * (1 + number % 3)
        told: dict[str, Any] = {"card": self.cards[number], "programme": self.programme, "account": account}
        self.learn(CardSet(**(told | more)))

    def holder(self, number: int = 0, **more: Any) -> None:
        """Say who holds a card."""
        self.learn(HolderSet(account=8 * (1 + number % 3), programme=self.programme, **more))

    def offer(self, number: int, *lines: str, version: int = 1, since: str = "2023-01-01") -> None:
        """Publish an offer of the first partner; `lines` of an offers file."""
        head = f'programme = "{self.city}"\n[[offer]]\nnumber = {number}\npartner = {OURS}\n'
        words = 'name = { pl = "o", en = "o" }\ntext = { pl = "o", en = "o" }\n'
        text = head + words + "\n".join(lines)
        fact = OfferPublished(
            programme=self.programme, number=number, version=version, from_ms=at(since), text=text
        )
        self.learn(fact)

    def ask(self, kind: type[Request], *fields: Any, **how: Any) -> Expected:
        """Judge a request. `how`: card, entry, terminal, when, sold (by the wall's clock), stan."""
        self._order += 1
        self._stan = how.get("stan", self._stan + 1)
        self.now = at(how["when"]) if "when" in how else how.get("now", self.now + 1_000)
        sold = at(how["sold"]) // 1_000 if "sold" in how else self.now // 1_000
        card = how.get("card", 0)
        text = self.cards[card] if isinstance(card, int) else card
        request = kind(self._stan, sold, text, how.get("entry", TAPPED), *fields)  # type: ignore[call-arg]
        terminal = how.get("terminal", HERE)
        asked = Committed(self._order, terminal, request, self._number, self.now)
        expected = self.auditor.judge(asked)
        self.tape.append(Judged(asked, expected))
        return expected

    @property
    def stan(self) -> int:
        """The number of the request asked last."""
        return self._stan

    def give_points(self, points: int, card: int = 0) -> None:
        """Let a card earn so many points."""
        while points:
            some = min(points, 2_000)
            assert not self.ask(Earn, some * 1_000, card=card).code
            points -= some

"""What a till does next: the mix of requests, the amounts, and which card, drawn from a seed.

Owns the mix and what a till must remember to redeem and reverse sensibly. Must not know sockets or Locust.
The shares and amounts are **assumptions** (none are published), kept in one place. Invariants: the same seed
and the same replies give the same requests; only this till's own approved sales are reversed, each at most
once.
"""

from __future__ import annotations

import random
from collections import deque
from enum import StrEnum
from typing import Final, NamedTuple

from bench.load.terminal import Answer, BlockingTerminal
from protocol import ResultCode, TransactionReply
from simulators.city.population import Population


class Kind(StrEnum):
    """What a till can ask for; the value is the name in the statistics."""

    EARN = "earn"
    BALANCE = "balance"
    REDEEM = "redeem"
    REVERSAL = "reversal"
    ECHO = "echo"


MIX: Final = {Kind.EARN: 72, Kind.BALANCE: 12, Kind.REDEEM: 8, Kind.REVERSAL: 3, Kind.ECHO: 5}
"""Shares in per cent."""

PURCHASE_GROSZE: Final = (500, 30_000)
"""Most purchases: 5 to 300 zł."""
LARGE_PURCHASE_GROSZE: Final = (100_000, 300_000)
"""One in LARGE_EVERY: a washing machine. It earns enough to redeem."""
LARGE_EVERY: Final = 15
TIER_POINTS: Final = 100
REMEMBERED_MAX: Final = 20

_KINDS: Final = tuple(MIX)
_SHARES: Final = tuple(MIX.values())


class Action(NamedTuple):
    """One request to make: `number` is an amount in grosze, a tier in points or the original's STAN."""

    kind: Kind
    card: str = ""
    number: int = 0


class Till:
    """Draws the requests of one terminal. `rng` decides everything."""

    def __init__(self, population: Population, rng: random.Random) -> None:
        self._population = population
        self._rng = rng
        self._sales: deque[tuple[str, int]] = deque(maxlen=REMEMBERED_MAX)
        self._rich: deque[str] = deque(maxlen=REMEMBERED_MAX)

    def next(self) -> Action:
        """Return the next request; a reversal becomes a sale while there is none to reverse."""
        kind = self._rng.choices(_KINDS, _SHARES)[0]
        if kind is Kind.ECHO:
            return Action(kind)
        if kind is Kind.REVERSAL and self._sales:
            return Action(kind, *self._sales.pop())
        if kind is Kind.REDEEM:
            card = self._rich.popleft() if self._rich else self._any_card()
            return Action(kind, card, TIER_POINTS)
        if kind is Kind.BALANCE:
            return Action(kind, self._any_card())
        return Action(Kind.EARN, self._any_card(), self._amount())

    def learn(self, action: Action, answer: Answer) -> None:
        """Remember an approved sale for a reversal, and a card with enough points for a redemption."""
        reply = answer.reply
        if answer.code != ResultCode.APPROVED or not isinstance(reply, TransactionReply):
            return
        if action.kind is Kind.EARN:
            self._sales.append((action.card, reply.stan))
        if reply.balance >= TIER_POINTS and action.card not in self._rich:
            self._rich.append(action.card)

    def _any_card(self) -> str:
        return self._population.track2(self._rng.randrange(self._population.cards))

    def _amount(self) -> int:
        is_large = self._rng.randrange(LARGE_EVERY) == 0
        return self._rng.randint(*(LARGE_PURCHASE_GROSZE if is_large else PURCHASE_GROSZE))


def perform(line: BlockingTerminal, action: Action) -> Answer:
    """Make the request on an open line. Raises `LineError`."""
    match action.kind:
        case Kind.EARN:
            return line.earn(action.card, action.number)
        case Kind.BALANCE:
            return line.balance(action.card)
        case Kind.REDEEM:
            return line.redeem(action.card, action.number)
        case Kind.REVERSAL:
            return line.reverse(action.card, action.number)
        case Kind.ECHO:
            return line.echo()

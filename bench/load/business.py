"""What a till does next, drawn from a seed: the business of `simulators.city.trade` on a line that holds.

Owns what a till must remember to redeem and reverse sensibly. Must not know sockets or Locust. Invariants:
the same seed and the same replies give the same requests; only this till's own approved sales are reversed,
each at most once.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Final, NamedTuple

from bench.load.terminal import Answer, BlockingTerminal
from protocol import ResultCode, TransactionReply
from simulators.city.population import Population
from simulators.city.trade import ON_LINE, Customers

TIER_POINTS: Final = 100
REMEMBERED_MAX: Final = 20


class Action(NamedTuple):
    """One request to make: `number` is an amount in grosze, a tier in points or the original's STAN."""

    operation: str
    """A name of `simulators.city.trade.Mix`."""
    card: str = ""
    number: int = 0


class Till:
    """Draws the requests of one terminal. `rng` decides everything."""

    def __init__(self, population: Population, rng: random.Random) -> None:
        self._population = population
        self._customers = Customers(population, ON_LINE, rng)
        self._sales: deque[tuple[str, int]] = deque(maxlen=REMEMBERED_MAX)
        self._rich: deque[str] = deque(maxlen=REMEMBERED_MAX)

    def next(self) -> Action:
        """Return the next request; a reversal becomes a sale while there is none to reverse."""
        operation = self._customers.operation()
        match operation:
            case "echo":
                return Action(operation)
            case "reversal" if self._sales:
                return Action(operation, *self._sales.pop())
            case "redeem":
                return Action(operation, self._rich.popleft() if self._rich else self._card(), TIER_POINTS)
            case "balance":
                return Action(operation, self._card())
        return Action("earn", self._card(), self._customers.basket_grosze())

    def learn(self, action: Action, answer: Answer) -> None:
        """Remember an approved sale for a reversal, and a card with enough points for a redemption."""
        reply = answer.reply
        if answer.code != ResultCode.APPROVED or not isinstance(reply, TransactionReply):
            return
        if action.operation == "earn":
            self._sales.append((action.card, reply.stan))
        if reply.balance >= TIER_POINTS and action.card not in self._rich:
            self._rich.append(action.card)

    def _card(self) -> str:
        return self._population.track2(self._customers.card_index())


def perform(line: BlockingTerminal, action: Action) -> Answer:
    """Make the request on an open line. Raises `LineError`."""
    match action.operation:
        case "earn":
            return line.earn(action.card, action.number)
        case "balance":
            return line.balance(action.card)
        case "redeem":
            return line.redeem(action.card, action.number)
        case "reversal":
            return line.reverse(action.card, action.number)
    return line.echo()

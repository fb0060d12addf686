"""A cashier's day at one terminal: what is keyed next, and whether the answer is what it should be.

Owns how each operation is keyed and which codes may answer it; what comes next is drawn by
`simulators.city.trade`. Everything is drawn from one seeded `random.Random`; who may redeem is learnt from
the balances on earlier receipts, as a cashier would.

Must not know: sockets, files, time.

Invariant: an answer that the input cannot have earned is counted as unexpected, with an example that holds
no card number.
"""

import random
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from protocol import EarnAdvice, ResultCode, TransactionReply, luhn_digit
from simulators.city.population import Peculiarity, Population
from simulators.city.trade import Customers, Mix
from simulators.till.terminal import PosTerminal

AMOUNT_OVER_LIMIT_GROSZE: Final = 10**10
REMEMBERED_CARDS: Final = 50
REMEMBERED_SALES: Final = 8

_CODE_OF_PECULIAR: Final = {
    Peculiarity.NONE: ResultCode.APPROVED,
    Peculiarity.BLOCKED: ResultCode.CARD_BLOCKED,
    Peculiarity.EXPIRED: ResultCode.CARD_EXPIRED,
    Peculiarity.REPLACED: ResultCode.CARD_REPLACED,
    Peculiarity.RETAIN: ResultCode.CARD_BLOCKED,  # Częstochowa asks no terminal to keep a card
}


class Answer(NamedTuple):
    """What an operation came to: its name, its result code, and why that is unexpected, if it is."""

    operation: str
    code: int
    unexpected: str = ""


class Sale(NamedTuple):
    """An approved sale that can still be reversed or asked about."""

    card: str
    card_index: int
    stan: int
    points: int


_NO_TIERS: Final = (100,)


class Cashier:
    """Keys one operation after the other into a terminal (`terminal` may be exchanged after a power cut)."""

    def __init__(self, terminal: PosTerminal, population: Population, mix: Mix, rng: random.Random) -> None:
        self.terminal = terminal
        self._population = population
        self._rng = rng
        self._customers = Customers(population, mix, rng)
        self._rich: deque[tuple[int, int]] = deque(maxlen=REMEMBERED_CARDS)
        self._sales: deque[Sale] = deque(maxlen=REMEMBERED_SALES)
        self._do: dict[str, Callable[[int], Awaitable[Answer]]] = {
            name: getattr(self, f"_{name}") for name in Mix.__struct_fields__
        }

    async def key_in(self, *, tries_max: int = 0) -> Answer:
        """Do the next operation. Raises what the terminal raises; `tries_max` as in `PosTerminal.earn`."""
        return await self._do[self._customers.operation()](tries_max)

    # Choosing

    def _pick(self) -> tuple[int, str, int]:
        """Return a card's index, its text and the code that it alone would earn."""
        population = self._population
        index = self._customers.card_index()
        peculiarity = population.peculiarity(index)
        if peculiarity is Peculiarity.REPLACED and self._rng.random() < 0.5:
            return index, population.replacement_digits(index), ResultCode.APPROVED
        return index, population.track2(index), _CODE_OF_PECULIAR[peculiarity]

    def _pick_sound(self) -> tuple[int, str]:
        while True:
            index, card, code = self._pick()
            if code == ResultCode.APPROVED:
                return index, card

    def _tiers(self) -> tuple[int, ...]:
        programme = self.terminal.programme
        return tuple(points for points, _ in programme.tiers) if programme and programme.tiers else _NO_TIERS

    def _remember(self, index: int, card: str, reply: TransactionReply) -> None:
        if reply.code == ResultCode.APPROVED:
            self._sales.append(Sale(card, index, reply.stan, reply.points))
            if reply.balance >= self._tiers()[0]:
                self._rich.append((index, reply.balance))

    # Operations

    async def _earn(self, tries_max: int) -> Answer:
        index, card, expected = self._pick()
        reply = await self.terminal.earn(card, self._customers.basket_grosze(), tries_max=tries_max)
        self._remember(index, card, reply)
        return _judged("earn", index, reply.code, expected)

    async def _redeem(self, tries_max: int) -> Answer:
        if not self._rich:
            return await self._earn(tries_max)
        place = self._rng.randrange(len(self._rich))
        index, balance = self._rich[place]
        del self._rich[place]
        tier = self._rng.choice([points for points in self._tiers() if points <= balance])
        card = self._population.track2(index)
        if self._population.peculiarity(index) is Peculiarity.REPLACED:
            card = self._population.replacement_digits(index)
        reply = await self.terminal.redeem(card, tier, tries_max=tries_max)
        self._remember(index, card, reply)
        # Another shop may have taken the points in the meantime.
        return _judged("redeem", index, reply.code, ResultCode.APPROVED, ResultCode.POINTS_INSUFFICIENT)

    async def _balance(self, tries_max: int) -> Answer:
        index, card, expected = self._pick()
        reply = await self.terminal.balance(card)
        return _judged("balance", index, reply.code, expected)

    async def _reversal(self, tries_max: int) -> Answer:
        if not self._sales:
            return await self._earn(tries_max)
        sale = self._sales.pop()
        reply = await self.terminal.reversal(sale.card, sale.stan, tries_max=tries_max)
        answer = _judged("reversal", sale.card_index, reply.code, ResultCode.APPROVED)
        if reply.code == ResultCode.APPROVED and reply.points != -sale.points:
            return answer._replace(unexpected=f"reversal of {sale.points} points gave {reply.points}")
        return answer

    async def _advice(self, tries_max: int) -> Answer:
        """The line is down for one to three customers; the terminal forwards their sales afterwards."""
        for _ in range(self._rng.randint(1, 3)):
            _, card = self._pick_sound()
            self.terminal.store_offline_earn(card, self._customers.basket_grosze())
        for settled in await self.terminal.settle():
            if isinstance(settled.request, EarnAdvice) and settled.reply.code != ResultCode.APPROVED:
                return Answer("advice", settled.reply.code, f"advice answered {settled.reply.code}")
        return Answer("advice", ResultCode.APPROVED)

    async def _status(self, tries_max: int) -> Answer:
        if not self._sales:
            return await self._balance(tries_max)
        sale = self._sales[-1]
        reply = await self.terminal.status(sale.card, sale.stan)
        answer = _judged("status", sale.card_index, reply.code, ResultCode.APPROVED)
        if reply.original is None or (reply.original.code, reply.original.points) != (0, sale.points):
            return answer._replace(unexpected=f"status of an approved sale told {reply.original}")
        return answer

    async def _echo(self, tries_max: int) -> Answer:
        await self.terminal.echo()
        return Answer("echo", ResultCode.APPROVED)

    # Deliberate mistakes

    async def _unknown_card(self, tries_max: int) -> Answer:
        card = self._population.stranger_digits(self._rng.randrange(10**8))
        reply = await self.terminal.earn(card, self._customers.basket_grosze(), tries_max=tries_max)
        return _judged("unknown_card", -1, reply.code, ResultCode.CARD_UNKNOWN)

    async def _wrong_digit(self, tries_max: int) -> Answer:
        index, _ = self._pick_sound()
        digits = self._population.card_digits(index)[:-1]
        wrong = str((int(luhn_digit(digits)) + self._rng.randint(1, 9)) % 10)
        reply = await self.terminal.earn(digits + wrong, self._customers.basket_grosze(), tries_max=tries_max)
        return _judged("wrong_digit", index, reply.code, ResultCode.CARD_NUMBER_INVALID)

    async def _zero_amount(self, tries_max: int) -> Answer:
        return await self._mistyped("zero_amount", 0, ResultCode.AMOUNT_ZERO, tries_max)

    async def _negative_amount(self, tries_max: int) -> Answer:
        return await self._mistyped(
            "negative_amount", -self._customers.basket_grosze(), ResultCode.AMOUNT_NEGATIVE, tries_max
        )

    async def _amount_over_limit(self, tries_max: int) -> Answer:
        return await self._mistyped(
            "amount_over_limit", AMOUNT_OVER_LIMIT_GROSZE, ResultCode.AMOUNT_OVER_LIMIT, tries_max
        )

    async def _mistyped(self, operation: str, amount_grosze: int, expected: int, tries_max: int) -> Answer:
        index, card = self._pick_sound()
        reply = await self.terminal.earn(card, amount_grosze, tries_max=tries_max)
        return _judged(operation, index, reply.code, expected)

    async def _unknown_tier(self, tries_max: int) -> Answer:
        index, card = self._pick_sound()
        reply = await self.terminal.redeem(card, 77, tries_max=tries_max)
        return _judged("unknown_tier", index, reply.code, ResultCode.TIER_UNKNOWN)


def _judged(operation: str, index: int, code: int, *expected: int) -> Answer:
    if code in expected:
        return Answer(operation, code)
    return Answer(operation, code, f"{operation}, card index {index}: code {code}, expected {expected}")

"""A cashier's day at one terminal: what is keyed next, and whether the answer is what it should be.

Owns how the operations on points are keyed, and the deliberate mistakes; those on benefits are
`benefit_desk`'s. What comes next is drawn by `simulators.city.trade`; who may redeem is learnt from the
balances on earlier receipts, as a cashier would.

Must not know: sockets, files, time.

Invariant: nothing is asked for that the programme does not serve (SIGN_ON says what it does).
"""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from protocol import (
    TYPE_OF,
    Balance,
    BenefitAdvice,
    BenefitUse,
    CardReport,
    Earn,
    EarnAdvice,
    Quote,
    Redeem,
    Refund,
    ResultCode,
    Verify,
    luhn_digit,
)
from simulators.city.population import Peculiarity, Population
from simulators.city.trade import Mix
from simulators.fleet.benefit_desk import BenefitDesk
from simulators.fleet.choices import Answer, Picked, judged
from simulators.till.terminal import PosTerminal

AMOUNT_OVER_LIMIT_GROSZE: Final = 10**10
DRAWS_MAX: Final = 20

_MESSAGE_OF: Final = {
    **dict.fromkeys(
        (
            "earn", "unknown_card", "wrong_digit", "zero_amount", "negative_amount", "amount_over_limit",
        ),
        TYPE_OF[Earn],
    ),
    "advice": TYPE_OF[EarnAdvice],
    **dict.fromkeys(("redeem", "unknown_tier"), TYPE_OF[Redeem]),
    "balance": TYPE_OF[Balance],
    "verify": TYPE_OF[Verify],
    "quote": TYPE_OF[Quote],
    **dict.fromkeys(
        ("benefit", "keyed", "other_partners_offer", "unknown_offer", "unconfirmed"), TYPE_OF[BenefitUse]
    ),
    "benefit_advice": TYPE_OF[BenefitAdvice],
    "refund": TYPE_OF[Refund],
    "card_report": TYPE_OF[CardReport],
}  # fmt: skip
"""The message an operation is made with; one that is not here is served everywhere."""


class Cashier(BenefitDesk):
    """Keys one operation after the other into a terminal."""

    def __init__(self, terminal: PosTerminal, population: Population, mix: Mix, rng: random.Random) -> None:
        super().__init__(terminal, population, mix, rng)
        self._do: dict[str, Callable[[int], Awaitable[Answer]]] = {
            name: getattr(self, f"_{name}") for name in Mix.__struct_fields__
        }

    async def key_in(self, *, tries_max: int = 0) -> Answer:
        """Do the next operation. Raises what the terminal raises; `tries_max` as in `PosTerminal.earn`."""
        for _ in range(DRAWS_MAX):
            operation = self._customers.operation()
            if self._is_served(operation):
                return await self._do[operation](tries_max)
        return await self._echo(tries_max)

    def _is_served(self, operation: str) -> bool:
        programme, message = self.terminal.programme, _MESSAGE_OF.get(operation)
        if message is None or programme is None or not programme.operations:
            return True
        return message in programme.operations

    # Operations

    async def _usual(self, tries_max: int) -> Answer:
        """Do what is done most, where what was drawn has nothing to be done with."""
        return await (self._earn if self._is_served("earn") else self._benefit)(tries_max)

    async def _earn(self, tries_max: int) -> Answer:
        picked = self._pick()
        reply = await self.terminal.earn(
            picked.text, self._customers.basket_grosze(), entry=self._read(), tries_max=tries_max
        )
        self._remember(picked, reply)
        return judged("earn", picked.card_index, reply.code, *picked.codes)

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
        self._remember(Picked(index, card, ()), reply, is_refundable=False)
        # Another shop may have taken the points in the meantime.
        return judged("redeem", index, reply.code, ResultCode.APPROVED, ResultCode.POINTS_INSUFFICIENT)

    async def _balance(self, tries_max: int) -> Answer:
        index, card, expected = self._pick()
        reply = await self.terminal.balance(card)
        return judged("balance", index, reply.code, *expected)

    async def _reversal(self, tries_max: int) -> Answer:
        if not self._sales:
            return await self._usual(tries_max)
        sale = self._sales.pop()
        reply = await self.terminal.reversal(sale.card, sale.stan, tries_max=tries_max)
        answer = judged("reversal", sale.card_index, reply.code, ResultCode.APPROVED)
        if reply.code == ResultCode.APPROVED and reply.points != -sale.points:
            return answer._replace(unexpected=f"reversal of {sale.points} points gave {reply.points}")
        return answer

    async def _advice(self, tries_max: int) -> Answer:
        """The line is down for one to three customers; the terminal forwards their sales afterwards."""
        for _ in range(self._rng.randint(1, 3)):
            card = self._pick_sound().text
            self.terminal.store_offline_earn(card, self._customers.basket_grosze())
        for settled in await self.terminal.settle():
            if isinstance(settled.request, EarnAdvice) and settled.reply.code != ResultCode.APPROVED:
                return Answer("advice", settled.reply.code, f"advice answered {settled.reply.code}")
        return Answer("advice", ResultCode.APPROVED)

    async def _status(self, tries_max: int) -> Answer:
        if not self._sales:
            return await self._usual(tries_max)
        sale = self._sales[-1]
        reply = await self.terminal.status(sale.card, sale.stan)
        answer = judged("status", sale.card_index, reply.code, ResultCode.APPROVED)
        if reply.original is None or (reply.original.code, reply.original.points) != (0, sale.told_points):
            return answer._replace(unexpected=f"status of an approved sale told {reply.original}")
        return answer

    async def _echo(self, tries_max: int) -> Answer:
        await self.terminal.echo()
        return Answer("echo", ResultCode.APPROVED)

    # Deliberate mistakes

    async def _unknown_card(self, tries_max: int) -> Answer:
        card = self._population.stranger_digits(self._rng.randrange(10**8))
        reply = await self.terminal.earn(card, self._customers.basket_grosze(), tries_max=tries_max)
        return judged("unknown_card", -1, reply.code, ResultCode.CARD_UNKNOWN)

    async def _wrong_digit(self, tries_max: int) -> Answer:
        index = self._pick_sound().card_index
        digits = self._population.card_digits(index)[:-1]
        wrong = str((int(luhn_digit(digits)) + self._rng.randint(1, 9)) % 10)
        reply = await self.terminal.earn(digits + wrong, self._customers.basket_grosze(), tries_max=tries_max)
        return judged("wrong_digit", index, reply.code, ResultCode.CARD_NUMBER_INVALID)

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
        index, card, _ = self._pick_sound()
        reply = await self.terminal.earn(card, amount_grosze, tries_max=tries_max)
        return judged(operation, index, reply.code, expected)

    async def _unknown_tier(self, tries_max: int) -> Answer:
        index, card, _ = self._pick_sound()
        reply = await self.terminal.redeem(card, 77, tries_max=tries_max)
        return judged("unknown_tier", index, reply.code, ResultCode.TIER_UNKNOWN)

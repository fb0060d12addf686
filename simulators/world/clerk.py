"""What is done at a terminal of a world: sales, refunds, questions, reports and mistakes, drawn by chance.

Owns what comes next, with which card and amount, and what is remembered to be undone. Whether an answer is
right is judged elsewhere. Must not know how the terminal lives, nor the switch. Invariant: only what was told
to have been approved is undone on purpose.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from protocol import (
    BenefitUse,
    Check,
    Earn,
    EntryMode,
    Redeem,
    ReportKind,
    ResultCode,
    TransactionReply,
)
from simulators.till.terminal import PosTerminal
from simulators.world.cities import City, Plastic

REMEMBERED: Final = 12
ALL_SEEN: Final = Check(7)
TIERS: Final = (100, 250, 77)
_ENTRIES: Final = (EntryMode.SWIPED, EntryMode.SWIPED, EntryMode.SCANNED, EntryMode.TAPPED, EntryMode.KEYED)

OPERATIONS: Final = {
    "earn": 26, "redeem": 12, "benefit": 28, "balance": 3, "verify": 5, "quote": 4, "reversal": 8,
    "refund": 7, "status": 4, "advice": 2, "totals": 1, "change_key": 0.6, "sign_off": 0.6, "report": 0.8,
    "mistake": 3, "echo": 0.4,
}  # fmt: skip
"""Weights, of any sum."""


class Sale(NamedTuple):
    """A sale that was told to have been made, and can be undone."""

    terminal: int
    stan: int
    card: str
    paid_grosze: int


class Clerk:
    """Works at one terminal (`terminal` may be exchanged after a power cut). `sales`: of the whole city."""

    def __init__(self, terminal: PosTerminal, city: City, sales: list[Sale], rng: random.Random) -> None:
        self.terminal = terminal
        self._city = city
        self._sales = sales
        self._rng = rng
        self._do: dict[str, Callable[[], Awaitable[object]]] = {
            name: getattr(self, f"_{name}") for name in OPERATIONS
        }

    async def serve(self) -> None:
        """Do whatever comes next. Raises what the terminal raises."""
        (name,) = self._rng.choices(list(OPERATIONS), list(OPERATIONS.values()))
        await self._do[name]()

    def store_offline(self) -> None:
        """Sell something without a line."""
        amount = self._amount()
        if self._rng.random() < 0.5:
            self.terminal.store_offline_earn(self._card(), amount, entry=self._entry())
        else:
            self.terminal.store_offline_benefit(
                self._card(), self._offer(), amount, confirmed=self._confirmed(), entry=self._entry()
            )

    # Draws

    def _card(self) -> str:
        """Return what is read of the next card: mostly a good one."""
        plastic: Plastic = self._rng.choice(self._city.cards)
        return f";{plastic.digits}=49121010000?" if self._rng.random() < 0.5 else plastic.digits

    def _entry(self) -> EntryMode:
        return self._rng.choice(_ENTRIES)

    def _amount(self) -> int:
        return self._rng.choice((1, 999, 1_000, 12_345)) if self._rng.random() < 0.2 else self._price()

    def _price(self) -> int:
        return self._rng.randrange(500, 40_000)

    def _offer(self) -> int:
        """Return an offer: mostly one of this partner's."""
        partner = self._city.partner_of(self.terminal.identity.terminal)
        offers = self._city.offers
        if self._rng.random() < 0.9:
            offers = [each for each in offers if each.partner == partner] or offers
        return self._rng.choice(offers).number

    def _confirmed(self) -> Check:
        return ALL_SEEN if self._rng.random() < 0.9 else Check(self._rng.randrange(7))

    def _tries(self) -> int:
        return self._rng.choice((0, 0, 0, 1))

    def _remember(self, card: str, reply: TransactionReply) -> None:
        if reply.code == ResultCode.APPROVED:
            paid = reply.amount_grosze - reply.discount_grosze
            self._sales.append(Sale(self.terminal.identity.terminal, reply.stan, card, paid))
            del self._sales[:-REMEMBERED]

    def _own_sale(self) -> Sale | None:
        mine = [sale for sale in self._sales if sale.terminal == self.terminal.identity.terminal]
        return self._rng.choice(mine) if mine else None

    # Operations

    async def _earn(self) -> None:
        card = self._card()
        reply = await self.terminal.earn(card, self._amount(), entry=self._entry(), tries_max=self._tries())
        self._remember(card, reply)

    async def _redeem(self) -> None:
        card = self._card()
        reply = await self.terminal.redeem(
            card,
            self._rng.choice(TIERS),
            amount_grosze=self._rng.choice((0, self._price())),
            entry=self._entry(),
            tries_max=self._tries(),
        )
        self._remember(card, reply)

    async def _benefit(self) -> None:
        card = self._card()
        reply = await self.terminal.benefit(
            card,
            self._offer(),
            self._amount(),
            confirmed=self._confirmed(),
            entry=self._entry(),
            tries_max=self._tries(),
        )
        self._remember(card, reply)

    async def _balance(self) -> None:
        await self.terminal.balance(self._card(), entry=self._entry())

    async def _verify(self) -> None:
        await self.terminal.verify(self._card(), entry=self._entry())

    async def _quote(self) -> None:
        kind, number = self._rng.choice(
            ((Earn, 0), (Redeem, self._rng.choice(TIERS)), (BenefitUse, self._offer()))
        )
        await self.terminal.quote(self._card(), kind, self._amount(), number=number, entry=self._entry())

    async def _reversal(self) -> None:
        """Undo a sale of this terminal, or name one that is none, or is another card's."""
        if (sale := self._own_sale()) is None:
            return await self._earn()
        card, stan = sale.card, sale.stan
        if self._rng.random() < 0.15:
            card = self._card()
        if self._rng.random() < 0.1:
            stan = max(1, stan - self._rng.randrange(4))
        await self.terminal.reversal(card, stan, entry=self._entry())
        return None

    async def _refund(self) -> None:
        """Give back a part or the whole of a sale of the city, at whichever till."""
        if not self._sales:
            return await self._earn()
        sale = self._rng.choice(self._sales)
        amount = self._rng.choice((sale.paid_grosze, self._rng.randint(0, sale.paid_grosze + 10)))
        original = (sale.terminal, sale.stan)
        card = sale.card if self._rng.random() < 0.95 else self._card()
        await self.terminal.refund(card, original, amount, entry=self._entry())
        return None

    async def _status(self) -> None:
        if (sale := self._own_sale()) is None:
            return await self._verify()
        stan = sale.stan if self._rng.random() < 0.8 else max(1, sale.stan - self._rng.randrange(3))
        await self.terminal.status(sale.card, stan, entry=self._entry())
        return None

    async def _advice(self) -> None:
        self.store_offline()
        await self.terminal.settle()

    async def _totals(self) -> None:
        await self.terminal.totals()

    async def _change_key(self) -> None:
        await self.terminal.change_key()

    async def _echo(self) -> None:
        await self.terminal.echo()

    async def _sign_off(self) -> None:
        await self.terminal.sign_off()

    async def _report(self) -> None:
        self.terminal.store_report(self._card(), self._rng.choice(list(ReportKind)), entry=self._entry())
        await self.terminal.settle()

    async def _mistake(self) -> None:
        """A stranger's card, one of another city, a mistyped one, an amount that is none."""
        rng = self._rng
        stranger = self._city.stranger(rng)
        mistyped = stranger[:-1] + str((int(stranger[-1]) + 1) % 10)
        card = rng.choice((stranger, self._city.foreigner(rng), mistyped, "12", self._card()))
        amount = rng.choice((0, -500, 10**10, self._amount()))
        if rng.random() < 0.5:
            await self.terminal.earn(card, amount, entry=self._entry())
        else:
            await self.terminal.benefit(card, rng.choice((self._offer(), 99_999_999)), amount)

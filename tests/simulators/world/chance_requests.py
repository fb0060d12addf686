"""Requests at random, to the edges of amounts, times and references, in the city that `chance` draws."""

from typing import Any

import msgspec

from protocol import (
    TYPE_OF,
    Balance,
    BenefitAdvice,
    BenefitUse,
    Earn,
    EarnAdvice,
    Quote,
    Redeem,
    Refund,
    Reply,
    Request,
    ResultCode,
    Reversal,
    SignOn,
    Status,
    Totals,
    TotalsReply,
    Verify,
)
from tests.simulators.world.chance import DAY_MS, HOUR_MS, Chance

AMOUNTS = (0, 1, 99, 100, 199, 999, 1_000, 1_001, 2_499, 12_345, 50_000, 100_000, 1_999_999, 2_000_000)
ODD_AMOUNTS = (-1, -500, 100_001, 200_001, 2_000_001, 10**12, -(10**12))
KINDS: dict[Any, int] = {
    Earn: 10, EarnAdvice: 5, Redeem: 6, BenefitUse: 22, BenefitAdvice: 6, Refund: 10, Reversal: 8,
    Status: 4, Balance: 2, Quote: 7, Verify: 6, Totals: 2, SignOn: 1,
}  # fmt: skip
FEW_POINTS = KINDS | {Earn: 1, EarnAdvice: 1, Redeem: 1, Balance: 1}


class Requests:
    """What the terminals of a city send."""

    def __init__(self, city: Chance) -> None:
        self.city, self.random = city, city.random
        self._kinds = FEW_POINTS if city.city in ("zywiec", "zgierz") else KINDS
        self._stans = {terminal: 1_000 for terminal in city.terminals}
        self._sent: list[tuple[int, Any]] = []
        self._approved: list[tuple[int, Any]] = []
        self._sums: dict[int, tuple[int, ...]] = {}

    def note(self, terminal: int, request: Any, reply: Reply) -> None:
        """Remember what was approved, for it is what others refer to; and a terminal's sums."""
        code = reply.code
        if isinstance(reply, TotalsReply) and code == ResultCode.TOTALS_DIFFER:
            self._sums[terminal] = (request.stan_from, request.stan_to, *_sums(reply))
        if not code and hasattr(request, "card") and not isinstance(request, Balance | Quote | Verify):
            self._approved.append((terminal, request))

    def next(self) -> tuple[int, Request]:
        """Return a terminal and what it sends: new, again, or another under a number used before."""
        chance = self.random
        if self._sent and chance.random() < 0.06:
            terminal, request = chance.choice(self._sent[-60:])
            return terminal, self._drawn(terminal, request.stan) if chance.random() < 0.3 else request
        terminal = chance.choice(list(self.city.terminals))
        self._stans[terminal] += chance.choice([1, 1, 1, 2])
        request = self._drawn(terminal, self._stans[terminal])
        self._sent.append((terminal, request))
        return terminal, request

    def _drawn(self, terminal: int, stan: int) -> Request:
        kind = self.random.choices(list(self._kinds), list(self._kinds.values()))[0]
        if kind in (Reversal, Status, Refund):
            return self._reference(kind, terminal, stan)
        if kind is Totals:
            if terminal in self._sums and self.random.random() < 0.6:
                return Totals(stan, 0, *self._sums[terminal])
            first = max(stan - self.random.choice([5, 50, 12_000]), 1)
            return Totals(stan, 0, first, stan, *([0] * 10))
        if kind is SignOn:
            language = self.random.choice(["pl", "en", "de"])
            return SignOn(stan, 0, "till", language, self.random.choice([0, 2, 50]))
        return self._business(kind, terminal, stan)

    def _business(self, kind: Any, terminal: int, stan: int) -> Request:
        chance = self.random
        head = stan, self._sold(), self._card(), self._entry()
        amount = chance.choice(AMOUNTS if chance.random() < 0.93 else ODD_AMOUNTS)
        offer = chance.choice(self.city.offers_at(terminal))
        if chance.random() < 0.12:
            offer = chance.choice([*self.city.offers, 0, 99, 2**31 - 1])
        tier = chance.choice([100, 100, 40, 250, 500, 7, 0, -100])
        confirmed = chance.choice([7, 7, 7, 7, 0, 1, 2, 4, 5, 6, 255])
        operation = chance.choice([TYPE_OF[Earn], TYPE_OF[Redeem], *[TYPE_OF[BenefitUse]] * 3, 0x21])
        number = {TYPE_OF[Earn]: 0, TYPE_OF[Redeem]: tier}.get(operation, offer)
        more: dict[Any, tuple[int, ...]] = {
            Earn: (amount,),
            EarnAdvice: (amount,),
            Redeem: (tier, chance.choice([0, 0, amount])),
            BenefitUse: (offer, amount, confirmed),
            BenefitAdvice: (offer, amount, confirmed),
            Balance: (),
            Quote: (operation, amount, number),
            Verify: (chance.choice([0, 0, 0, 3, 33, 99]),),
        }
        request: Request = kind(*head, *more[kind])
        return request

    def _card(self) -> str:
        chance = self.random
        if chance.random() < 0.04:
            return chance.choice(self.city.strangers)
        card = chance.choice(self.city.cards[:8] if chance.random() < 0.7 else self.city.cards)
        forms = [f";{card}=29121015?", f"{card[:4]} {card[4:]}", f" {card}\r\n", f"{card}=", f"{card}D29F"]
        forms += [f"%B{card}^A/B^2912101?;{card}=2912?", f"{card}?", f"{card[:3]}  {card[3:]}", f"{card}F"]
        return chance.choice(forms) if chance.random() < 0.03 else card

    def _entry(self) -> int:
        return self.random.choice([1, 1, 4] if self.random.random() < 0.08 else [2, 3])

    def _sold(self) -> int:
        chance = self.random
        back = chance.choice([0, 0, 30_000, HOUR_MS, 5 * HOUR_MS, 30 * HOUR_MS, 3 * DAY_MS, 6 * DAY_MS])
        if chance.random() < 0.15:
            week = 7 * DAY_MS
            back = chance.choice([week, week + 999, 8 * DAY_MS, 3 * DAY_MS - 1, -299_000, -300_000, -301_000])
        return max(self.city.now_ms - back, 0) // 1_000

    def _reference(self, kind: Any, terminal: int, stan: int) -> Request:
        chance = self.random
        home, original = self._original(terminal, stan, anywhere=kind is Refund)
        card = original.card if chance.random() < 0.85 else self._card()
        head = stan, self._sold(), card, self._entry()
        if kind is not Refund:
            request: Request = kind(*head, original.stan)
            return request
        paid = getattr(original, "amount", 500)
        parts = [paid, paid, paid // 2, paid // 3, 1, 0, paid + 1, -1, paid * 9 // 10, paid * 95 // 100]
        return Refund(*head, home, original.stan, chance.choice(parts))

    def _original(self, terminal: int, stan: int, *, anywhere: bool) -> tuple[int, Any]:
        """Return what a reference names: of its own terminal, or of any, rather of its partner's."""
        chance, homes = self.random, self.city.terminals
        own = {home for home in homes if home == terminal or (anywhere and homes[home] == homes[terminal])}
        good = [one for one in self._approved[-60:] if one[0] in own]
        if good and chance.random() < 0.6:
            return chance.choice(good[-12:])
        sent = [one for one in self._sent[-80:] if hasattr(one[1], "card") and (anywhere or one[0] in own)]
        if sent and chance.random() < 0.85:
            return chance.choice(sent[-15:])
        near = max(stan + chance.choice([-1, -2, -3, -7, 0, 1]), 1)
        return terminal, Balance(near, 0, chance.choice(self.city.cards), 1)


def _sums(reply: TotalsReply) -> tuple[int, ...]:
    """Return the switch's own sums, in the order of the wire."""
    return msgspec.structs.astuple(reply)[3:]

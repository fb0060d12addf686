"""Which card a cashier is handed next, which sales are remembered, and what an answer should have been.

Owns what a card alone would earn: the code of its peculiarity, by what the city's programme is known to do.
Must not know sockets, nor how an operation is keyed.

Invariant: an answer that the input cannot have earned is counted as unexpected, with an example that holds
no card number.
"""

import random
from collections import deque
from typing import Final, NamedTuple

from protocol import Check, EntryMode, ResultCode, TransactionReply
from simulators.city.population import Peculiarity, Population
from simulators.city.trade import Customers, Mix
from simulators.till.terminal import PosTerminal

REMEMBERED_CARDS: Final = 50
REMEMBERED_SALES: Final = 8
ALL_SEEN: Final = Check(7)

_CODE_OF_PECULIAR: Final = {
    Peculiarity.NONE: ResultCode.APPROVED,
    Peculiarity.BLOCKED: ResultCode.CARD_BLOCKED,
    Peculiarity.EXPIRED: ResultCode.CARD_EXPIRED,
    Peculiarity.REPLACED: ResultCode.CARD_REPLACED,
    Peculiarity.RETAIN: ResultCode.CARD_BLOCKED,
    Peculiarity.LAPSED: ResultCode.ENTITLEMENT_ENDED,
}
_NO_TIERS: Final = (100,)


class Answer(NamedTuple):
    """What an operation came to: its name, its result code, and why that is unexpected, if it is."""

    operation: str
    code: int
    unexpected: str = ""


class Picked(NamedTuple):
    """A card that is handed over: its index, what is read of it, and the codes that it alone would earn."""

    card_index: int
    text: str
    codes: tuple[int, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.codes == (ResultCode.APPROVED,)


class Sale(NamedTuple):
    """An approved sale that can still be reversed, refunded or asked about.

    `told_points` is what its reply said, `points` what refunds have left of it, `paid_grosze` what they have
    left to be given back; `is_refundable`: a redemption is not.
    """

    card: str
    card_index: int
    stan: int
    told_points: int
    points: int
    paid_grosze: int
    discount_grosze: int
    step_grosze: int
    is_refundable: bool


class Choices:
    """What a cashier draws and remembers (`terminal` may be exchanged after a power cut)."""

    def __init__(self, terminal: PosTerminal, population: Population, mix: Mix, rng: random.Random) -> None:
        self.terminal = terminal
        self._population = population
        self._rng = rng
        self._customers = Customers(population, mix, rng)
        self._rich: deque[tuple[int, int]] = deque(maxlen=REMEMBERED_CARDS)
        self._sales: deque[Sale] = deque(maxlen=REMEMBERED_SALES)

    def _pick(self) -> Picked:
        population = self._population
        index = self._customers.card_index()
        peculiarity = population.peculiarity(index)
        if peculiarity is Peculiarity.REPLACED and self._rng.random() < 0.5:
            return Picked(index, population.replacement_digits(index), (ResultCode.APPROVED,))
        codes: tuple[int, ...] = (_CODE_OF_PECULIAR[peculiarity],)
        if peculiarity is Peculiarity.RETAIN and population.place.is_retaining:
            # Until a terminal has reported that it kept the card: then it is blocked.
            codes = (ResultCode.CARD_RETAIN, ResultCode.CARD_BLOCKED)
        return Picked(index, population.track2(index), codes)

    def _pick_sound(self) -> Picked:
        while not (picked := self._pick()).is_sound:
            pass
        return picked

    def _read(self) -> EntryMode:
        """Return how the next card is read; a number is keyed in only to see what comes of it."""
        return self._rng.choice((EntryMode.SWIPED, EntryMode.SWIPED, EntryMode.SCANNED, EntryMode.TAPPED))

    def _tiers(self) -> tuple[int, ...]:
        programme = self.terminal.programme
        return tuple(points for points, _ in programme.tiers) if programme and programme.tiers else _NO_TIERS

    def _remember(self, picked: Picked, reply: TransactionReply, *, is_refundable: bool = True) -> None:
        if reply.code != ResultCode.APPROVED:
            return
        programme = self.terminal.programme
        self._sales.append(
            Sale(
                picked.text,
                picked.card_index,
                reply.stan,
                reply.points,
                reply.points,
                reply.amount_grosze - reply.discount_grosze,
                reply.discount_grosze,
                programme.points_step_grosze if programme and reply.points else 0,
                is_refundable,
            )
        )
        if reply.balance >= self._tiers()[0]:
            self._rich.append((picked.card_index, reply.balance))


def judged(operation: str, index: int, code: int, *expected: int) -> Answer:
    """Return an answer, unexpected if its code is none of these."""
    if code in expected:
        return Answer(operation, code)
    return Answer(operation, code, f"{operation}, card index {index}: code {code}, expected {expected}")

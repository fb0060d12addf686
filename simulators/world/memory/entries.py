"""Owns what stands in the books: accounts, the legs of postings, the entry of an id, the refunds of a sale.

Knows none of the rules by which it comes about (`books`).
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import msgspec

from ledger.books.posting import AccountKind, Outcome, Posting, Unit, account_id
from simulators.world.memory.quotas import Key, key_of


class Account(msgspec.Struct, gc=False):
    """A card account, in points. newest: the id of its newest row, 0: it has none."""

    balance: int = 0
    floor: int = 0
    newest: int = 0


class Leg(msgspec.Struct, gc=False, frozen=True):
    """One movement of `count` of a unit between two accounts. quota: of a use, which quota's."""

    unit: int
    debit: int
    credit: int
    count: int
    quota: Key | None = None

    def mirrored(self) -> Leg:
        """The movement that undoes it."""
        return Leg(self.unit, self.credit, self.debit, self.count, self.quota)


class Entry(msgspec.Struct, gc=False):
    """What stands for one id. account 0: no card; digest None: a tombstone. previous: the id of the row of
    its account before it.
    """

    account: int
    digest: int | None
    legs: tuple[Leg, ...]
    outcome: Outcome
    terminal_time: int
    previous: int

    @property
    def paid_grosze(self) -> int:
        """What was paid of it: the price less the discount."""
        return max(self.outcome.amount_grosze - self.outcome.discount_grosze, 0)


class Refunds(NamedTuple):
    """What the refunds of a sale came to: how many times, grosze, and the change of points."""

    times: int
    grosze: int
    points: int


class Listener(Protocol):
    """Is told, in order, of what happens in the books."""

    def entered(self, posting: Posting, outcome: Outcome) -> None:
        """A row was entered: a tombstone, too (of kind TOMBSTONE)."""

    def told(self, posting: Posting, outcome: Outcome) -> None:
        """An inquiry was answered; nothing was entered for it."""


NO_LEGS: Final = ()
NO_REFUNDS: Final = Refunds(0, 0, 0)


def id_of(terminal: int, stan: int) -> int:
    """The two numbers of an id as one."""
    return terminal << 32 | stan


def parts_of(found: int) -> tuple[int, int]:
    """Terminal and STAN of an id."""
    return found >> 32, found & 0xFFFFFFFF


def points_leg(card: int, partner: int, points: int) -> Leg:
    """The movement of points, to the card (> 0) or from it."""
    if points > 0:
        return Leg(Unit.POINTS, partner, card, points)
    return Leg(Unit.POINTS, card, partner, -points)


def own_legs(posting: Posting) -> tuple[Leg, ...]:
    """What a request of its own moves: points, the discount that the partner gives, and uses."""
    card, partner = posting.account, posting.counter_account
    legs = [points_leg(card, partner, posting.points)] if posting.points else []
    if posting.discount_grosze > 0:
        debit = _counterpart(partner, AccountKind.PARTNER_DISCOUNTS)
        credit = _counterpart(card, AccountKind.CARD_DISCOUNTS)
        legs.append(Leg(Unit.GROSZE, debit, credit, posting.discount_grosze))
    if posting.quotas:
        credit = _counterpart(partner, AccountKind.PARTNER_USES)
        legs += [Leg(Unit.USES, use.owner, credit, 1, key_of(use)) for use in posting.quotas]
    return tuple(legs)


def _counterpart(account: int, kind: AccountKind) -> int:
    """Another account of the same owner."""
    return account_id(account >> 3, kind)

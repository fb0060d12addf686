"""Owns the quotas of one bucket: what was used of each, what is left, and the shares of wide ones.

A quota of a card is its account's, and lies in the bucket of the account alone. A wide one (of all cards of a
programme) is divided: every bucket has a share of the limit, and parts of shares are moved from bucket to
bucket. The limit itself comes with each use, from the rules in force.

Invariant: no more is used than the share as it was when used. Knows nothing of what is bought by a use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

import msgspec

from ledger.books.posting import QuotaLeg

Key: TypeAlias = tuple[int, int, int]
"""Owner, number of the quota, number of the period."""
_KIND_BITS: Final = 7


def is_wide(owner: int) -> bool:
    """Whether a quota of this owner is of more than one card."""
    return owner & _KIND_BITS != 0


def key_of(use: QuotaLeg) -> Key:
    """The quota that a use is of."""
    return use.owner, use.quota, use.period


class Quota(msgspec.Struct, gc=False):
    """One quota in one bucket. balance: minus what was used. allowed: the limit its newest use was judged by.

    moved: what its share had from other buckets, less what it gave to them. is_short: somebody was refused
    since shares were last moved.
    """

    allowed: int
    balance: int = 0
    moved: int = 0
    is_short: bool = False


class ShareMove(msgspec.Struct):
    """A part of a share on its way: a row where it left, another where it has arrived."""

    giver: int
    taker: int
    key: Key
    number: int
    uses: int
    is_taken: bool = False


class Quotas:
    """The quotas of one bucket of `buckets`."""

    def __init__(self, bucket: int, buckets: int) -> None:
        self._bucket = bucket
        self._buckets = buckets
        self.rows: dict[Key, Quota] = {}
        self.moves: dict[tuple[Key, int, int], ShareMove] = {}
        """By quota, giver and number of the move."""

    def share(self, allowed: int) -> int:
        """This bucket's share in a limit, before any of it was moved. All shares come to the limit."""
        part, odd = divmod(allowed, self._buckets)
        return part + (self._bucket < odd)

    def limit(self, owner: int, allowed: int) -> int:
        """What may be used here of a limit, before any of it was moved."""
        return self.share(allowed) if is_wide(owner) else allowed

    def rest(self, uses: Iterable[QuotaLeg]) -> int:
        """What is left here of the tightest of these; there is at least one."""
        return min(self._rest(use) for use in uses)

    def _rest(self, use: QuotaLeg) -> int:
        limit = self.limit(use.owner, use.uses_allowed)
        row = self.rows.get(key_of(use))
        return limit if row is None else limit + row.moved + row.balance

    def open_wide(self, uses: Iterable[QuotaLeg]) -> None:
        """Make rows for those wide ones that have none, where rows go that may wait for their locks."""
        for use in uses:
            if is_wide(use.owner):
                self.rows.setdefault(key_of(use), Quota(use.uses_allowed))

    def are_open(self, uses: Iterable[QuotaLeg]) -> bool:
        """Whether every wide one has a row: what has none is not locked, and cannot be used yet."""
        return all(key_of(use) in self.rows for use in uses if is_wide(use.owner))

    def take(self, uses: Iterable[QuotaLeg]) -> None:
        """Take one use of each."""
        for use in uses:
            key = key_of(use)
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = Quota(use.uses_allowed)
            row.balance -= 1
            row.allowed = use.uses_allowed

    def give_back(self, keys: Sequence[Key]) -> int | None:
        """Give one use of each back; return what is left of the tightest then, by the limit that each was
        last judged by. None: there is none.
        """
        rests = []
        for key in keys:
            row = self.rows[key]
            row.balance += 1
            rests.append(max(self.limit(key[0], row.allowed) + row.moved + row.balance, 0))
        return min(rests, default=None)

    def tell_short(self, uses: Iterable[QuotaLeg]) -> None:
        """Somebody was refused: what the other buckets have left of the wide ones is to be had from them."""
        for use in uses:
            row = self.rows.get(key_of(use))
            if is_wide(use.owner) and row is not None and not row.is_short and self._rest(use) < 1:
                row.is_short = True
                row.allowed = max(row.allowed, use.uses_allowed)

    def left_to_give(self, key: Key, allowed: int) -> int:
        """What is left of this bucket's share; `allowed`: the limit, where nothing was used here yet."""
        row = self.rows.get(key)
        return self.share(allowed) if row is None else self.share(row.allowed) + row.moved + row.balance

    def give_share(self, taker: int, key: Key, allowed: int) -> ShareMove | None:
        """Take half of what is left (rounded up) off this share, for another bucket. From here on it is
        nobody's, until `take_share`. None: nothing is left.
        """
        row = self.rows.setdefault(key, Quota(allowed))
        uses = (self.left_to_give(key, allowed) + 1) // 2
        if uses < 1:
            return None
        given = [number for found, giver, number in self.moves if found == key and giver == self._bucket]
        move = ShareMove(self._bucket, taker, key, max(given, default=0) + 1, uses)
        self.moves[key, self._bucket, move.number] = move
        row.moved -= uses
        return move

    def take_share(self, giver: int, key: Key, allowed: int, number: int, uses: int) -> bool:
        """Add a move to this share, once however often it is called; return whether it was added now."""
        if (key, giver, number) in self.moves:
            return False
        self.moves[key, giver, number] = ShareMove(giver, self._bucket, key, number, uses, is_taken=True)
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = Quota(allowed, moved=uses)
        else:
            row.moved += uses
            row.is_short = False
        return True

    def close_move(self, key: Key, number: int) -> None:
        """The taker has it."""
        if move := self.moves.get((key, self._bucket, number)):
            move.is_taken = True

    def is_satisfied(self, key: Key) -> None:
        """Nobody has any of it left: who is refused next asks anew."""
        if row := self.rows.get(key):
            row.is_short = False

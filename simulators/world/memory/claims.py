"""Owns where an id stands, where there are several buckets: claimed in the bucket of its terminal, for the
bucket of its card, by whoever uses it first.

Invariant: an id has one home, for ever. Knows nothing of what is posted there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from simulators.world.memory.books import Bucket
from simulators.world.memory.entries import id_of

STANDS: Final = 0
IS_ANOTHERS: Final = 1
IS_SETTLED: Final = 2


class Wish(NamedTuple):
    """An id that is to be claimed for `home`. original_stan: 0 for none; not is_decided: put off, so nothing
    is
    claimed, but what stands is told.
    """

    terminal: int
    stan: int
    home: int
    digest: int
    original_stan: int
    is_journalled: bool
    is_decided: bool


def claim(bucket: Bucket, wishes: Iterable[Wish]) -> list[tuple[int, int]]:
    """Claim ids in the bucket of their terminals, in order; return each one's home and state.

    An original that nobody has used is claimed with its reference, and settled by that; a reference goes
    where
    its original stands.
    """
    return [_claim(bucket, wish) for wish in wishes]


def _claim(bucket: Bucket, wish: Wish) -> tuple[int, int]:
    claims, own = bucket.claims, id_of(wish.terminal, wish.stan)
    if wish.is_journalled and own in claims:
        home, digest = claims[own]
        if digest is None:
            return home, IS_SETTLED
        return home, STANDS if digest == wish.digest else IS_ANOTHERS
    if not wish.is_decided:
        return wish.home, STANDS
    home = wish.home
    if 1 <= wish.original_stan < wish.stan:
        home, _ = claims.setdefault(id_of(wish.terminal, wish.original_stan), (home, None))
    if wish.is_journalled:
        claims[own] = home, wish.digest
    return home, STANDS

"""Owns what is read from the books: a terminal's totals, its last STAN, what is left of quotas, a balance.

The other end of `ledger.books.statements` and `quotas`. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ledger.books.posting import QuotaLeg
from simulators.world.memory.entries import Entry, id_of
from simulators.world.memory.ledger import MemoryLedger
from simulators.world.memory.quotas import is_wide, key_of


def totals(
    ledger: MemoryLedger, terminal: int, stan_from: int, stan_to: int, kinds: Sequence[Collection[int]]
) -> tuple[int, ...]:
    """What a terminal's STANs came to, as `TerminalTotals` has it: by group of kinds how many, and the
    sum."""
    entries = [
        entry
        for bucket in ledger.buckets
        for stan in range(stan_from, stan_to + 1)
        if (entry := bucket.journal.get(id_of(terminal, stan))) is not None and not entry.outcome.code
    ]
    earned, redeemed, reversed_, used, refunded = (
        [entry for entry in entries if entry.outcome.kind in group] for group in kinds
    )
    return (
        *(len(earned), _points(earned)),
        *(len(redeemed), -_points(redeemed)),
        *(len(reversed_), _points(reversed_)),
        *(len(used), sum(entry.outcome.discount_grosze for entry in used)),
        *(len(refunded), _points(refunded)),
    )


def _points(entries: Sequence[Entry]) -> int:
    return sum(entry.outcome.points for entry in entries)


def uses_left(ledger: MemoryLedger, uses: Sequence[QuotaLeg]) -> list[int]:
    """What is left of each quota; of a wide one in all buckets together."""
    return [_left(ledger, use) for use in uses]


def _left(ledger: MemoryLedger, use: QuotaLeg) -> int:
    buckets = ledger.buckets if is_wide(use.owner) else [ledger.bucket_of(use.owner)]
    rows = (bucket.quotas.rows.get(key_of(use)) for bucket in buckets)
    return max(use.uses_allowed + sum(row.balance for row in rows if row is not None), 0)


def account_balance(ledger: MemoryLedger, buckets: Sequence[int], account: int) -> int:
    """What the postings of any account come to. Reads all of them."""
    legs = (
        leg for number in buckets for entry in ledger.buckets[number].journal.values() for leg in entry.legs
    )
    return sum((leg.credit == account) * leg.count - (leg.debit == account) * leg.count for leg in legs)

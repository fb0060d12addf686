"""Owns what is read from the books: a terminal's totals, its last STAN, what is left of quotas, a balance.

The other end of `ledger.books.statements` and `quotas`. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ledger.books.posting import AccountKind, QuotaLeg, Unit
from simulators.world.memory.entries import Entry, id_of, parts_of
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


def history(
    ledger: MemoryLedger, bucket: int, rows_max: int, terminal: int, stan: int
) -> list[tuple[int, ...]]:
    """The rows of an account's chain from one on, newest first, as `HistoryRow` has them."""
    journal, found = ledger.buckets[bucket].journal, id_of(terminal, stan)
    rows: list[tuple[int, ...]] = []
    while len(rows) < rows_max and (entry := journal.get(found)) is not None:
        told = entry.outcome
        rows.append(
            (
                *(*parts_of(found), told.transaction_id, told.kind, told.code, told.points, told.balance),
                *(told.amount_grosze, told.counter_account, told.original_stan, told.rules_version),
                *(told.accepted_at_ms, entry.terminal_time, *parts_of(entry.previous)),
                *(told.discount_grosze, told.offer),
            )
        )
        found = entry.previous
    return rows


def trial_balance(ledger: MemoryLedger) -> list[tuple[int, ...]]:
    """The sums of all legs by bucket, kind of account and unit, as `TrialRow` has them."""
    sums: dict[tuple[int, int, int], dict[int, list[int]]] = {}
    for bucket in ledger.buckets:
        for entry in bucket.journal.values():
            for leg in entry.legs:
                for account, side in ((leg.debit, 0), (leg.credit, 1)):
                    key = bucket.number, _kind_in_sums(leg.unit, account), int(leg.unit)
                    sums.setdefault(key, {}).setdefault(account, [0, 0])[side] += leg.count
    return [
        (bucket, kind, len(accounts), *map(sum, zip(*accounts.values(), strict=True)), unit)
        for (bucket, kind, unit), accounts in sorted(sums.items())
    ]


def _kind_in_sums(unit: int, account: int) -> int:
    kind = account & AccountKind.QUOTA
    return int(AccountKind.QUOTA) if unit == Unit.USES and kind != AccountKind.PARTNER_USES else kind


def account_balance(ledger: MemoryLedger, account: int) -> int:
    """What the postings of any account come to. Reads all of them."""
    legs = (leg for bucket in ledger.buckets for entry in bucket.journal.values() for leg in entry.legs)
    return sum((leg.credit == account) * leg.count - (leg.debit == account) * leg.count for leg in legs)

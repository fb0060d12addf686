"""New Year's Eve: the switch's books held to themselves, and to the auditor's.

Owns the comparison. Must not know how either came about.
"""

from __future__ import annotations

from collections.abc import Iterator

from simulators.world.auditor import Auditor
from simulators.world.memory.ledger import MemoryLedger


def wrong_books(ledger: MemoryLedger, auditor: Auditor) -> list[str]:
    """Return what is wrong with the books, one line each: in themselves, or beside the auditor's."""
    return [*ledger.check(), *_other_points(ledger, auditor), *_other_uses(ledger, auditor)]


def compared(ledger: MemoryLedger) -> int:
    """Return how many accounts and limits are compared."""
    (bucket,) = ledger.buckets
    return len(bucket.accounts) + len(bucket.quotas.rows)


def _other_points(ledger: MemoryLedger, auditor: Auditor) -> Iterator[str]:
    (bucket,) = ledger.buckets
    for number, account in bucket.accounts.items():
        foretold = auditor.books.points_of(number)
        if account.balance != foretold:
            yield f"account {number} has {account.balance} points, the auditor counts {foretold}"


def _other_uses(ledger: MemoryLedger, auditor: Auditor) -> Iterator[str]:
    """Limits have other names on the two sides; how many there are that were used so often is the same."""
    (bucket,) = ledger.buckets
    ours = sorted(-quota.balance for quota in bucket.quotas.rows.values() if quota.balance)
    foretold = sorted(auditor.books.uses())
    if ours != foretold:
        counted = f"{len(foretold)} with {sum(foretold)}"
        yield f"{len(ours)} limits with {sum(ours)} uses, the auditor counts {counted}"

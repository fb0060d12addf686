"""A world's books as the fleets' auditor reads them (`simulators.audit.books`), and the moments of commits.

Owns the store that notes when each row was entered, and the reading of rows, legs and reversals. Must not
know what terminals were told. Invariant: nothing of a row is computed: what stands in the store is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import trio

from ledger.books.posting import Kind, Outcome, Posting
from simulators.audit.books import BookFault, Books, JournalRow, Leg
from simulators.world.memory.entries import Entry
from simulators.world.memory.ledger import Commit, MemoryLedger
from simulators.world.memory.quotas import Key
from simulators.world.trace import Trace

Id = tuple[int, int]
_STAN_MASK = 0xFFFF_FFFF


class ShareMoved(NamedTuple):
    """A bucket's share of a wide quota has become larger, or smaller (< 0)."""

    key: Key
    bucket: int
    uses: int


class WorldLedger(MemoryLedger):
    """The store of a world; every row is an event of its trace."""

    trace: Trace
    entered_at: dict[Id, float]
    """When each id was entered, by trio's clock."""
    entered_ms: dict[Id, int]
    """The same by the clock of the database."""
    unknown: set[Id]
    """Ids that were entered by a statement whose answer was lost."""

    events: list[Commit | ShareMoved]
    """All that happened in the books, in order."""

    is_lost: Callable[[], bool]
    """Whether a worker is not told of a change."""
    on_change: Callable[[], None] | None = None
    """Called after each change of the registry, whoever made it."""

    def begin(self, trace: Trace, is_lost: Callable[[], bool]) -> None:
        """Note events from now on."""
        self.trace = trace
        self.is_lost = is_lost
        self.entered_at = {}
        self.entered_ms = {}
        self.unknown = set()
        self.events = []
        self._unknown_at: set[float] = set()

    def _tell_change(self) -> None:
        if self.on_change is not None:
            self.on_change()
        for notify in list(self.on_notify.values()):
            if not self.is_lost():
                notify()

    def entered(self, posting: Posting, outcome: Outcome) -> None:
        """Note a row."""
        super().entered(posting, outcome)
        self.events.append(self.commits[-1])
        identity = posting.terminal, posting.stan
        now_s = self.entered_at.setdefault(identity, trio.current_time())
        self.entered_ms.setdefault(identity, self.now_ms())
        if now_s in self._unknown_at:
            self.unknown.add(identity)
        self.trace.note(
            f"row {self.number}: {posting.terminal} {posting.stan} kind {posting.kind} code {outcome.code} "
            f"points {outcome.points} balance {outcome.balance} left {outcome.remaining}"
        )

    def told(self, posting: Posting, outcome: Outcome) -> None:
        """Note an inquiry."""
        super().told(posting, outcome)
        self.events.append(self.commits[-1])

    def share_moved(self, key: Key, bucket: int, uses: int) -> None:
        """Note a move."""
        self.events.append(ShareMoved(key, bucket, uses))
        self.trace.note(f"share of {key} in bucket {bucket} {uses:+}")

    def lose_answer(self, at_s: float) -> None:
        """The answer to the statement that is carried out at this moment of trio's clock is lost."""
        self._unknown_at.add(at_s)

    def entries(self) -> Iterator[tuple[Id, Entry]]:
        """Everything that stands in the books, by id."""
        for bucket in self.buckets:
            for number, entry in bucket.journal.items():
                yield (number >> 32, number & _STAN_MASK), entry

    @property
    def happened(self) -> int:
        """How many events there were."""
        return len(self.events)

    @property
    def changes(self) -> int:
        """The newest change of the registry."""
        return self.registry.number

    def stands(self, terminal: int, stan: int) -> bool:
        """Whether an id stands in the books."""
        return (terminal, stan) in self.entered_at


def books_of(ledger: WorldLedger, first: int, last: int) -> Books:
    """Return what stands in the books for a range of terminals."""
    journal: list[JournalRow] = []
    legs: dict[int, list[Leg]] = {}
    reversals: dict[Id, list[int]] = {}
    for (terminal, stan), entry in ledger.entries():
        if not first <= terminal <= last:
            continue
        told = entry.outcome
        journal.append(_row(terminal, stan, entry))
        if told.kind != Kind.TOMBSTONE and entry.legs:
            legs[told.transaction_id] = [
                Leg(leg.debit, leg.credit, leg.count, leg.unit) for leg in entry.legs
            ]
        if told.kind == Kind.REVERSAL and told.code == 0:
            reversals.setdefault((terminal, told.original_stan), []).append(stan)
    faults = [(BookFault.BALANCE, 1, [line]) for line in ledger.check()]
    return Books(journal, legs, reversals, list(faults))


def _row(terminal: int, stan: int, entry: Entry) -> JournalRow:
    told = entry.outcome
    return JournalRow(
        terminal,
        stan,
        told.kind,
        told.code,
        entry.account,
        told.counter_account,
        told.points,
        told.balance,
        told.amount_grosze,
        told.transaction_id,
        told.original_stan,
        told.offer,
        told.original_terminal,
        told.discount_grosze,
        told.remaining,
    )

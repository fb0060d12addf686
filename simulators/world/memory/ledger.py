"""Owns the whole store: buckets, registry, locks, node numbers, who listens; and the order of commits.

Several workers' connections share one. Invariant: `commits` has every row that was entered, in order. Knows
nothing of statements or of asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING

import msgspec

from ledger.books.posting import Kind, Outcome, Posting, bucket_of
from simulators.world.memory.books import Bucket
from simulators.world.memory.check import differences
from simulators.world.memory.entries import Account
from simulators.world.memory.locks import Locks
from simulators.world.memory.quotas import Key
from simulators.world.memory.registry import MemoryRegistry
from switch.clock import clock_ms

if TYPE_CHECKING:
    from simulators.world.memory.connection import MemoryConnection


class Commit(msgspec.Struct, frozen=True, gc=False):
    """One row that was entered: posting as it came (of a tombstone: of kind TOMBSTONE, at the id it settles),
    outcome as it stands. number counts the rows up from 1.

    An inquiry that was answered stands there too, with the number of the newest row it could see.
    """

    number: int
    terminal: int
    stan: int
    posting: Posting
    outcome: Outcome

    @property
    def is_entered(self) -> bool:
        """False for an inquiry."""
        return self.outcome.transaction_id != 0


class MemoryLedger:
    """The books and the registry of one database, of so many buckets. now_ms: the database's clock.

    `commits` may be emptied by whoever reads it; with `keeps_commits` False nothing is put there.
    """

    def __init__(
        self, buckets: int = 1, *, now_ms: Callable[[], int] = clock_ms, keeps_commits: bool = True
    ) -> None:
        self.now_ms = now_ms
        self.buckets = [Bucket(number, buckets, self) for number in range(buckets)]
        self.registry = MemoryRegistry(now_ms, self._tell_change, self.open_account)
        self.locks = Locks()
        self.nodes: dict[int, int] = {}
        """By node number, in ms: below it ids may have been given."""
        self.commits: list[Commit] = []
        self.number = 0
        """Of the newest row."""
        self.last_stans: dict[int, int] = {}
        """By terminal: its highest STAN that was used."""
        self.backends = count(1)
        """The numbers of the server's processes, one a connection."""
        self.connections: list[MemoryConnection] = []
        self.at_work: set[int] = set()
        """Backends that are carrying out a statement."""
        self.on_notify: dict[MemoryConnection, Callable[[], object]] = {}
        """Who listens to changes of the registry."""
        self._keeps_commits = keeps_commits

    def bucket_of(self, account: int) -> Bucket:
        """The bucket of a card account."""
        return self.buckets[bucket_of(account, len(self.buckets))]

    def bucket_of_terminal(self, terminal: int) -> Bucket:
        """The bucket where a terminal's ids are claimed."""
        return self.bucket_of(terminal << 3)

    def open_account(self, account: int) -> None:
        """Open a card account; the registry does so with the first card of each."""
        self.bucket_of(account).accounts[account] = Account()

    def post(self, postings: Sequence[Posting]) -> list[Outcome]:
        """Post one batch of a ledger of one bucket, past all wires; the outcomes in the order given.

        For what plays millions of postings: as if they had come by POST_BATCH.
        """
        (bucket,) = self.buckets
        found: dict[int, Outcome] = {}
        left = list(postings)
        while left:
            firsts, others = bucket.post_batch(left)
            again = []
            for place, outcome in (*firsts, *others):
                if outcome is None:
                    again.append(left[place - 1])
                else:
                    found[id(left[place - 1])] = outcome
            left = again
        return [found[id(posting)] for posting in postings]

    def balance(self, account: int) -> int | None:
        """The balance of a card account in points; None: there is none."""
        found = self.bucket_of(account).accounts.get(account)
        return found.balance if found else None

    def check(self) -> list[str]:
        """What is wrong with the books, one line each: nothing, if the store keeps its promises."""
        return differences(self.buckets)

    def entered(self, posting: Posting, outcome: Outcome) -> None:
        """A row was entered."""
        self.number += 1
        terminal, stan = posting.terminal, posting.stan
        if posting.kind != Kind.TOMBSTONE and stan > self.last_stans.get(terminal, 0):
            self.last_stans[terminal] = stan
        if self._keeps_commits:
            self.commits.append(Commit(self.number, terminal, stan, posting, outcome))

    def told(self, posting: Posting, outcome: Outcome) -> None:
        """An inquiry was answered."""
        if self._keeps_commits:
            self.commits.append(Commit(self.number, posting.terminal, posting.stan, posting, outcome))

    def share_moved(self, key: Key, bucket: int, uses: int) -> None:
        """A bucket's share of a wide quota has become larger, or smaller (< 0). Nobody is told here."""

    def _tell_change(self) -> None:
        for notify in list(self.on_notify.values()):
            notify()

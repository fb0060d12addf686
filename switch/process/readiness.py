"""Whether a worker can do what terminals come for: what /readyz says, one line for each thing it needs.

Owns the judgement. Must not know how a page is served. Invariant: readiness is judged by what sales need, by
postings that commit, and where none come by a look at what they would need; not by another path's health.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import trio

from ledger.books.sharded import AnyCommitter
from ledger.books.write_path import check_write_path
from ledger.errors import DatabaseContended, LedgerError
from ledger.postgres.session import Session
from switch.metrics import LedgerObserver, Meters
from switch.metrics import catalogue as of
from switch.process.feed import Feed
from switch.process.front import Front
from switch.rules.directory import Directory

SILENT_S: Final = 2.0
"""How long the database may owe an answer before that is told; its time limits are longer."""
PROBE_S: Final = 5.0
"""How long no batch commits before what it would need is looked at."""


class PostingWatch(LedgerObserver):
    """What the committer tells of its batches, and what that means for the next sale.

    What is wrong with its connections, or with all postings, the committer says itself (`problem`).
    """

    def __init__(self, meters: Meters) -> None:
        super().__init__(meters)
        self.problem: str | None = None
        self._has_committed = False

    def batch_committed(self, size: int, seconds: float) -> None:
        """All is well."""
        super().batch_committed(size, seconds)
        self._has_committed = True
        self.problem = None

    def batch_retried(self, error: LedgerError) -> None:
        """The last batch did not commit."""
        super().batch_retried(error)
        if not isinstance(error, DatabaseContended):
            self.problem = f"the last batch did not commit: {error}"

    def gave_up(self, count: int) -> None:
        """Postings waited in vain."""
        super().gave_up(count)
        self.problem = self.problem or 'postings wait too long for the database and are told to "try again"'

    async def probe(self, session: Session) -> None:
        """Where no batch commits, see for ever and now and then whether one could."""
        while True:
            self._has_committed = False
            await trio.sleep(PROBE_S)
            if self._has_committed:
                continue
            try:
                await session.run(check_write_path)
            except LedgerError as error:
                self.problem = f"a posting could not be committed: {error}"
            else:
                self.problem = None


class Readiness:
    """The checks of one worker. Each returns None when all is well, else one line that says why not."""

    def __init__(self, directory: Directory, feed: Feed, watch: PostingWatch) -> None:
        self._directory = directory
        self._feed = feed
        self._watch = watch
        self.front: Front | None = None
        self.committer: AnyCommitter | None = None

    @property
    def checks(self) -> Mapping[str, Callable[[], str | None]]:
        """Each by the name of what a sale needs."""
        return {
            "postgres": self._postgres,
            "registry": self._registry,
            "postings": self._postings_commit,
            "switch": self._switch,
        }

    def report(self, meters: Meters) -> None:
        """Have the checks told as metrics, too."""
        meters.attach(of.READY, lambda: float(not any(self._judged().values())))
        meters.attach(
            of.READY_CHECK, lambda: {(name,): float(not why) for name, why in self._judged().items()}
        )

    def _judged(self) -> Mapping[str, str | None]:
        return {name: check() for name, check in self.checks.items()}

    def _postgres(self) -> str | None:
        feed = self._feed
        if feed.problem:
            return feed.problem
        if feed.unanswered_s > SILENT_S:
            return f"the database has not answered for {feed.unanswered_s:.0f} s"
        return None if feed.fresh_at is not None else "not connected yet"

    def _registry(self) -> str | None:
        feed = self._feed
        if feed.fresh_at is None:
            return "not loaded yet"
        if feed.is_stale():
            return f"not read for {feed.age_s:.0f} s; redemptions are refused"
        if not any(programme.current.number for programme in self._directory.programmes.values()):
            return "no programme has rules in force: apply them with `cityswitch programmes apply FILE`"
        return None

    def _postings_commit(self) -> str | None:
        if self.committer is None:
            return "not started yet"
        return self.committer.problem or self._watch.problem

    def _switch(self) -> str | None:
        if self.front is None:
            return "not listening yet"
        return "draining" if self.front.draining else None

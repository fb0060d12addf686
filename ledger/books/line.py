"""Owns the order of postings: which may go together, and who waits behind whom.

Postings go in the order they entered. Those of one card account are never in two batches at once; in one they
keep their order. A second one of an account waits for the next batch, for it is dearer in company; many do
not wait. An id, own or original's, is in one batch only, and once. Who may not go yet is parked behind what
it waits for, and comes before all others when that has left. Knows nothing of the database.
"""

from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

from ledger.books.posting import Posting

TOGETHER_MIN: Final = 4
"""So many postings of one account that wait for their turn go in one batch, behind its first."""


class Line:
    """Orders postings. `ready`: those that have entered and were not looked at since; not all may go."""

    def __init__(self) -> None:
        self.ready: deque[Posting] = deque()
        self.enter = self.ready.append
        """Stand in line."""
        self._accounts: dict[int, int] = {}  # on their way: account -> how many postings
        self._ids: set[int] = set()
        self._parked: dict[int, list[Posting]] = {}  # by what they wait for: an account, or an id (negative)

    def take(self, count_max: int) -> list[Posting]:
        """Take the next batch, of at most `count_max`; they are on their way until they `leave`."""
        accounts, ready = self._accounts, self.ready
        batch: list[Posting] = []
        firsts: set[int] = set()  # accounts of the batch
        seconds: dict[int, list[Posting]] = {}  # who waits behind them
        together: set[int] = set()  # behind whom nobody waits any more
        while ready and len(batch) < count_max:
            posting = ready.popleft()
            account = posting.account
            if account not in accounts:
                if self._admit(posting, batch) and account > 0:
                    firsts.add(account)
            elif account not in firsts:
                self._park(account, posting)
            elif account in together:
                self._admit(posting, batch)
            else:
                waiting = seconds.setdefault(account, [])
                waiting.append(posting)
                if len(waiting) == TOGETHER_MIN and len(batch) + TOGETHER_MIN <= count_max:
                    together.add(account)
                    for second in seconds.pop(account):
                        self._admit(second, batch)
        for waiting in seconds.values():
            ready.extendleft(reversed(waiting))
        return batch

    def _admit(self, posting: Posting, batch: list[Posting]) -> bool:
        """Put a posting into the batch unless one of its ids is on its way."""
        ids = self._ids
        own = -(posting.terminal << 32 | posting.stan)
        if own in ids:
            self._park(own, posting)
            return False
        if posting.original_stan:
            original = _original(posting)
            if original in ids:
                self._park(original, posting)
                return False
            ids.add(original)
        ids.add(own)
        account = posting.account
        if account > 0:
            self._accounts[account] = self._accounts.get(account, 0) + 1
        batch.append(posting)
        return True

    def _park(self, key: int, posting: Posting) -> None:
        self._parked.setdefault(key, []).append(posting)

    def leave(self, postings: Iterable[Posting]) -> None:
        """They are no longer on their way: who waits behind them is ready again, before all others."""
        ids, accounts, parked = self._ids, self._accounts, self._parked
        for posting in postings:
            account = posting.account
            own = -(posting.terminal << 32 | posting.stan)
            ids.discard(own)
            if posting.original_stan:
                ids.discard(_original(posting))
            if account > 0:
                left = accounts.pop(account) - 1
                if left:
                    accounts[account] = left
            if parked:
                self._call(posting, own)

    def _call(self, posting: Posting, own: int) -> None:
        keys = [own, _original(posting)] if posting.original_stan else [own]
        if posting.account not in self._accounts:
            keys.append(posting.account)
        for key in keys:
            if key in self._parked:
                self.ready.extendleft(reversed(self._parked.pop(key)))

    def age_s(self, now: float) -> float:
        """How long the oldest of the waiting has waited, parked ones too; 0 if none waits. Looks at all."""
        waiting = chain(self.ready, *self._parked.values())
        return now - min((posting.submitted_at for posting in waiting), default=now)

    def withdraw(self, is_late: Callable[[Posting], bool]) -> list[Posting]:
        """Take out those of the waiting, parked ones too, that will not go any more."""
        late = [posting for posting in self.ready if is_late(posting)]
        if late:
            rest = [posting for posting in self.ready if not is_late(posting)]
            self.ready.clear()
            self.ready.extend(rest)
        for key, waiting in list(self._parked.items()):
            gone = [posting for posting in waiting if is_late(posting)]
            if gone:
                late += gone
                self._parked[key] = [posting for posting in waiting if not is_late(posting)]
        return late


def _original(posting: Posting) -> int:
    return -((posting.original_terminal or posting.terminal) << 32 | posting.original_stan)

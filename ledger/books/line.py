"""Owns the order of postings: which may go, and who waits behind whom.

Invariant: of each card account, and of each (terminal, STAN), at most one posting that has entered and not
left is ready; the next ones follow in the order they entered. Knows nothing of batches or of the database.
"""

from collections import deque

from ledger.books.posting import Posting


class Line:
    """Orders postings: one in flight per key, the rest wait their turn.

    A posting's keys are claimed in one order for all (its account, then its ids by number), so waits
    cannot form a circle. Only the first claim is dear: a posting nobody stands before costs two
    dictionary entries.
    """

    def __init__(self) -> None:
        self.ready: deque[Posting] = deque()
        self._claims: dict[int, deque[tuple[Posting, int]] | None] = {}

    @staticmethod
    def _keys(posting: Posting) -> tuple[int, ...]:
        # Ids are kept apart from accounts by being negative.
        own = -(posting.terminal << 32 | posting.stan)
        account = posting.account
        original_stan = posting.original_stan
        if not original_stan or original_stan == posting.stan:
            return (account, own) if account else (own,)
        original = -(posting.terminal << 32 | original_stan)
        first, second = (own, original) if own < original else (original, own)
        return (account, first, second) if account else (first, second)

    def enter(self, posting: Posting, first: int = 0) -> None:
        """Claim the posting's keys from the first-th on; it is ready when it has them all."""
        claims = self._claims
        index = 0
        for key in self._keys(posting):
            index += 1
            if index <= first:
                continue
            if key in claims:
                waiting = claims[key]
                if waiting is None:
                    waiting = claims[key] = deque()
                waiting.append((posting, index))
                return
            claims[key] = None
        self.ready.append(posting)

    def leave(self, posting: Posting) -> None:
        """Give the posting's keys back; who waited longest takes them over."""
        claims = self._claims
        for key in self._keys(posting):
            waiting = claims.pop(key)
            if waiting:
                claims[key] = waiting
                heir, first = waiting.popleft()
                self.enter(heir, first)

"""Owns what the committer tells the metrics, and nothing else."""

from ledger.books.posting import Posting
from ledger.errors import LedgerError


class Observer:
    """Who wants to count overrides what it counts; every call must return at once."""

    def batch_committed(self, size: int, seconds: float) -> None:
        """A batch of `size` postings has committed; `seconds` from sending to answer."""

    def batch_retried(self, error: LedgerError) -> None:
        """A batch is sent again: the connection was lost, or the server asked for it."""

    def gave_up(self, count: int) -> None:
        """`count` postings were answered TRY_AGAIN."""

    def poisoned(self, posting: Posting, error: LedgerError) -> None:
        """The server refused this posting's data; it was answered SYSTEM_ERROR."""

"""The counts of one worker, and who is asked for what at a scrape.

Owns plain attributes that are added to where things happen, and the readings their owners attach. Must not
decide anything. Invariants: counters only grow; attaching and adding never raise, whatever a reading will do.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from ledger.books.observer import Observer
from ledger.books.posting import Posting
from ledger.errors import LedgerError
from protocol import ResultClass, ResultCode
from switch.metrics import catalogue as of
from switch.metrics.declaration import Metric
from switch.metrics.histogram import Histogram, Shape

DURATIONS: Final = Shape((0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0), -13, 6)
BATCHES: Final = Shape((1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0, 1_000.0), -1, 11)
MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0
AGE_BOUNDS_S: Final = (
    *(MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S),
    *(HOUR_S, 6 * HOUR_S),
    *(DAY_S, 3 * DAY_S, 7 * DAY_S, 14 * DAY_S),
)
AGES: Final = Shape(AGE_BOUNDS_S, 3, 21)

Labels: TypeAlias = tuple[str, ...]
"""The values of a metric's labels, in the order of its declaration."""
Value: TypeAlias = float | Histogram | Mapping[Labels, float] | None
"""What a reading gives; by labels, where the metric has some; None: it is not there now."""
Reading: TypeAlias = Callable[[], Value]

CLASSES: Final = {
    ResultClass.APPROVE: "approved",
    ResultClass.DECLINE: "declined",
    ResultClass.PICK_UP: "declined",
    ResultClass.RETRY: "retry",
    ResultClass.FAULT: "fault",
}
RESULTS: Final = {int(code): (code.name.lower(), CLASSES[code.result_class]) for code in ResultCode}


class Meters:
    """All counts of one worker. `attach` says who is asked for a metric when the metrics are asked for."""

    def __init__(self) -> None:
        self.started_at_s = time.time()
        # By (message, result code). What a Counter adds to a dictionary makes an addition twice as dear.
        self.replies: defaultdict[tuple[str, int], int] = defaultdict(int)
        self.replays = 0
        self.handshakes: Counter[str] = Counter()  # result
        self.sign_on_refusals: Counter[str] = Counter()  # cause; the wire does not tell
        self.closes: Counter[str] = Counter()  # reason
        self.connections_opened = 0
        self.replies_dropped = 0
        self.requests_shed = 0
        self.batches_retried = 0
        self.postings_given_up = 0
        self.poison_rows = 0
        self.feed_reads = 0
        self.feed_errors = 0
        self.bytes_received = 0
        self.bytes_sent = 0
        self.request_s = Histogram(DURATIONS)
        self.commit_s = Histogram(DURATIONS)
        self.stall_s = Histogram(DURATIONS)
        self.page_s = Histogram(DURATIONS)
        self.batch_size = Histogram(BATCHES)
        self.advice_age_s = Histogram(AGES)
        self.readings: dict[Metric, Reading] = {}
        self._attach_own()

    def attach(self, metric: Metric, read: Reading) -> None:
        """Have `read` asked whenever the metrics are; a later one for the same metric takes its place."""
        self.readings[metric] = read

    def _attach_own(self) -> None:
        attach = self.attach
        attach(of.START_TIME, lambda: self.started_at_s)
        attach(of.REPLIES, self._replies_by_class)
        attach(of.REPLAYS, lambda: self.replays)
        attach(of.HANDSHAKES, lambda: _labelled(self.handshakes))
        attach(of.SIGN_ON_REFUSALS, lambda: _labelled(self.sign_on_refusals))
        attach(of.CLOSES, lambda: _labelled(self.closes))
        attach(of.CONNECTIONS_OPENED, lambda: self.connections_opened)
        attach(of.REPLIES_DROPPED, lambda: self.replies_dropped)
        attach(of.REQUESTS_SHED, lambda: self.requests_shed)
        attach(of.BATCHES_RETRIED, lambda: self.batches_retried)
        attach(of.POSTINGS_GIVEN_UP, lambda: self.postings_given_up)
        attach(of.POISON_ROWS, lambda: self.poison_rows)
        attach(of.FEED_READS, lambda: self.feed_reads)
        attach(of.FEED_ERRORS, lambda: self.feed_errors)
        attach(of.RECEIVED_BYTES, lambda: self.bytes_received)
        attach(of.SENT_BYTES, lambda: self.bytes_sent)
        attach(of.REQUEST_DURATION, lambda: self.request_s)
        attach(of.COMMIT_DURATION, lambda: self.commit_s)
        attach(of.EVENT_LOOP_STALL, lambda: self.stall_s)
        attach(of.PAGE_DURATION, lambda: self.page_s)
        attach(of.BATCH_POSTINGS, lambda: self.batch_size)
        attach(of.ADVICE_AGE, lambda: self.advice_age_s)

    def _replies_by_class(self) -> Mapping[Labels, float]:
        return {
            (message, str(code), *RESULTS.get(code, ("unknown", "fault"))): count
            for (message, code), count in self.replies.items()
        }


def _labelled(counts: Mapping[str, int]) -> Mapping[Labels, float]:
    return {(label,): count for label, count in counts.items()}


class LedgerObserver(Observer):
    """What the committer tells the meters."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def batch_committed(self, size: int, seconds: float) -> None:
        """A batch of `size` postings has committed in `seconds`."""
        self._meters.batch_size.add(size)
        self._meters.commit_s.add(seconds)

    def batch_retried(self, error: LedgerError) -> None:
        """A batch is sent again."""
        self._meters.batches_retried += 1

    def gave_up(self, count: int) -> None:
        """`count` postings were answered "try again"."""
        self._meters.postings_given_up += count

    def poisoned(self, posting: Posting, error: LedgerError) -> None:
        """Postgres refused this posting by itself."""
        self._meters.poison_rows += 1

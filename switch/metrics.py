"""What a worker counts, and how Prometheus reads it.

Owns plain integers the hot path may add to at the price of an addition, and one collector that turns them
into metric families when /metrics is asked. Each worker has an endpoint of its own: no multiprocess mode.
Must not decide anything. Invariant: counters only grow.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger.books.observer import Observer
from ledger.books.posting import Posting
from ledger.errors import LedgerError
from protocol import ResultCode

RESULT_NAMES = {int(code): code.name.lower() for code in ResultCode}
REQUEST_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
BATCH_BOUNDS = (1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0, 1_000.0)


class Histogram:
    """A histogram of plain integers; `add` costs one bisection."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count one value in its bucket (upper bounds are inclusive, as Prometheus has it)."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add_all(self, values: list[float]) -> None:
        """Count many at once: cheaper than one by one, for sorted they are counted bound by bound."""
        values.sort()
        below = 0
        for bucket, bound in enumerate(self.bounds):
            if below == len(values):
                break
            reached = bisect_right(values, bound, below)
            self.counts[bucket] += reached - below
            below = reached
        self.counts[-1] += len(values) - below
        self.total += sum(values)

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative buckets in the form of the exposition format."""
        rows, reached = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            reached += count
            rows.append((bound, float(reached)))
        return rows


class Meters:
    """All counts of one worker. Gauges are read through functions set by their owners."""

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
        self.request_s = Histogram(REQUEST_BOUNDS_S)
        self.commit_s = Histogram(REQUEST_BOUNDS_S)
        self.batch_size = Histogram(BATCH_BOUNDS)
        self.gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self.labelled_gauges: dict[str, tuple[str, str, Callable[[], Mapping[str, float]]]] = {}
        self.counters: dict[str, tuple[str, Callable[[], float]]] = {}

    def counter(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Register a count that its owner keeps, read when the metrics are asked for."""
        self.counters[name] = (documentation, read)

    def gauges_by(
        self, name: str, documentation: str, label: str, read: Callable[[], Mapping[str, float]]
    ) -> None:
        """Register gauges that are told apart by a label, read when the metrics are asked for."""
        self.labelled_gauges[name] = (documentation, label, read)

    def gauge(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """Register a gauge that is read when the metrics are asked for."""
        self.gauges[name] = (documentation, read)


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


class SwitchCollector(Collector):
    """Turns `Meters` into Prometheus families, all prefixed `cityswitch_`."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters

    def collect(self) -> Iterator[Metric]:
        """Yield every family; called for each scrape."""
        meters = self._meters
        info = GaugeMetricFamily("cityswitch_build_info", "Version of the running switch", labels=["version"])
        info.add_metric([version("cityswitch")], 1)
        yield info
        yield GaugeMetricFamily(
            "cityswitch_start_time_seconds", "Start of this worker, Unix time", value=meters.started_at_s
        )
        replies = CounterMetricFamily(
            "cityswitch_replies", "Replies by message and result", labels=["message", "code", "result"]
        )
        for (message, code), count in list(meters.replies.items()):
            replies.add_metric([message, str(code), RESULT_NAMES.get(code, "unknown")], count)
        yield replies
        yield from self._labelled()
        yield from self._plain()
        for name, documentation, histogram in (
            ("cityswitch_request_seconds", "From the bytes read to the reply written", meters.request_s),
            ("cityswitch_commit_seconds", "One batch in Postgres", meters.commit_s),
            ("cityswitch_batch_postings", "Postings in a committed batch", meters.batch_size),
        ):
            yield HistogramMetricFamily(
                name, documentation, buckets=histogram.buckets(), sum_value=histogram.total
            )
        for name, (documentation, read) in meters.gauges.items():
            yield GaugeMetricFamily(f"cityswitch_{name}", documentation, value=read())
        for name, (documentation, read) in meters.counters.items():
            yield CounterMetricFamily(f"cityswitch_{name}", documentation, value=read())
        for name, (documentation, label, read_all) in meters.labelled_gauges.items():
            family = GaugeMetricFamily(f"cityswitch_{name}", documentation, labels=[label])
            for value, figure in read_all().items():
                family.add_metric([value], figure)
            yield family

    def _labelled(self) -> Iterator[Metric]:
        for name, documentation, label, counts in (
            ("handshakes", "Handshakes by result", "result", self._meters.handshakes),
            (
                "sign_on_refusals",
                "Handshakes whose proof was wrong, by cause",
                "cause",
                self._meters.sign_on_refusals,
            ),
            ("closes", "Connections closed, by reason", "reason", self._meters.closes),
        ):
            family = CounterMetricFamily(f"cityswitch_{name}", documentation, labels=[label])
            for value, count in list(counts.items()):
                family.add_metric([value], count)
            yield family

    def _plain(self) -> Iterator[Metric]:
        meters = self._meters
        for name, documentation, value in (
            ("replays", "Requests answered from the journal", meters.replays),
            ("connections_opened", "Connections that authenticated", meters.connections_opened),
            ("replies_dropped", "Replies whose connection had gone", meters.replies_dropped),
            (
                "requests_shed",
                'Requests answered "try again" because the ledger is behind',
                meters.requests_shed,
            ),
            ("poison_rows", "Postings that Postgres refused by themselves", meters.poison_rows),
            ("batches_retried", "Batches sent to Postgres again", meters.batches_retried),
            ("postings_given_up", 'Postings answered "try again"', meters.postings_given_up),
            ("feed_reads", "Readings of the registry", meters.feed_reads),
            ("feed_errors", "Failed readings of the registry", meters.feed_errors),
            ("received_bytes", "Bytes read from terminals", meters.bytes_received),
        ):
            yield CounterMetricFamily(f"cityswitch_{name}", documentation, value=value)

"""What the switch did while a load was put on, second by second: from the workers' counters to charts.

Owns the arithmetic: rates, quantiles of histograms, and what becomes of a worker that was started anew or did
not answer. Pure functions of rounds. Invariants: a sum over workers of which one did not answer is no figure;
a counter that fell began anew at 0, and nothing is taken off.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple

from bench.charts import Chart, Line, Unit
from bench.load.watch import Round, Samples

REQUESTS: Final = "cityswitch_request_duration_seconds"
COMMITS: Final = "cityswitch_commit_duration_seconds"
BATCHES: Final = "cityswitch_batch_postings"
REPLIES: Final = "cityswitch_replies_total"
QUEUE_AGE: Final = "cityswitch_queue_age_seconds"
CPU: Final = "process_cpu_seconds_total"
START: Final = "cityswitch_start_time_seconds"
BUILD: Final = "cityswitch_build_info"
READ: Final = (REQUESTS, COMMITS, BATCHES, REPLIES, QUEUE_AGE, CPU, START, BUILD)
"""What of a worker's page is looked at."""
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Deltas = Mapping[str, float]
"""By how much each series grew."""


class Step(NamedTuple):
    """What happened between two rounds in which every worker answered: growth by worker."""

    at_s: float
    seconds: float
    workers: Sequence[Deltas]
    all: Deltas
    """The growth over all workers."""


class Summary(NamedTuple):
    """The whole run in figures; None: there was nothing to compute it of."""

    replies: Mapping[str, float]
    """By class."""
    request_p50_s: float | None
    request_p99_s: float | None
    commit_p50_s: float | None
    commit_p99_s: float | None
    postings_per_commit: float | None
    queue_age_s_max: float | None
    cores: Sequence[float]
    """Processor time a second, by worker."""


def steps_of(rounds: Sequence[Round]) -> list[Step]:
    """Return the growth between neighbouring rounds; none where a worker did not answer."""
    steps = []
    for before, after in pairwise(rounds):
        pairs = list(zip(before.workers, after.workers, strict=True))
        grown = [_grown(old, new) for old, new in pairs if old is not None and new is not None]
        if len(grown) == len(pairs) and after.at_s > before.at_s:
            steps.append(Step(after.at_s, after.at_s - before.at_s, grown, _summed(grown)))
    return steps


def _summed(many: Iterable[Deltas]) -> Deltas:
    total: defaultdict[str, float] = defaultdict(float)
    for deltas in many:
        for series, grown in deltas.items():
            total[series] += grown
    return total


def _grown(before: Samples, after: Samples) -> Deltas:
    """Return by how much each series grew; a worker that was started anew counts from 0."""
    since: Samples = before if before.get(START) == after.get(START) else {}
    return {series: max(0.0, value - since.get(series, 0.0)) for series, value in after.items()}


def gaps_of(rounds: Sequence[Round]) -> list[str]:
    """Return in words when which worker did not answer."""
    found = []
    for worker in range(len(rounds[0].workers) if rounds else 0):
        missing = [each.at_s for each in rounds if each.workers[worker] is None]
        if missing:
            until = f"{missing[0]:.0f} s" if len(missing) == 1 else f"{missing[0]:.0f} to {missing[-1]:.0f} s"
            found.append(
                f"worker {worker} did not answer {len(missing)} of {len(rounds)} times, from {until}"
            )
    return found


@lru_cache(maxsize=10_000)
def labels_of(series: str) -> tuple[str, Mapping[str, str]]:
    """Return name and labels of a series."""
    name, _, rest = series.partition("{")
    return name, dict(_LABEL.findall(rest))


def by_label(deltas: Deltas, name: str, label: str) -> dict[str, float]:
    """Return the growth of a metric summed by one label."""
    summed: defaultdict[str, float] = defaultdict(float)
    for series, grown in deltas.items():
        found, labels = labels_of(series)
        if found == name:
            summed[labels.get(label, "")] += grown
    return dict(summed)


def quantile(deltas: Deltas, histogram: str, share: float) -> float | None:
    """Return a quantile of what was counted, interpolated within its bucket as Prometheus does it.

    None: nothing was counted. What lies above the last bound is told as that bound.
    """
    buckets = sorted(
        (float(le), count) for le, count in by_label(deltas, f"{histogram}_bucket", "le").items()
    )
    if not buckets or buckets[-1][1] <= 0:
        return None
    rank = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for bound, reached in buckets:
        if reached >= rank and reached > below:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (rank - below) / (reached - below)
        lower, below = bound, reached
    return lower


def mean(deltas: Deltas, histogram: str) -> float | None:
    """Return the mean of what was counted."""
    count = deltas.get(f"{histogram}_count", 0.0)
    return deltas.get(f"{histogram}_sum", 0.0) / count if count else None


def charts_of(rounds: Sequence[Round]) -> list[Chart]:
    """Return the charts of the server's side."""
    steps = steps_of(rounds)
    classes = sorted({name for step in steps for name in by_label(step.all, REPLIES, "class")})
    replies = [
        Line(
            name,
            [
                (step.at_s, by_label(step.all, REPLIES, "class").get(name, 0.0) / step.seconds)
                for step in steps
            ],
        )
        for name in classes
    ]
    return [
        Chart("Replies a second, by class", Unit.PER_SECOND, replies),
        Chart("Response time at the switch", Unit.SECONDS, _quantiles(steps, REQUESTS)),
        Chart(
            "Age of the oldest posting not yet sent",
            Unit.SECONDS,
            [Line("oldest", list(_queue_ages(rounds)))],
        ),
        Chart("Commit duration", Unit.SECONDS, _quantiles(steps, COMMITS)),
        Chart("Postings in a batch", Unit.COUNT, [Line("mean", list(_means(steps)))]),
        Chart("Processor time of each worker", Unit.CORES, _cores(steps)),
    ]


def _quantiles(steps: Sequence[Step], histogram: str) -> list[Line]:
    lines = []
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        found = [(step.at_s, quantile(step.all, histogram, share)) for step in steps]
        lines.append(Line(name, [(at_s, value) for at_s, value in found if value is not None]))
    return lines


def _means(steps: Sequence[Step]) -> Iterator[tuple[float, float]]:
    for step in steps:
        value = mean(step.all, BATCHES)
        if value is not None:
            yield step.at_s, value


def _queue_ages(rounds: Sequence[Round]) -> Iterator[tuple[float, float]]:
    for each in rounds:
        ages = [
            samples[QUEUE_AGE] for samples in each.workers if samples is not None and QUEUE_AGE in samples
        ]
        if ages and len(ages) == len(each.workers):
            yield each.at_s, max(ages)


def _cores(steps: Sequence[Step]) -> list[Line]:
    workers = range(len(steps[0].workers) if steps else 0)
    return [
        Line(
            f"worker {worker}",
            [(step.at_s, step.workers[worker].get(CPU, 0.0) / step.seconds) for step in steps],
        )
        for worker in workers
    ]


def summary_of(rounds: Sequence[Round]) -> Summary:
    """Return the whole run in figures."""
    steps = steps_of(rounds)
    total = _summed(step.all for step in steps)
    seconds = sum(step.seconds for step in steps)
    ages = [age for _, age in _queue_ages(rounds)]
    workers = range(len(steps[0].workers) if steps else 0)
    return Summary(
        replies=by_label(total, REPLIES, "class"),
        request_p50_s=quantile(total, REQUESTS, 0.5),
        request_p99_s=quantile(total, REQUESTS, 0.99),
        commit_p50_s=quantile(total, COMMITS, 0.5),
        commit_p99_s=quantile(total, COMMITS, 0.99),
        postings_per_commit=mean(total, BATCHES),
        queue_age_s_max=max(ages, default=None),
        cores=[sum(step.workers[worker].get(CPU, 0.0) for step in steps) / seconds for worker in workers],
    )


def version_of(rounds: Sequence[Round]) -> str:
    """Return the versions of the switch that answered, by its own word; empty when none did."""
    found = {
        labels.get("version", "")
        for each in rounds
        for samples in each.workers
        if samples is not None
        for name, labels in map(labels_of, samples)
        if name == BUILD
    }
    return ", ".join(sorted(found))

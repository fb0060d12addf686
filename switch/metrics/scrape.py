"""What a scrape gets: every metric that has been attached, read now.

Owns the guard around readings: one that raises is left out, counted and logged, and the others are still to
be had. Must not know a format of exposition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Final, NamedTuple

import structlog

from switch.metrics import catalogue as of
from switch.metrics.declaration import Metric
from switch.metrics.histogram import Histogram
from switch.metrics.meters import Labels, Meters
from switch.metrics.process import Process

log = structlog.get_logger()

NONE: Final[Labels] = ()


class Family(NamedTuple):
    """One metric and its values by their labels, or the one distribution it is."""

    metric: Metric
    points: Mapping[Labels, float] | Histogram


Write = Callable[[Iterator[Family]], bytes]
"""Makes the bytes of an exposition."""


class Scrape:
    """Reads the metrics of one worker."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._errors = 0
        self._told: set[str] = set()
        process, release = Process(), version("cityswitch")
        meters.attach(of.BUILD_INFO, lambda: {(release,): 1})
        for metric, read in process.readings.items():
            meters.attach(metric, read)

    def families(self) -> Iterator[Family]:
        """Yield what is there now, each read when it is asked for."""
        for metric, read in list(self._meters.readings.items()):
            try:
                value = read()
            except Exception as error:  # a reading's boundary: the others are still to be had
                self._failed(metric, error)
                continue
            if isinstance(value, Histogram | Mapping):
                yield Family(metric, value)
            elif value is not None:
                yield Family(metric, {NONE: value})
        yield Family(of.SCRAPE_ERRORS, {NONE: self._errors})

    def _failed(self, metric: Metric, error: Exception) -> None:
        self._errors += 1
        if metric.name not in self._told:
            self._told.add(metric.name)
            log.error("metric_failed", metric=metric.name, exc_info=error)

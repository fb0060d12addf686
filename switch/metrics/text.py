"""The text format of Prometheus (version 0.0.4).

Owns its letters. Must not know where values come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf, isnan
from typing import Final

from switch.metrics.declaration import Metric
from switch.metrics.histogram import Histogram
from switch.metrics.meters import Labels
from switch.metrics.scrape import Family

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def write_text(families: Iterable[Family]) -> bytes:
    """Return an exposition; a metric that has no values now is named all the same."""
    return "".join(line for family in families for line in _family(family)).encode()


def _family(family: Family) -> Iterator[str]:
    metric, points = family
    yield f"# HELP {metric.name} {_escaped(metric.help)}\n"
    yield f"# TYPE {metric.name} {metric.kind.word}\n"
    if isinstance(points, Histogram):
        yield from _histogram(metric.name, points)
        return
    for labels, value in list(points.items()):
        yield f"{metric.name}{_braces(metric, labels)} {number(value)}\n"


def _histogram(name: str, histogram: Histogram) -> Iterator[str]:
    for bound, reached in histogram.classic():
        yield f'{name}_bucket{{le="{number(bound)}"}} {number(reached)}\n'
    count = number(histogram.count)
    yield f'{name}_bucket{{le="+Inf"}} {count}\n{name}_sum {number(histogram.total)}\n{name}_count {count}\n'


def _braces(metric: Metric, labels: Labels) -> str:
    if not labels:
        return ""
    pairs = ",".join(
        f'{label.name}="{_quoted(value)}"' for label, value in zip(metric.labels, labels, strict=True)
    )
    return f"{{{pairs}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")


def number(value: float) -> str:
    """Return a number as Prometheus reads it."""
    if isnan(value):
        return "NaN"
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value))

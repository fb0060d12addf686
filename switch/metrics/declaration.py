"""What is said of a metric once, for whoever exposes it and whoever reads about it.

Owns the shape of a declaration. Must not know values.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import msgspec

PREFIX: Final = "cityswitch_"


class Kind(Enum):
    """Of a metric: the word of the text format, and the number of the protobuf one (MetricType)."""

    COUNTER = "counter", 0
    GAUGE = "gauge", 1
    HISTOGRAM = "histogram", 4

    def __init__(self, word: str, number: int) -> None:
        self.word = word
        self.number = number


class Label(msgspec.Struct, frozen=True):
    """A label: its name, what its values are, and all of them where they are a closed set."""

    name: str
    meaning: str
    values: tuple[str, ...] = ()


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric, by its full name.

    `help`: what it is, in one sentence without a full stop. `advice`: what to do when it looks wrong.
    `where`: when it is there at all; empty: always.
    """

    name: str
    kind: Kind
    help: str
    advice: str
    labels: tuple[Label, ...] = ()
    where: str = ""


def counter(name: str, text: str, advice: str, *labels: Label, where: str = "") -> Metric:
    """Declare a count that only grows; `name` without prefix and without `_total`."""
    return Metric(
        name=f"{PREFIX}{name}_total", kind=Kind.COUNTER, help=text, advice=advice, labels=labels, where=where
    )


def gauge(name: str, text: str, advice: str, *labels: Label, where: str = "") -> Metric:
    """Declare a figure that goes up and down; `name` without prefix."""
    return Metric(name=PREFIX + name, kind=Kind.GAUGE, help=text, advice=advice, labels=labels, where=where)


def histogram(name: str, text: str, advice: str, *labels: Label, where: str = "") -> Metric:
    """Declare a distribution; `name` without prefix."""
    return Metric(
        name=PREFIX + name, kind=Kind.HISTOGRAM, help=text, advice=advice, labels=labels, where=where
    )

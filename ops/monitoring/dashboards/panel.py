"""What a dashboard is made of: panels with their queries, units, thresholds and words. Plain data.

Owns the shape, and how a query names the workers it is about: `@` stands for the selectors of the variables
job and instance, so `cityswitch_ready{@}` is what is written. Must not know Grafana nor Prometheus: JSON is
made of this (`grafana`), tests and pictures ask a Prometheus the same queries. Invariants: every panel says
what it shows and what to think when it looks wrong; a panel that stands still under load says why.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple

WORKERS: Final = 'job=~"$job",instance=~"$instance"'
COLUMNS: Final = 24
"""How wide Grafana's grid is."""


class Unit(Enum):
    """What a figure is of; the value is Grafana's name for it."""

    COUNT = "short"
    PER_SECOND = "cps"
    REQUESTS_PER_SECOND = "reqps"
    SECONDS = "s"
    SHARE = "percentunit"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    CORES = "none"
    YES_NO = "bool_yes_no"


class Kind(Enum):
    """How a panel is drawn; the value is Grafana's name for it."""

    SERIES = "timeseries"
    STAT = "stat"


class Colour(Enum):
    """A colour of a threshold, by Grafana's names."""

    GOOD = "green"
    WARNING = "orange"
    BAD = "red"


class Query(NamedTuple):
    """One query, with `@` for the workers' selectors, and its series' name ({{label}}: by a label)."""

    expression: str
    legend: str

    @property
    def grafana(self) -> str:
        """Return the query with Grafana's variables."""
        return self.expression.replace("@", WORKERS)

    def concrete(self, window_s: float, range_s: float, instance: str = ".*") -> str:
        """Return the query as Prometheus takes it, over all workers or one: rates over `window_s`."""
        values = {
            "$__rate_interval": f"{round(window_s * 1_000)}ms",
            "$__range": f"{round(range_s * 1_000)}ms",
            "$job": ".*",
            "$instance": instance,
            "$programme": ".*",
        }
        return re.sub(r"\$\w+", lambda found: values[found[0]], self.grafana)


class Threshold(NamedTuple):
    """From this value on, the colour."""

    value: float
    colour: Colour


class Panel(NamedTuple):
    """One panel. `steady`: why it may stand still while the load moves; empty: it moves."""

    title: str
    description: str
    unit: Unit
    queries: Sequence[Query]
    kind: Kind = Kind.SERIES
    thresholds: Sequence[Threshold] = ()
    """Rising; below the first all is well, unless `floor` says otherwise."""
    floor: Colour = Colour.GOOD
    stacked: bool = False
    steady: str = ""
    width: int = 8
    height: int = 8
    most: float | None = None
    """The end of the scale, where there is one."""


class Section(NamedTuple):
    """A row of a dashboard, with its panels from left to right."""

    title: str
    panels: Sequence[Panel]


class Dashboard(NamedTuple):
    """One dashboard; `uid` is also its file's name."""

    uid: str
    title: str
    description: str
    sections: Sequence[Section]
    has_programme: bool = False
    """Whether it can be narrowed to one programme."""

    @property
    def panels(self) -> list[Panel]:
        """Return the panels of all sections."""
        return [panel for section in self.sections for panel in section.panels]


def legend_of(query: Query, labels: Mapping[str, str]) -> str:
    """Return what a series is called by the legend of its query."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), query.legend)


def quantile(share: float, histogram: str, legend: str, by: str = "") -> Query:
    """Return the query of a quantile over all workers, of a histogram with classic buckets."""
    labels = f"le, {by}" if by else "le"
    buckets = f"sum by ({labels}) (rate({histogram}_bucket{{@}}[$__rate_interval]))"
    return Query(f"histogram_quantile({share}, {buckets})", legend)


def rate(counter: str, legend: str, by: str = "", selectors: str = "") -> Query:
    """Return the query of a counter's rate, summed by labels over all workers."""
    labels = f"sum by ({by})" if by else "sum"
    more = f",{selectors}" if selectors else ""
    return Query(f"{labels} (rate({counter}{{@{more}}}[$__rate_interval]))", legend)


def good_above(*values: float) -> tuple[Sequence[Threshold], Colour]:
    """Return thresholds of a figure that should be high: warning from the first on, good from the last."""
    if len(values) == 1:
        return (Threshold(values[0], Colour.GOOD),), Colour.BAD
    return (Threshold(values[0], Colour.WARNING), Threshold(values[1], Colour.GOOD)), Colour.BAD


def bad_above(warning: float, bad: float | None = None) -> Sequence[Threshold]:
    """Return thresholds of a figure that should be low."""
    if bad is None:
        return (Threshold(warning, Colour.BAD),)
    return (Threshold(warning, Colour.WARNING), Threshold(bad, Colour.BAD))

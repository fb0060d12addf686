"""A dashboard as one picture: its panels' own queries, answered by a Prometheus, drawn by our own code.

Owns the asking and the layout. Must not know how a Prometheus came to be, nor draw like Grafana: the picture
says that it is none of Grafana's. Invariants: what is drawn was answered, to the last figure; a panel without
an answer says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from bench.charts import STYLE, Chart, Line, draw, figure
from bench.charts import Unit as Drawn
from ops.monitoring.dashboards.panel import Colour, Dashboard, Kind, Panel, Query, Unit, legend_of
from ops.monitoring.prometheus import Prometheus, Series

LABEL: Final = "drawn from the dashboard's queries, not by Grafana"
WIDTH: Final = 1200
PADDING: Final = 12
CHARTS_IN_ROW: Final = 3
STATS_IN_ROW: Final = 6
CHART_HEIGHT: Final = 200
STAT_HEIGHT: Final = 74
HEADER_LINE: Final = 20
POINTS_MAX: Final = 120
"""More points of a line than it has pixels to tell them apart say nothing."""
UNITS: Final = {
    Unit.COUNT: Drawn.COUNT,
    Unit.PER_SECOND: Drawn.PER_SECOND,
    Unit.REQUESTS_PER_SECOND: Drawn.PER_SECOND,
    Unit.SECONDS: Drawn.SECONDS,
    Unit.SHARE: Drawn.SHARE,
    Unit.BYTES: Drawn.BYTES,
    Unit.BYTES_PER_SECOND: Drawn.BYTES_PER_SECOND,
    Unit.CORES: Drawn.CORES,
    Unit.YES_NO: Drawn.COUNT,
}
CLASSES: Final = {Colour.GOOD: "good", Colour.WARNING: "warning", Colour.BAD: "bad"}
OWN_STYLE: Final = (
    "text { fill: #24292f } .faint { fill: #57606a } .box { fill: none; stroke: #d0d7de }"
    " .good { fill: #15803d } .warning { fill: #b45309 } .bad { fill: #c81e1e } .paper { fill: #fff }"
    " @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .faint { fill: #9da7b1 }"
    " .box { stroke: #30363d } .good { fill: #3fb950 } .warning { fill: #e3a008 } .bad { fill: #ff6b6b }"
    " .paper { fill: #0d1117 } }"
)

Answers = Mapping[Query, Sequence[Series]]
_Make = Callable[[Panel, int], str]


async def ask(
    dashboard: Dashboard, found: Prometheus, start_s: float, end_s: float, *, window_s: float, step_s: float
) -> Answers:
    """Ask every query of a dashboard over a stretch of time; rates over `window_s`."""
    answers = {}
    for panel in dashboard.panels:
        for query in panel.queries:
            concrete = query.concrete(window_s, end_s - start_s)
            answers[query] = await found.query_range(concrete, start_s, end_s, step_s)
    return answers


def draw_dashboard(
    dashboard: Dashboard, answers: Answers, start_s: float, end_s: float, facts: Sequence[str]
) -> str:
    """Return the SVG document; `facts` (when, where, how) stand below its title, a line each."""
    parts: list[str] = []
    y = PADDING + HEADER_LINE * (len(facts) + 2)
    for section in dashboard.sections:
        y += 16
        parts.append(_text(PADDING, y, section.title, size=14, weight=600))
        y += 10
        stats = [panel for panel in section.panels if panel.kind is Kind.STAT]
        charts = [panel for panel in section.panels if panel.kind is Kind.SERIES]
        for row in _rows(stats, STATS_IN_ROW):
            parts += _place(
                row, STATS_IN_ROW, y, STAT_HEIGHT, lambda panel, width: _stat(panel, answers, width)
            )
            y += STAT_HEIGHT + PADDING
        for row in _rows(charts, CHARTS_IN_ROW):
            parts += _place(
                row,
                CHARTS_IN_ROW,
                y,
                CHART_HEIGHT,
                lambda panel, width: _chart(panel, answers, width, start_s, end_s),
            )
            y += CHART_HEIGHT + PADDING
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{escape(dashboard.title)}: {escape(LABEL)}</title><style>{OWN_STYLE} {STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{y}"/>',
        _text(PADDING, PADDING + HEADER_LINE - 4, dashboard.title, size=17, weight=600),
        _text(WIDTH - PADDING, PADDING + HEADER_LINE - 4, LABEL, size=13, anchor="end"),
    ]
    for number, fact in enumerate(facts):
        at = PADDING + HEADER_LINE * (number + 2) - 4
        head.append(_text(PADDING, at, fact, faint=True))
    return "\n".join([*head, *parts, "</svg>", ""])


def _rows(panels: Sequence[Panel], most: int) -> list[Sequence[Panel]]:
    return [panels[first : first + most] for first in range(0, len(panels), most)]


def _place(row: Sequence[Panel], columns: int, y: int, height: int, make: _Make) -> list[str]:
    """Return the panels of a row side by side, each in its box."""
    width = (WIDTH - PADDING * (columns + 1)) // columns
    placed = []
    for number, panel in enumerate(row):
        x = PADDING + number * (width + PADDING)
        placed.append(
            f'<g transform="translate({x} {y})"><rect class="box" width="{width}" height="{height}" rx="5"/>'
            f"{make(panel, width)}</g>"
        )
    return placed


def _chart(panel: Panel, answers: Answers, width: int, start_s: float, end_s: float) -> str:
    lines = [
        Line(legend_of(query, series.labels), _thinned(series, start_s))
        for query in panel.queries
        for series in answers[query]
    ]
    limit = panel.thresholds[-1].value if panel.thresholds else None
    chart = Chart(panel.title, UNITS[panel.unit], lines, gap_s=(end_s - start_s) / 10, limit=limit)
    return draw(chart, width=width, height=CHART_HEIGHT, seconds=end_s - start_s)


def _thinned(series: Series, start_s: float) -> list[tuple[float, float]]:
    points = [(at_s - start_s, value) for at_s, value in series.points if math.isfinite(value)]
    return points[:: max(1, math.ceil(len(points) / POINTS_MAX))]


def _stat(panel: Panel, answers: Answers, width: int) -> str:
    values = [series.points[-1][1] for query in panel.queries for series in answers[query] if series.points]
    said, colour = ("no figures", "faint") if not values else _said(panel, values[0])
    return _text(12, 22, panel.title) + (
        f'<text class="{colour}" x="12" y="58" font-size="26" font-weight="600">{escape(said)}</text>'
    )


def _said(panel: Panel, value: float) -> tuple[str, str]:
    colour = panel.floor if panel.thresholds else None
    for step in panel.thresholds:
        colour = step.colour if value >= step.value else colour
    said = ("yes" if value else "no") if panel.unit is Unit.YES_NO else figure(value, UNITS[panel.unit])
    return said, CLASSES[colour] if colour else "plain"


def _text(
    x: int,
    y: int,
    words: str,
    *,
    size: int = 12,
    weight: int = 400,
    anchor: str = "start",
    faint: bool = False,
) -> str:
    style = ' class="faint"' if faint else ""
    return (
        f'<text{style} x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}">'
        f"{escape(words)}</text>"
    )

"""Charts of figures over time, as SVG that any browser shows without a script, in light and in dark.

Owns scales, lines, legends and the writing of figures with their units. Must not know where figures come
from. Invariants: a stretch without figures is a gap, never a line across it; lines are told apart by their
dashes too, not by colour alone; every text is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import Enum
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

COLOURS: Final = (
    "#2f6fdb", "#c2570c", "#15803d", "#d12f2f", "#8b5cf6", "#0e8a93", "#c0368a", "#7a7f1d",
)  # fmt: skip
DASHES: Final = ("", "6 3", "2 3", "8 3 2 3")
LINES_MAX: Final = len(COLOURS)
LEFT: Final = 58
TOP: Final = 30
LEGEND_ROW: Final = 16
GLYPH: Final = 6.8
"""Width of a letter of the legend, about."""
STYLE: Final = (
    ".chart text { fill: #24292f } .chart .faint { fill: #57606a } .chart .grid { stroke: #d0d7de }"
    " @media (prefers-color-scheme: dark) { .chart text { fill: #e6edf3 } .chart .faint { fill: #9da7b1 }"
    " .chart .grid { stroke: #30363d } }"
)
"""What a document with charts says of their colours."""


class Unit(Enum):
    """What a figure is of."""

    COUNT = ""
    PER_SECOND = "/s"
    SECONDS = "s"
    SHARE = "%"
    BYTES = "B"
    BYTES_PER_SECOND = "B/s"
    CORES = "cores"


class Line(NamedTuple):
    """One line: moments (seconds from the start, rising) and figures."""

    name: str
    points: Sequence[tuple[float, float]]


class Chart(NamedTuple):
    """What one chart shows. `gap_s`: points further apart than this are not joined."""

    title: str
    unit: Unit
    lines: Sequence[Line]
    gap_s: float = 2.5
    limit: float | None = None
    """A level that matters, drawn across if it lies within the scale."""


def figure(value: float, unit: Unit) -> str:
    """Return a figure as it is read: 0.0123 s is 12.3 ms, 0.5 of all is 50 %."""
    if unit is Unit.SECONDS:
        return f"{_short(value * 1_000)} ms" if abs(value) < 1 else f"{_short(value)} s"
    if unit is Unit.SHARE:
        return f"{_short(value * 100)} %"
    if unit in (Unit.BYTES, Unit.BYTES_PER_SECOND):
        for factor, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= factor:
                return f"{_short(value / factor)} {name}{unit.value}"
        return f"{_short(value)} {unit.value}"
    return _short(value) + unit.value if unit is Unit.PER_SECOND else f"{_short(value)} {unit.value}".strip()


def _short(value: float) -> str:
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def draw(chart: Chart, *, width: int, height: int, seconds: float) -> str:
    """Return the chart as a group of its own size, to be put into an SVG document with `STYLE`."""
    lines = [line for line in chart.lines if line.points]
    kept, left_out = _largest(lines), len(lines) - LINES_MAX
    legend = list(_legend_rows(kept, width))
    floor_y = height - 20 - LEGEND_ROW * max(1, len(legend))
    parts = ['<g class="chart" font-family="system-ui, sans-serif" font-size="12">']
    parts.append(f'<text x="4" y="16" font-weight="600">{escape(chart.title)}</text>')
    if not kept:
        parts.append(f'<text class="faint" x="{LEFT}" y="{(TOP + floor_y) // 2}">no figures</text>')
        return "".join([*parts, "</g>"])
    top = _top(max(value for line in kept for _, value in line.points))
    scale = _Scale(width - 12, floor_y, max(seconds, 1e-9), top)
    parts += _grid(scale, chart.unit)
    if chart.limit is not None and chart.limit <= top:
        y = scale.y(chart.limit)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{scale.right}" stroke="#d12f2f" stroke-dasharray="1 4"/>')
    for number, line in enumerate(kept):
        for stretch in _stretches(line.points, chart.gap_s):
            parts.append(_stroke(scale, number, stretch))
    parts += _legend(kept, legend, floor_y + 32)
    if left_out > 0:
        parts.append(f'<text class="faint" x="{width - 70}" y="16">+ {left_out} more</text>')
    return "".join([*parts, "</g>"])


def _largest(lines: Sequence[Line]) -> Sequence[Line]:
    """Return the lines that are drawn: those with the highest peaks, in the order in which they came."""
    by_peak = sorted(lines, key=lambda line: max(value for _, value in line.points), reverse=True)
    return [line for line in lines if line in by_peak[:LINES_MAX]]


class _Scale(NamedTuple):
    right: int
    floor: int
    seconds: float
    top: float

    def x(self, at_s: float) -> float:
        return LEFT + (self.right - LEFT) * min(max(at_s / self.seconds, 0.0), 1.0)

    def y(self, value: float) -> float:
        return self.floor - (self.floor - TOP) * max(value, 0.0) / self.top


def _top(most: float) -> float:
    """Return the end of the scale: the next 1, 2, 2.5 or 5 of its power of ten."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= most * 0.999)


def _grid(scale: _Scale, unit: Unit) -> Iterator[str]:
    ticks = 4 if f"{scale.top:e}".startswith("2.0") else 5  # so that each is a round number
    for tick in range(ticks + 1):
        value = scale.top * tick / ticks
        y = scale.y(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{scale.right}"/>'
        words = escape(_short(value) if unit is Unit.CORES else figure(value, unit))
        yield f'<text class="faint" x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" font-size="10">'
        yield f"{words}</text>"
    for share in (0.0, 0.5, 1.0):
        at = scale.x(share * scale.seconds)
        anchor = ("start", "middle", "end")[round(share * 2)]
        yield (
            f'<text class="faint" x="{at:.1f}" y="{scale.floor + 14}" text-anchor="{anchor}"'
            f' font-size="10">{share * scale.seconds:.0f} s</text>'
        )


def _stretches(points: Sequence[tuple[float, float]], gap_s: float) -> Iterator[list[tuple[float, float]]]:
    """Yield runs of points that are near enough to be joined."""
    stretch = [points[0]]
    for before, after in pairwise(points):
        if after[0] - before[0] > gap_s:
            yield stretch
            stretch = []
        stretch.append(after)
    yield stretch


def _stroke(scale: _Scale, number: int, points: Sequence[tuple[float, float]]) -> str:
    colour = COLOURS[number]
    if len(points) == 1:
        ((at_s, value),) = points
        return f'<circle cx="{scale.x(at_s):.1f}" cy="{scale.y(value):.1f}" r="1.5" fill="{colour}"/>'
    path = "L".join(f"{scale.x(at_s):.1f} {scale.y(value):.1f}" for at_s, value in points)
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"{_dash(number)}/>'


def _dash(number: int) -> str:
    dash = DASHES[number % len(DASHES)]
    return f' stroke-dasharray="{dash}"' if dash else ""


def _legend_rows(lines: Sequence[Line], width: int) -> Iterator[list[tuple[int, float]]]:
    """Yield rows of (line, x): as many names in a row as have room."""
    row: list[tuple[int, float]] = []
    x = float(LEFT)
    for number, line in enumerate(lines):
        room = 30 + GLYPH * len(line.name)
        if row and x + room > width:
            yield row
            row, x = [], float(LEFT)
        row.append((number, x))
        x += room
    if row:
        yield row


def _legend(lines: Sequence[Line], rows: Sequence[Sequence[tuple[int, float]]], y: int) -> Iterator[str]:
    for index, row in enumerate(rows):
        at = y + LEGEND_ROW * index
        for number, x in row:
            yield (
                f'<path d="M{x:.0f} {at - 4}h18" stroke="{COLOURS[number]}" stroke-width="2"{_dash(number)}/>'
                f'<text x="{x + 22:.0f}" y="{at}" font-size="11">{escape(lines[number].name)}</text>'
            )

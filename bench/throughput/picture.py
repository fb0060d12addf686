"""One picture of a run: the rate of every lane as a bar, with its least and most, and the CPU it costs.

Owns the drawing, as plain SVG text that any browser shows, in light and dark. Must not know goals.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from bench.throughput.rounds import Spread

WIDTH: Final = 960
LEFT: Final = 310
RIGHT: Final = 280
ROW: Final = 30
BAR: Final = 16
TOP: Final = 44
COLOURS: Final = {"echo": "#9aa5b1", "Postgres": "#5b8def", "switch": "#1f9d55", "naive": "#d9822b"}
OTHER_COLOUR: Final = "#d9822b"


class Bar(NamedTuple):
    """One lane: its name, rate, and what a request costs in words."""

    name: str
    rate: Spread
    cost: str


def draw(title: str, bars: Sequence[Bar]) -> str:
    """Return the SVG document."""
    scale = (WIDTH - LEFT - RIGHT) / max(bar.rate.most for bar in bars)
    height = TOP + ROW * len(bars) + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        "<style>text { fill: #222 } .whisker { stroke: #222 }"
        " @media (prefers-color-scheme: dark) { text { fill: #ddd } .whisker { stroke: #ddd } }</style>",
        f'<text x="8" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars):
        lines += _bar(bar, TOP + ROW * number, scale)
    return "\n".join([*lines, "</svg>", ""])


def _bar(bar: Bar, y: int, scale: float) -> list[str]:
    middle = y + BAR / 2
    text_y = y + BAR - 3
    end = LEFT + bar.rate.most * scale
    return [
        f'<text x="{LEFT - 8}" y="{text_y}" text-anchor="end">{escape(bar.name)}</text>',
        f'<rect x="{LEFT}" y="{y}" width="{bar.rate.median * scale:.1f}" height="{BAR}" rx="2"'
        f' fill="{_colour(bar.name)}"/>',
        f'<line class="whisker" x1="{LEFT + bar.rate.least * scale:.1f}" y1="{middle}" x2="{end:.1f}"'
        f' y2="{middle}"/>',
        f'<text x="{end + 8:.1f}" y="{text_y}">{bar.rate.median:,.0f}/s · {escape(bar.cost)}</text>',
    ]


def _colour(name: str) -> str:
    return next((colour for word, colour in COLOURS.items() if name.startswith(word)), OTHER_COLOUR)

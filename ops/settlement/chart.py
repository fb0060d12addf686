"""The chart of a statement's days, as SVG: two bars a day, points awarded and points spent.

Owns the drawing. Must not know a document's words: what the chart says stands in its alternative text. What
was taken back makes a day negative; then it hangs below the line.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from typing import Final

from ledger.settlement.statement import Day

WIDTH: Final = 640
HEIGHT: Final = 180
_FOOT: Final = 18
AWARDED: Final = "#1f5f8b"
SPENT: Final = "#c2571a"


def chart_of(month: str, days: Sequence[Day]) -> str:
    """Return the SVG of a month's days."""
    year, of_year = map(int, month.split("-"))
    count = monthrange(year, of_year)[1]
    shown = {day.date.day: day for day in days if (day.date.year, day.date.month) == (year, of_year)}
    values = [value for day in shown.values() for value in (day.points_issued, day.points_redeemed)]
    top, bottom = max((*values, 1)), min((*values, 0))
    scale = (HEIGHT - _FOOT - 4) / (top - bottom)
    zero, step = 2 + top * scale, WIDTH / count
    marks = [f'<line x1="0" y1="{zero:.1f}" x2="{WIDTH}" y2="{zero:.1f}" stroke="#444" stroke-width="1"/>']
    for number in range(1, count + 1):
        left = (number - 1) * step
        if number in {1, count} or number % 5 == 0:
            marks.append(
                f'<text x="{left + step / 2:.1f}" y="{HEIGHT - 4}" font-size="11" '
                f'text-anchor="middle">{number}</text>'
            )
        if day := shown.get(number):
            for place, value, colour in (
                (0.1, day.points_issued, AWARDED),
                (0.5, day.points_redeemed, SPENT),
            ):
                height = abs(value) * scale
                above = zero - height if value > 0 else zero
                marks.append(
                    f'<rect x="{left + place * step:.1f}" y="{above:.1f}" width="{0.4 * step:.1f}" '
                    f'height="{height:.1f}" fill="{colour}"/>'
                )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Libertinus Serif">{"".join(marks)}</svg>'
    )

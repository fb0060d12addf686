"""Percentiles of a few hundred measured times, and the table they are printed in.

Owns the arithmetic; knows nothing of what was measured. A percentile is the nearest rank: a value that really
occurred, never one between two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

COLUMNS: Final = ("count", "min", "p50", "p95", "p99", "max")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile (0 < percent <= 100) of at least one value."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def table(rows: dict[str, Sequence[float]], unit: str) -> list[str]:
    """Return the lines of a Markdown table, one row per name, all values in `unit` with one decimal."""
    width = max(map(len, rows))
    lines = [
        f"| {unit:<{width}} | " + " | ".join(f"{column:>7}" for column in COLUMNS) + " |",
        f"| {'-' * width} | " + " | ".join(f"{'-' * 6}:" for _ in COLUMNS) + " |",
    ]
    for name, values in rows.items():
        cells = [min(values), *(percentile(values, percent) for percent in (50, 95, 99)), max(values)]
        shown = [f"{len(values):>7}", *(f"{cell:>7.1f}" for cell in cells)]
        lines.append(f"| {name:<{width}} | " + " | ".join(shown) + " |")
    return lines

"""What the terminals saw of a load test: Locust's own figures, read from the file it leaves.

Owns the reading of `…_stats_history.csv`. Must not know the switch. Invariant: what Locust
did not leave (it was ended before it wrote) is missing, never a figure.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.charts import Chart, Line, Unit

TOTAL: Final = "Aggregated"
WINDOW_S: Final = 10
"""Locust's percentiles of a moment are of about the last ten seconds."""

Row = Mapping[str, str]


def read_rows(path: Path) -> list[Row]:
    """Return the lines of Locust's file; none where there is no file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []


def charts_of(history: Sequence[Row], began_s: float) -> list[Chart]:
    """Return the charts of the terminals' side; `began_s` is the Unix time of the start."""
    total = [row for row in history if row["Name"] == TOTAL]

    def line(name: str, column: str, scale: float = 1.0) -> Line:
        found = [(float(row["Timestamp"]) - began_s, _number(row[column])) for row in total]
        return Line(name, [(at_s, value * scale) for at_s, value in found if value is not None and at_s >= 0])

    return [
        Chart(
            "Requests and failures a second",
            Unit.PER_SECOND,
            [line("requests", "Requests/s"), line("failures", "Failures/s")],
        ),
        Chart(
            f"Response time at the terminals (of about {WINDOW_S} s each)",
            Unit.SECONDS,
            [line("p50", "50%", 0.001), line("p95", "95%", 0.001), line("p99", "99%", 0.001)],
        ),
        Chart("Terminals at work", Unit.COUNT, [line("terminals", "User Count")]),
    ]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # Locust writes N/A where nothing was asked
        return None

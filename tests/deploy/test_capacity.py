"""The capacity page: what it computes follows from the figures it cites, and it cites where they stand."""

import re
from pathlib import Path

from switch.config import Config
from switch.process.worker import database_connections

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/reference/capacity.md").read_text(encoding="utf-8")


def figure(row: str) -> list[float]:
    """The figures of a row of the first table."""
    (found,) = re.findall(rf"^\| {row}[^|]*\| ([^|]*) \|", PAGE, re.MULTILINE)
    return [float(text.replace(",", "")) for text in re.findall(r"[\d,.]+", found)]


def result(row: str) -> float:
    """What a row of the example comes to."""
    (found,) = re.findall(rf"^\| {row} \|[^|]*\| ([\d,.]+)", PAGE, re.MULTILINE)
    return float(found.replace(",", ""))


def test_every_figure_says_where_it_was_measured() -> None:
    """A row names a section and a commit, or a command and a day."""
    table = PAGE.partition("## Figures")[2].partition("##")[0]
    rows = [row.split("|")[1:-1] for row in table.splitlines() if row.startswith("| ")][2:]
    assert len(rows) >= 12
    known = re.compile(r"[0-9a-f]{7}\b|ops\.deploy\.measure_bytes|^ the same $")
    assert [row for row in rows if len(row) != 3 or not known.search(row[2])] == []


def test_what_is_computed_follows_from_the_figures() -> None:
    """Transactions a core, cards in a GiB, and every line of the example."""
    base = figure("memory of a worker that serves")[0] - 50_000 * figure("memory of a card more")[0] / 2**20
    assert round(base) == 72
    card, connection = figure("memory of a card more")[0], figure("memory of an idle connection")[0] * 1_024
    assert round((1_024 - 72) * 2**20 / card / 1e6, 1) == 5.7
    for row, rate in {
        "an earn, flat out": "14,749",
        "a benefit use": "8,811",
        "three cities' mix": "9,643",
    }.items():
        switch, postgres = figure(f"CPU of {row}")[-2:]
        assert f"{1_000_000 / (switch + postgres):,.0f}" == rate
        assert f"= {rate}" in PAGE
    alone = sum(figure("CPU of an earn, one terminal alone"))
    assert round(alone, -1) == 1_280
    assert result("memory of a worker") == round(72 + (50_000 * card + 300 * connection) / 2**20)
    assert result("CPU at the peak") == 50 * 1_280 / 1e6
    zgierz, log = figure("disk of the books")[-1], figure("log .WAL. of the same")[-1]
    assert result("books, a year") == round(150_000 * 365 * zgierz / 1e9, 1)
    assert result("log to archive, a year") == round(150_000 * 365 * log / 1e9, 1)
    assert result("connections of Postgres") == 2 * database_connections(Config())

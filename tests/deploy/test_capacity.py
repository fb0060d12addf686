"""The capacity page: what it computes follows from the figures it cites, and it cites where they stand."""

import re
from pathlib import Path

from ledger.postgres.database import Connection, Database
from ledger.postgres.server_facts import Sizes, read_sizes
from ops.deploy.measure_bytes import compared, plan_of
from simulators.city.example import CITIES
from simulators.fleet.fleet import population_of
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
    assert round((1_024 - 72) * 2**20 / card / 1e6, 1) == 25.6
    for row, rate in {
        "an earn, flat out": "14,925",
        "a benefit use": "10,707",
        "three cities' mix": "11,274",
    }.items():
        switch, postgres = figure(f"CPU of {row}")[-2:]
        assert f"{1_000_000 / (switch + postgres):,.0f}" == rate
        assert f"= {rate}" in PAGE
    alone = sum(figure("CPU of an earn, one terminal alone"))
    assert round(alone) == 792
    assert result("memory of a worker") == round(72 + (50_000 * card + 300 * connection) / 2**20)
    assert result("CPU at the peak") == round(50 * 792 / 1e6, 3)
    zgierz, log = figure("disk of the books")[-1], figure("log .WAL. of the same")[-1]
    assert result("books, a year") == round(150_000 * 365 * zgierz / 1e9, 1)
    assert result("log to archive, a year") == round(150_000 * 365 * log / 1e9, 1)
    assert result("connections of Postgres") == 2 * database_connections(Config())


async def test_sizes_are_read_and_compared(database: Database) -> None:
    """The service's own role may read them; what was added is told by row of the journal."""

    async def job(connection: Connection) -> Sizes:
        return await read_sizes(connection)

    before = await database.run(job)
    assert before.journal_rows == before.postings == 0
    assert before.wal_bytes > 0
    assert before.books_bytes > 0
    after = Sizes(before.wal_bytes + 7_000, before.books_bytes + 4_000, 10, 12)
    found = compared("zgierz", before, after)
    assert (found.journal_rows, found.postings_a_row) == (10, 1.2)
    assert (found.books_bytes_a_row, found.wal_bytes_a_row) == (400.0, 700.0)


def test_each_city_trades_as_often_as_was_said(tmp_path: Path) -> None:
    """A plan is one of the city's own terminals, and ends by its count."""
    for city in CITIES:
        plan = plan_of(tmp_path, 7, city, 30_000)
        assert population_of(plan).terminals >= plan.terminals > 0
        assert plan.transactions_max * plan.terminals <= 30_000

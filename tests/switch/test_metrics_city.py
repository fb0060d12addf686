"""The city's figures in the elected worker: told while it is elected, each by itself, never in the way."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog

from ledger.books import gauges
from ledger.books.gauges import GAUGES
from ledger.books.verify_window import WINDOWED
from ledger.postgres.database import Connection, Database
from switch.metrics import Meters, Metric
from switch.metrics import city_catalogue as of
from switch.process.city import City
from tests.ledger.books import Books
from tests.patience import HANG_S

CITY = "czestochowa"


class Elected:
    """A city's figures, and whether its worker is elected."""

    def __init__(self, database: Database) -> None:
        self.meters = Meters()
        self.is_elected = True
        self.city = City(self.meters, lambda: self.is_elected)
        self._session = database.session()

    async def do(self, *names: str) -> None:
        """Do some of the jobs, as the keeper does: on one session."""
        for job in self.city.jobs:
            if job.name in names or not names:
                await self._session.run(job.work, timeout_s=HANG_S)

    def read(self, metric: Metric) -> Any:
        return self.meters.readings[metric]()


@pytest.fixture
async def books(owner: Database, database: Database) -> Books:
    books = await Books.open(owner, database, cards=2)
    await books.post_all([books.earn(1, 300), books.earn(2, 5, card=1)])
    return books


@pytest.fixture
def elected(database: Database, monkeypatch: pytest.MonkeyPatch) -> Elected:
    """No figure is given up because the machine is slow."""
    monkeypatch.setattr(gauges, "LIMIT_MS", 0)
    return Elected(database)


async def test_figures_are_told_while_elected(books: Books, elected: Elected) -> None:
    """Nothing before the first reading, all after it, and nothing where another worker is elected."""
    own = (of.CARDS, of.UNITS_OUTSTANDING, of.TERMINALS, of.INVARIANT_HOLDS, of.VERIFY_LAST_SUCCESS)
    assert [elected.read(metric) for metric in own] == [None] * len(own)
    await elected.do()
    assert elected.read(of.CARDS) == {(CITY, "active"): 2}
    assert elected.read(of.UNITS_OUTSTANDING) == elected.read(of.UNITS_ISSUED) == {(CITY, "points"): 305}
    assert elected.read(of.UNITS_USED)[CITY, "uses"] == 0
    assert elected.read(of.INVARIANT_HOLDS) == {(name,): 1 for name in WINDOWED}
    assert elected.read(of.VERIFY_LAST_SUCCESS) > 1_700_000_000
    elected.is_elected = False
    assert [elected.read(metric) for metric in own] == [None] * len(own)


@pytest.mark.parametrize("query", ["select 1 / 0", "select 'a', 'b', 0 from pg_sleep(60)", "select 1"])
async def test_a_figure_that_fails_is_not_there_and_stops_no_other(
    books: Books, elected: Elected, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Refused, too slow, or not what was thought: that figure is absent and counted, the session is as good
    as before, and the next time it is there again.
    """
    await elected.do("figures")
    with monkeypatch.context() as broken:
        broken.setattr(gauges, "LIMIT_MS", 5_000)  # the others have it, too
        broken.setitem(GAUGES, "units", query)  # type: ignore[arg-type]
        await elected.do("figures")
    assert elected.read(of.UNITS_ISSUED) is elected.read(of.UNITS_USED) is None
    assert elected.read(of.TERMINALS) == {(CITY, "active"): 2, (CITY, "blocked"): 0}
    assert elected.read(of.CITY_ERRORS) == 1
    await elected.do("figures")
    assert elected.read(of.UNITS_ISSUED) == {(CITY, "points"): 305}


async def test_a_broken_invariant_stays_told(owner: Database, books: Books, elected: Elected) -> None:
    """Found once, it is 0 for good, with an example in the log; the time of the last success stands still."""
    await elected.do("verify")
    verified_s = elected.read(of.VERIFY_LAST_SUCCESS)

    def writes(by: int) -> Callable[[Connection], Any]:
        return lambda c: c.execute("update ledger.account set balance = balance + $1", by)

    await owner.run(writes(1))
    with structlog.testing.capture_logs() as logs:
        await elected.do("verify")
    await owner.run(writes(-1))
    await elected.do("verify")
    holds = elected.read(of.INVARIANT_HOLDS)
    assert [name for (name,), value in holds.items() if not value] == [WINDOWED[0]]
    assert elected.read(of.VERIFY_LAST_SUCCESS) == verified_s
    told = [line for line in logs if line["event"] == "invariant_broken"]
    assert [(line["invariant"], line["example"][:8]) for line in told] == [(WINDOWED[0], "account ")]

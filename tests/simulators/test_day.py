"""A day of the simulated city against the real switch: what terminals were told stands in the books.

The terminals trade as fast as they go, one request in five is cut off, and the auditor compares afterwards.
One process and few transactions; long runs are `make load`'s.
"""

from pathlib import Path

import msgspec
import pytest
import trio

from ledger.books.verify import verify
from ledger.postgres.database import Connection, Database
from ledger.registry.secrets import MasterKey
from simulators.audit.auditor import audit
from simulators.audit.differences import AuditResult, Difference
from simulators.city.places import PLACES
from simulators.city.seeding import seed_city
from simulators.city.trade import MIXES
from simulators.fleet.fleet import audit_log_path, population_of, run_fleet
from simulators.fleet.report import FleetPlan, FleetReport
from switch.config import Config
from switch.process.ports import reserve_port
from switch.process.worker import Worker
from tests.patience import UNHURRIED
from tests.postgres import FreshDatabase


async def trade(fresh: FreshDatabase, owner: Database, directory: Path, plan: FleetPlan) -> FleetReport:
    """Seed the city, run one worker, let the fleet trade against it, and stop it."""
    master = MasterKey.create(directory / "master.key")
    await seed_city(owner, population_of(plan), master)
    reserved = reserve_port("127.0.0.1", 0)
    port = reserved.getsockname()[1]
    settings = {"listen_port": port, "http_port": 0, "dsn": fresh.service_dsn, "log_level": "warning"}
    config = msgspec.convert(settings | UNHURRIED, Config)
    stop, ready = trio.Event(), trio.Event()
    with reserved:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Worker(config, 0, master).run, stop, lambda _: ready.set())
            await ready.wait()
            report = await run_fleet(msgspec.structs.replace(plan, address=f"127.0.0.1:{port}"))
            stop.set()
    return report


@pytest.fixture(params=[place.programme for place in PLACES.values()], ids=list(MIXES))
def plan(tmp_path: Path, request: pytest.FixtureRequest) -> FleetPlan:
    return FleetPlan(
        seed="a day",
        programme=request.param,
        mix=MIXES[PLACES[request.param].code],
        address="",
        state_dir=str(tmp_path / "terminals"),
        cards=500,
        partners=20,
        terminals=20,
        transactions_max=30,
        duration_s=3_600,
        cut_off_share=0.2,
    )


async def audited(database: Database, plan: FleetPlan) -> AuditResult:
    return await audit(database, [audit_log_path(plan)])


async def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(
    fresh: FreshDatabase, owner: Database, database: Database, plan: FleetPlan, tmp_path: Path
) -> None:
    """After a day of cut-offs all is settled and books and terminals agree; until they are tampered with."""
    report = await trade(fresh, owner, tmp_path, plan)
    assert report.is_settled, (report.unexpected_examples, report.remaining, report.totals_differed)
    assert report.totals_agreed == 20
    assert report.repeats > 10
    assert report.given_up > 10
    result = await audited(database, plan)
    assert result.is_clean, result.lines()
    assert result.unsettled == 0
    assert result.approved > 100
    assert result.benefits > 3
    assert result.refunds > 0
    assert result.told_sums == result.posted_sums
    assert result.posted_sums.grosze > 0
    assert [finding for finding in await database.run(verify) if finding.count] == []

    gives_points = result.posted_sums.points != 0
    await owner.run(tamper_with_points if gives_points else tamper_with_benefits)
    assert set((await audited(database, plan)).differences) >= (
        {
            Difference.BALANCE_DIFFERS,
            Difference.FIGURES_DIFFER,
            Difference.APPROVAL_NOT_POSTED,
            Difference.POSTING_WITHOUT_JOURNAL,
            Difference.POSTING_INVALID,
            Difference.BOOKS_UNBALANCED,
        }
        if gives_points
        else {
            Difference.QUOTA_DIFFERS,
            Difference.USES_DIFFER,
            Difference.DISCOUNT_DIFFERS,
            Difference.FIGURES_DIFFER,
            Difference.SUMS_DIFFER,
        }
    )


async def tamper_with_points(connection: Connection) -> None:
    """Change a balance, a journal row and the postings."""
    await connection.execute("update ledger.account set balance = balance + 1 where balance > 10")
    await connection.execute("update ledger.journal set points = points + 1 where points > 10")
    await connection.execute(
        "delete from ledger.posting where transaction_id = "
        "(select min(transaction_id) from ledger.posting where unit = 0)"
    )
    await connection.execute(
        "insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points) "
        "values (0, 1, 7, 9, 16, 5), (0, 2, 7, 9, 9, 5)"
    )


async def tamper_with_benefits(connection: Connection) -> None:
    """Change a quota, a discount told, a discount posted and a use."""
    await connection.execute("update ledger.quota set balance = balance - 1")
    await connection.execute(
        "update ledger.journal set discount_grosze = discount_grosze + 1 "
        "where discount_grosze > 0 and kind = 8"
    )
    await connection.execute("delete from ledger.posting where unit = 1 and credit & 7 = 4")

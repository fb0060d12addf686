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
from simulators.audit.auditor import AuditResult, Difference, audit
from simulators.city.seeding import seed_city
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


@pytest.fixture
def plan(tmp_path: Path) -> FleetPlan:
    return FleetPlan(
        seed="a day",
        address="",
        state_dir=str(tmp_path / "terminals"),
        cards=500,
        partners=20,
        terminals=20,
        transactions_max=30,
        duration_s=60,
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
    assert result.approved > 300
    assert [finding for finding in await database.run(verify) if finding.count] == []

    async def tamper(connection: Connection) -> None:
        await connection.execute("update ledger.account set balance = balance + 1 where balance > 10")
        await connection.execute("update ledger.journal set points = points + 1 where points > 10")
        await connection.execute(
            "delete from ledger.posting where transaction_id = "
            "(select min(transaction_id) from ledger.posting)"
        )
        await connection.execute(
            "insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points) "
            "values (0, 1, 7, 9, 16, 5), (0, 2, 7, 9, 9, 5)"
        )

    await owner.run(tamper)
    assert set((await audited(database, plan)).differences) >= {
        Difference.BALANCE_DIFFERS,
        Difference.FIGURES_DIFFER,
        Difference.APPROVAL_NOT_POSTED,
        Difference.POSTING_WITHOUT_JOURNAL,
        Difference.POSTING_INVALID,
        Difference.BOOKS_UNBALANCED,
    }

"""Periodic work: one of all workers does it, another one when that is gone, and one job stops no other."""

from pathlib import Path
from typing import Any

import pytest
import structlog.testing
import trio

from ledger.books import gauges
from ledger.books.rollup import roll_up
from ledger.books.statements import partner_balance
from ledger.errors import StatementRefused
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.session import Session
from ledger.registry.keys import issue_key, list_keys, retire_expired_keys
from ledger.registry.secrets import MasterKey
from switch.metrics import Meters, Metric
from switch.metrics import city_catalogue as of
from switch.process.campaigns import Campaigns
from switch.process.city import City
from switch.process.expiry import Expiry
from switch.process.job import Job
from switch.process.keeper import JOBS, Keeper, roll_up_balances
from tests.ledger.books import NOW_MS, PARTNER, TESTER, Books
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S
from tests.switch.city import seed


class Work:
    """Counts how often each job was done; one of them fails."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def jobs(self, every_s: float) -> tuple[Job, ...]:
        async def fail(_: Connection) -> None:
            self.done.append("failing")
            raise StatementRefused("of no use", "22000")

        async def count(connection: Connection) -> None:
            await connection.execute("select 1")
            self.done.append("counting")

        return Job("failing", every_s, fail), Job("counting", every_s, count)


class Pair:
    """Two keepers of two workers, on one database."""

    def __init__(self, database: Database, every_s: float) -> None:
        self.works = Work(), Work()
        self.sessions: tuple[Session, Session] = (database.session(), database.session())
        self.meters = Meters(), Meters()
        self.keepers = [
            Keeper(session, meters, work.jobs(every_s))
            for session, meters, work in zip(self.sessions, self.meters, self.works, strict=True)
        ]

    def read(self, worker: int, metric: Metric) -> Any:
        return self.meters[worker].readings[metric]()


async def test_one_worker_does_the_work(database: Database) -> None:
    """The first to stand for election does all jobs, at once and when they are due; the other does none."""
    pair = Pair(database, every_s=3_600)
    for _ in range(3):
        for keeper in pair.keepers:
            await keeper.tick()
    assert pair.works[0].done == ["failing", "counting"]
    assert pair.works[1].done == []
    assert (pair.read(0, of.KEEPER_ELECTED), pair.read(1, of.KEEPER_ELECTED)) == (1, 0)


async def test_another_worker_takes_over(database: Database) -> None:
    """The elected worker's session is gone: the other one does the work; the first, come back, does not."""
    pair = Pair(database, every_s=0)
    await pair.keepers[0].tick()
    pair.sessions[0].terminate()
    with trio.fail_after(HANG_S):
        while not pair.works[1].done:  # the server has to notice
            await pair.keepers[1].tick()
    before = len(pair.works[0].done)
    await pair.keepers[0].tick()
    assert len(pair.works[0].done) == before
    assert (pair.read(0, of.KEEPER_ELECTED), pair.read(1, of.KEEPER_ELECTED)) == (0, 1)


async def test_a_job_that_fails_lags_and_stops_no_other(database: Database) -> None:
    """Each job has its own lag, from its last success; the time of that is told, too."""
    pair = Pair(database, every_s=0)
    for _ in range(2):
        await pair.keepers[0].tick()
    assert pair.works[0].done == ["failing", "counting"] * 2
    lags_s = pair.read(0, of.KEEPER_LAG)  # both of one moment
    assert lags_s["failing",] > lags_s["counting",] >= 0
    assert set(pair.read(0, of.KEEPER_LAST_SUCCESS)) == {("counting",)}


EVERY_JOB = (*JOBS, Expiry().job, Campaigns(Meters()).job, *City(Meters(), lambda: True).jobs)
LOCK_ALL = """begin; do $$ declare found regclass; begin
  for found in select oid from pg_class where relkind in ('r', 'p')
      and relnamespace in ('ledger'::regnamespace, 'registry'::regnamespace, 'people'::regnamespace) loop
    execute format('lock table %s in access exclusive mode', found);
  end loop; end $$"""
WAITS = "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1"


@pytest.mark.usefixtures("patient_locks")
@pytest.mark.parametrize("job", EVERY_JOB, ids=lambda job: job.name)
async def test_a_job_that_is_ended_has_not_failed(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch, job: Job
) -> None:
    """A worker ends in the middle of a job, whichever it is: the log says nothing of it."""
    monkeypatch.setattr(gauges, "LIMIT_MS", 0)
    await owner.session().run(lambda c: c.execute(LOCK_ALL))
    session = database.session()
    with structlog.testing.capture_logs() as lines, trio.fail_after(HANG_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Keeper(session, Meters(), [job]).run)
            while not await database.run(lambda c: c.fetchval(WAITS, session.backend)):  # noqa: ASYNC110
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    assert [line["event"] for line in lines] == ["keeper_elected"]


async def test_without_a_database_nothing_is_raised() -> None:
    """The keeper waits for the database like everybody else, and does nothing meanwhile."""
    work = Work()
    async with open_database("postgresql://nobody@127.0.0.1:1/nothing") as away:
        keeper = Keeper(away.session(), Meters(), work.jobs(0))
        await keeper.tick()
    assert work.done == []


@pytest.fixture
async def city(owner: Database, tmp_path: Path) -> MasterKey:
    master = MasterKey.create(tmp_path / "master.key")
    await seed(owner, master)
    return master


async def test_an_expired_key_is_retired(owner: Database, database: Database, city: MasterKey) -> None:
    """The overlap is over: the old key is retired by the service's own right; the others stay."""
    await owner.run(lambda c: issue_key(c, TESTER, city, 1, bytes(32)))
    await database.run(retire_expired_keys)
    assert [key["retired_at"] for key in await owner.run(lambda c: list_keys(c, 1))] == [None, None]

    async def let_it_expire(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")  # nobody's change
            await connection.execute(
                "update registry.terminal_key set not_after = now() where generation = 1"
            )

    await owner.run(let_it_expire)
    await database.run(retire_expired_keys)
    newer, older = await owner.run(lambda c: list_keys(c, 1))
    assert (newer["retired_at"], older["retired_at"] is not None) == (None, True)
    assert "expired_keys" in {job.name for job in JOBS}


async def test_the_service_rolls_balances_up(owner: Database, database: Database) -> None:
    """By the service's own right: the balance stays what it was, and verify agrees."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))

    async def roll(connection: Connection) -> bool:
        return await roll_up(connection, NOW_MS + 86_400_000)

    before = await database.run(lambda c: partner_balance(c, PARTNER))
    assert await database.run(roll, timeout_s=HANG_S)
    assert await database.run(lambda c: partner_balance(c, PARTNER)) == before
    assert await owner.run(lambda c: c.fetchval("select count(*) from ledger.rollup")) > 0
    await assert_sound(books)
    await database.run(roll_up_balances, timeout_s=HANG_S)
    await assert_sound(books)

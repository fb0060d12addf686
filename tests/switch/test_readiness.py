"""/readyz says whether sales can be posted, with sales and without, and recovers by itself."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import trio

from ledger.errors import DatabaseContended, DatabaseUnavailable
from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.secrets import MasterKey
from protocol import Earn, ResultCode
from switch.metrics import Meters
from switch.process import readiness
from switch.process.readiness import PostingWatch, Readiness
from switch.rules.directory import Directory
from tests.entries import SWIPED
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.switch.city import http_get
from tests.switch.memory import CARD
from tests.switch.test_worker import Running, running_worker

NO_FEED: Any = SimpleNamespace()
"""Of the checks asked here none looks at the feed."""


@pytest.fixture
def probe_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROBE_S", 0.05)


async def until_postings_are(running: Running, *, ok: bool) -> str:
    """Ask /readyz until it says so of the postings, and return what it says; its status must agree."""
    with trio.fail_after(HANG_S):
        while True:
            status, body = await http_get(running.ready.http, "/readyz")
            told: str = msgspec.json.decode(body)["checks"]["postings"]
            if (told == "ok") is ok:
                assert ok or status == 503
                return told
            await trio.sleep(0.02)


async def hang_up(owner: Database, database: str) -> None:
    """End all of the switch's connections, so that it opens new ones."""

    async def job(connection: Connection) -> None:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = $1 and usename = 'cityswitch_service'",
            database,
        )

    await owner.run(job)


async def test_a_read_only_database_is_not_ready(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, probe_often: None
) -> None:
    """The database turns read-only: no sale can be posted, and /readyz says so, until it can again."""

    async def set_read_only(value: str) -> None:
        await owner.run(
            lambda c: c.execute(f"alter database {fresh.name} set default_transaction_read_only = {value}")
        )
        await hang_up(owner, fresh.name)

    async with running_worker(fresh, owner, tmp_path, **UNHURRIED | {"give_up_ms": 200}) as running:
        await until_postings_are(running, ok=True)
        await set_read_only("on")
        await until_postings_are(running, ok=False)
        line = await running.line()
        sale = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000)
        assert (await line.ask(sale)).code == ResultCode.TRY_AGAIN
        await until_postings_are(running, ok=False)
        # The owner's own session is not read-only: it was there before.
        await set_read_only("off")
        await until_postings_are(running, ok=True)
        code = int(ResultCode.TRY_AGAIN)
        with trio.fail_after(HANG_S):
            while code == ResultCode.TRY_AGAIN:
                code = (await line.ask(sale)).code
        assert code == 0


async def test_a_database_that_stands_still_is_told(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres is frozen: /readyz says since when it has not answered, and waits for no time limit."""
    monkeypatch.setattr(readiness, "SILENT_S", 0.2)
    backends = "select pid from pg_stat_activity where datname = $1 and usename = 'cityswitch_service'"
    async with running_worker(fresh, owner, tmp_path) as running:
        with ExitStack() as stack, trio.fail_after(HANG_S):
            for (pid,) in await owner.run(lambda c: c.fetch(backends, fresh.name)):
                os.kill(pid, signal.SIGSTOP)
                stack.callback(os.kill, pid, signal.SIGCONT)
            told = "ok"
            while told == "ok":
                status, body = await http_get(running.ready.http, "/readyz")
                told = msgspec.json.decode(body)["checks"]["postgres"]
            assert (status, told.startswith("the database has not answered for ")) == (503, True)


@pytest.mark.parametrize("table", ["account", "claim", "journal", "posting", "reversal"])
async def test_a_locked_table_is_not_ready(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, probe_often: None, table: str
) -> None:
    """A table that postings need is locked, and no sale comes: /readyz says so, and recovers."""
    async with running_worker(fresh, owner, tmp_path) as running, open_database(fresh.owner_dsn) as beside:
        await until_postings_are(running, ok=True)
        holder = beside.session()
        await holder.run(lambda c: c.execute(f"begin; lock table ledger.{table} in share mode"))
        problem = await until_postings_are(running, ok=False)
        assert problem not in {"", "ok"}
        await holder.run(lambda c: c.execute("rollback"))
        assert await until_postings_are(running, ok=True) == "ok"


def test_what_a_failed_batch_means() -> None:
    """A lost batch is a problem until one commits; one that lost a race is none."""
    watch = PostingWatch(Meters())
    watch.batch_retried(DatabaseContended("a deadlock"))
    assert watch.problem is None
    watch.batch_retried(DatabaseUnavailable("gone"))
    assert watch.problem == "the last batch did not commit: gone"
    watch.gave_up(7)
    assert watch.problem == "the last batch did not commit: gone"
    watch.batch_committed(1, 0.1)
    assert watch.problem is None
    watch.gave_up(1)
    assert watch.problem is not None


def test_either_way_of_knowing_makes_a_worker_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    """The committer's own problem is told, and so is what only the watch has seen: each alone is enough."""
    watch = PostingWatch(Meters())
    ready = Readiness(Directory(MasterKey(b"w" * 32, b"p" * 32)), NO_FEED, watch)
    assert ready.checks["postings"]() == "not started yet"
    committer = SimpleNamespace(problem=None)
    monkeypatch.setattr(ready, "committer", committer)
    assert ready.checks["postings"]() is None
    watch.problem = "a posting could not be committed: read-only"
    assert ready.checks["postings"]() == watch.problem
    committer.problem = "no lane is connected"
    assert ready.checks["postings"]() == "no lane is connected"
    watch.problem = None
    assert ready.checks["postings"]() == "no lane is connected"

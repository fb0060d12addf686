"""What an answer promises under synchronous replication: the standby has it, or there is no answer."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.fitness import THROWAWAY, is_doubtful
from ledger.postgres.migrate import migrate
from tests.ledger.books import Books
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S

WAITING = (
    "select coalesce(array_agg(pid), '{}') from pg_stat_activity "
    "where wait_event = 'SyncRep' and query like '%post_batch%'"
)


async def wait_for_another(owner: Database, than: int = 0) -> int:
    """Wait until a batch waits for the standby in a backend other than that one."""
    with trio.fail_after(HANG_S):
        while True:
            pids: list[int] = await owner.run(lambda connection: connection.fetchval(WAITING))
            if others := [pid for pid in pids if pid != than]:
                return others[0]


async def set_standby(owner: Database, name: str) -> None:
    async def job(connection: object) -> None:
        await connection.execute(f"alter system set synchronous_standby_names = '{name}'")  # type: ignore[attr-defined]
        await connection.execute("select pg_reload_conf()")  # type: ignore[attr-defined]

    await owner.run(job)


async def test_a_cancelled_wait_for_the_standby_is_no_approval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while it waits for a standby, a commit is reported as done, with a warning that it may not
    have been replicated. The batch is sent again, and answered when the standby has it.
    """
    monkeypatch.setattr("ledger.books.committer.GUARD_PROBE_S", HANG_S)
    answers = Answers()
    async with embedded_postgres(tmp_path / "pg", settings=THROWAWAY) as server:
        await migrate(server.owner_dsn)
        async with open_database(server.owner_dsn) as owner, open_database(server.service_dsn) as database:
            books = await Books.open(owner, database, cards=1)
            async with running(database, answers, lanes=1, give_up_ms=int(HANG_S * 1000)) as committer:
                await set_standby(owner, "nobody")
                committer.submit_nowait(books.earn(1, 5))
                pid = await wait_for_another(owner)
                for _ in range(2):
                    await owner.run(lambda c, pid=pid: c.execute("select pg_cancel_backend($1)", pid))
                    pid = await wait_for_another(owner, than=pid)
                    assert answers.order == []
                await set_standby(owner, "")
                await answers.wait_for(1)
            found = answers.by_stan[1]
            assert (found.code, found.balance, found.replayed) == (0, 5, True)
            await assert_sound(books)


@pytest.mark.parametrize(
    ("sqlstate", "source", "doubtful"),
    [
        ("01000", "syncrep.c", True),
        ("01000", None, True),  # a server that does not say where it comes from
        ("01000", "pg_locale.c", False),  # a collation of another version
        ("01007", "aclchk.c", False),
        ("00000", "syncrep.c", False),
    ],
)
def test_which_warnings_change_what_a_commit_means(sqlstate: str, source: str | None, doubtful: bool) -> None:
    """The one of the wait for a standby, in whatever language; not every warning there is."""
    message = SimpleNamespace(sqlstate=sqlstate, server_source_filename=source, message="…")
    assert is_doubtful(message) is doubtful

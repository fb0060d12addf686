"""What an answer promises under synchronous replication: the standby has it, or there is no answer."""

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.fitness import THROWAWAY, is_doubtful
from ledger.postgres.migrate import migrate
from tests.ledger.books import Books
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S

WAITING = (
    "select coalesce(array_agg(pid), '{}') from pg_stat_activity "
    "where wait_event = 'SyncRep' and query like '%' || $1 || '%'"
)
COMMIT = "select pg_current_xact_id()"


async def wait_for_another(owner: Database, than: int = 0, *, query: str = "post_batch") -> int:
    """Wait until a query, of a batch if not told, waits for the standby in a backend other than that one."""
    with trio.fail_after(HANG_S):
        while True:
            pids: list[int] = await owner.run(lambda connection: connection.fetchval(WAITING, query))
            if others := [pid for pid in pids if pid != than]:
                return others[0]


async def set_standby(owner: Database, name: str) -> None:
    """Have commits wait for a standby of that name; of none if it is empty. In force when the checkpointer
    has read it.
    """

    async def job(connection: Connection) -> None:
        await connection.execute(f"alter system set synchronous_standby_names = '{name}'")
        await connection.execute("select pg_reload_conf()")

    await owner.run(job)


async def lose_standby(owner: Database) -> None:
    """Have commits wait for a standby that is not there; returns when one was seen to, and ended."""
    await set_standby(owner, "nobody")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(commit_until_ended, owner)
        pid = await wait_for_another(owner, query=COMMIT)
        await owner.run(lambda connection: connection.execute("select pg_terminate_backend($1)", pid))


async def commit_until_ended(owner: Database) -> None:
    with suppress(DatabaseUnavailable):
        while True:
            await owner.run(lambda connection: connection.execute(COMMIT), timeout_s=HANG_S)


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
                await lose_standby(owner)
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

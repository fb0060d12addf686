"""Two servers, one the standby of the other, without anybody who manages them: what a failover may not do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
import trio

from ledger.books.result_codes import TRY_AGAIN
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import DATABASE, OWNER, SERVICE, EmbeddedPostgres, embedded_postgres
from ledger.postgres.embedded_launcher import Launcher
from ledger.postgres.fitness import THROWAWAY
from ledger.postgres.lineage import Lineage, Server
from ledger.postgres.migrate import migrate
from tests.ledger.books import Books
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import assert_sound
from tests.ledger.test_standby import lose_standby, set_standby, wait_for_another
from tests.patience import HANG_S

TRIES = 8
WAITING = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
WRITES_ON = "select left(pg_walfile_name(pg_current_wal_lsn()), 8)"


class Pair(NamedTuple):
    """A primary whose commits wait for its standby, and the standby."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres

    def dsn(self, user: str) -> str:
        """A DSN that names both; the old primary first."""
        hosts = ",".join(str(server.socket_directory) for server in self)
        return f"postgresql://{user}@/{DATABASE}?host={quote(hosts)}&target_session_attrs=read-write"


@asynccontextmanager
async def pair(directory: Path) -> AsyncIterator[Pair]:
    """Run both for as long as the block lasts, the schema made."""
    waits = {**THROWAWAY, "synchronous_standby_names": "*"}
    async with embedded_postgres(directory / "a", settings=waits) as primary:
        (directory / "b").mkdir()
        launcher = Launcher(directory / "b")
        launcher.prepare_user()
        copied = launcher.run(
            [launcher.binaries.bin / "pg_basebackup", "-h", primary.socket_directory, "-U", OWNER,
             "-D", launcher.data, "-R", "--no-sync", "-c", "fast"]
        )  # fmt: skip
        assert copied.returncode == 0, copied.stderr
        alone = {**THROWAWAY, "synchronous_standby_names": ""}
        async with embedded_postgres(directory / "b", settings=alone) as standby:
            await migrate(primary.owner_dsn)
            yield Pair(primary, standby)


async def promote(server: EmbeddedPostgres) -> None:
    """Have a standby take writes, behind the back of its primary."""
    async with open_database(server.dsn(DATABASE)) as database:
        assert await database.run(lambda c: c.fetchval("select pg_promote()"), timeout_s=HANG_S)


async def timeline(connection: Connection) -> str:
    return str(await connection.fetchval(WRITES_ON))


async def test_a_failover_behind_the_old_primary_s_back(tmp_path: Path) -> None:
    """The old primary lives on and takes connections: nothing is acknowledged there any more, every batch
    goes to the new one, every session and listener leaves the old one, and the books are whole.
    """
    answers = Answers()
    async with pair(tmp_path) as servers:
        async with (
            open_database(servers.dsn(OWNER)) as owner,
            open_database(servers.dsn(SERVICE)) as database,
            trio.open_nursery() as nursery,
        ):
            books = await Books.open(owner, database, cards=4)
            lost, listens = trio.Event(), trio.Event()
            nursery.start_soon(listen, database, listens, lost)
            await listens.wait()
            idle = database.session()
            assert await idle.run(timeline) == "00000001"
            async with running(database, answers, lanes=2, give_up_ms=int(HANG_S * 1000)) as committer:
                committer.submit_nowait(books.earn(1, 5))
                await answers.wait_for(1)
                await promote(servers.standby)
                for stan in range(2, 10):
                    committer.submit_nowait(books.earn(stan, 5, card=stan % 4))
                await answers.wait_for(9)
                with trio.fail_after(HANG_S):
                    await lost.wait()
            assert await idle.run(timeline) == "00000002"
            assert {outcome.code for outcome in answers.by_stan.values()} == {0}
            ids = {outcome.transaction_id for outcome in answers.by_stan.values()}
        async with open_database(servers.standby.owner_dsn) as newest:
            rows = await newest.run(lambda c: c.fetch("select stan, transaction_id from ledger.journal"))
            assert {row["transaction_id"] for row in rows} == ids
            assert sorted(row["stan"] for row in rows) == list(range(1, 10))
            await assert_sound(Books(newest, books.accounts))


async def listen(database: Database, listens: trio.Event, lost: trio.Event) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.listen("registry", lambda: None, on_ready=listens.set)
    lost.set()


async def test_of_two_primaries_the_newest_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both say that they take writes and both answer: a switch that starts anew never takes the old one."""
    monkeypatch.setattr("ledger.postgres.database.RIVAL_S", HANG_S)  # on a slow machine both answer, too
    async with pair(tmp_path) as servers:
        await promote(servers.standby)
        found = []
        for _ in range(TRIES):
            async with open_database(servers.dsn(OWNER)) as database:
                found.append(await database.run(timeline))
        assert found == ["00000002"] * TRIES


async def test_a_standby_that_is_away_costs_a_connection_a_lane(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While commits wait for a standby that is not there, terminals are told to try again, and what was left
    waiting at the server is one backend for a lane, however long it lasts; then all goes on.
    """
    monkeypatch.setattr("ledger.books.committer.GUARD_PROBE_S", HANG_S)
    answers = Answers()
    async with embedded_postgres(tmp_path / "pg", settings=THROWAWAY) as server:
        await migrate(server.owner_dsn)
        async with open_database(server.owner_dsn) as owner, open_database(server.service_dsn) as database:
            books = await Books.open(owner, database, cards=TRIES + 1)
            async with running(database, answers, lanes=1, give_up_ms=int(HANG_S * 1000)) as committer:
                await lose_standby(owner)
                committer.submit_nowait(books.earn(1, 5, card=1))
                await wait_for_another(owner)
                committer._give_up_s = 0.1
                committer._lanes[0].session.end_overdue(trio.current_time() + 2 * HANG_S)
                await answers.wait_for(1)
                for stan in range(2, TRIES + 1):
                    committer.submit_nowait(books.earn(stan, 5, card=stan))
                    await answers.wait_for(stan)
                assert {outcome.code for outcome in answers.by_stan.values()} == {TRY_AGAIN}
                assert await owner.run(lambda c: c.fetchval(WAITING)) == 1
                await set_standby(owner, "")
                committer._give_up_s = HANG_S
                committer.submit_nowait(books.earn(TRIES + 1, 5))
                await answers.wait_for(TRIES + 1)
                assert answers.by_stan[TRIES + 1].code == 0
            await assert_sound(books)


@pytest.mark.parametrize(
    ("seen", "server", "is_newer"),
    [
        ([], Server(1, 5), False),
        ([Server(1, 5)], Server(1, 5), False),
        ([Server(1, 5)], Server(1, 6), True),
        ([Server(1, 5)], Server(1, 0), False),  # a standby writes on no timeline
        ([Server(1, 5), Server(1, 0)], Server(1, 6), True),
        ([Server(1, 5)], Server(2, 1), False),  # another system counts anew
        ([Server(1, 5)], Server(), False),
    ],
)
def test_which_servers_are_taken(seen: list[Server], server: Server, is_newer: bool) -> None:
    """What is not older than the newest that was seen is taken, and takes an older one's place."""
    lineage = Lineage()
    for each in seen:
        lineage.admit(each)
    assert lineage.admit(server) is is_newer


@pytest.mark.parametrize(
    "seen",
    [
        [Server(1, 5)],
        [Server(1, 4), Server(1, 5)],
        [Server(1, 5), Server(1, 0)],
        [Server(1, 5), Server(2, 1)],  # the buckets of a ledger may lie on several systems
    ],
)
def test_a_primary_of_the_past_is_refused(seen: list[Server]) -> None:
    """Whatever it says of itself."""
    lineage = Lineage()
    for each in seen:
        lineage.admit(each)
    with pytest.raises(DatabaseUnavailable, match="timeline 4, and one of timeline 5"):
        lineage.admit(Server(1, 4))

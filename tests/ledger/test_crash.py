"""What is acknowledged outlives a crash of the server, whatever role, database and cluster say of durability.

A committer posts under load; the postmaster is killed (SIGKILL, so what is not written is gone) in the
middle of it; after its recovery every acknowledged posting is looked for in the journal. `make crash-test`
kills it 20 times and prints what it counted; the suite does it once for each place a setting can stand.

The server writes WAL by itself as rarely as it can be told to, so that what is acknowledged too early is lost
for sure: the control, a session that does not see to its own durability, shows that this test can fail.
"""

import os
import signal
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trio

from ledger.books.committer import Committer
from ledger.books.posting import Outcome, Posting
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import DATABASE, SERVICE, EmbeddedPostgres, embedded_postgres
from ledger.postgres.migrate import migrate
from tests.ledger.books import Books
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S

KILLS = int(os.environ.get("CRASH_KILLS", "3"))
CARDS = 50
IN_FLIGHT = 200
ACKNOWLEDGED_BY_KILL = 400
LAZY = {"wal_writer_delay": "10s", "wal_writer_flush_after": "1GB", "checkpoint_timeout": "1h"}
PLACES = {
    "role": f"alter role {SERVICE} set synchronous_commit = off",
    "database": f"alter database {DATABASE} set synchronous_commit = off",
    "cluster": "alter system set synchronous_commit = off",
}


class Load:
    """Postings without end, until so many are acknowledged; then the server is killed."""

    def __init__(self, books: Books, stan: int, pid: int) -> None:
        self.acknowledged: dict[int, int] = {}
        self.killed = trio.Event()
        self._books = books
        self._stan = stan
        self._pid = pid
        self.committer: Committer

    def take(self, answers: list[tuple[Posting, Outcome]]) -> None:
        """Note what is acknowledged; go on."""
        for posting, outcome in answers:
            if outcome.code == 0:
                self.acknowledged[posting.stan] = outcome.transaction_id
            if not self.killed.is_set():
                self.submit()
        if len(self.acknowledged) >= ACKNOWLEDGED_BY_KILL and not self.killed.is_set():
            os.kill(self._pid, signal.SIGKILL)
            self.killed.set()

    def submit(self) -> None:
        """One more."""
        self._stan += 1
        posting = self._books.earn(self._stan, 1, card=self._stan % CARDS)
        posting.transaction_id = 0
        self.committer.submit_nowait(posting)


def running_server(directory: Path) -> AbstractAsyncContextManager[EmbeddedPostgres]:
    return embedded_postgres(directory, settings=LAZY)


async def one_crash(directory: Path, accounts: list[int], round_number: int) -> dict[int, int]:
    """Start the server, post until the kill; return what was acknowledged."""
    async with running_server(directory) as server, open_database(server.service_dsn) as database:
        load = Load(Books(database, accounts), round_number * 1_000_000, server.pid)
        load.committer = Committer(database, on_outcomes=load.take, give_up_ms=200)
        with trio.fail_after(HANG_S):
            async with trio.open_nursery() as nursery:
                await nursery.start(load.committer.run)
                for _ in range(IN_FLIGHT):
                    load.submit()
                await load.killed.wait()
                load.committer.stop()
    return load.acknowledged


async def missing(database: Database, acknowledged: dict[int, int]) -> int:
    """How many of what was acknowledged are not in the journal, as acknowledged."""

    async def job(connection: Connection) -> int:
        rows = await connection.fetch("select stan, transaction_id from ledger.journal where code = 0")
        found = {row["stan"]: row["transaction_id"] for row in rows}
        return sum(found.get(stan) != number for stan, number in acknowledged.items())

    return await database.run(job, timeout_s=HANG_S)


async def found_books(directory: Path, place: str) -> list[int]:
    async with running_server(directory) as server:
        await migrate(server.owner_dsn)
        async with open_database(server.owner_dsn) as owner:
            await owner.run(lambda connection: connection.execute(PLACES[place]))
            return (await Books.open(owner, owner, cards=CARDS)).accounts


async def crash(directory: Path, place: str, kills: int) -> tuple[int, int]:
    """Kill the server so many times; how much was acknowledged, and how much of it is missing."""
    accounts = await found_books(directory, place)
    acknowledged: dict[int, int] = {}
    for number in range(1, kills + 1):
        acknowledged |= await one_crash(directory, accounts, number)
    async with running_server(directory) as server, open_database(server.owner_dsn) as owner:
        lost = await missing(owner, acknowledged)
        if not lost:
            await assert_sound(Books(owner, accounts))
    return len(acknowledged), lost


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_acknowledged_outlives_a_crash(tmp_path: Path, place: str) -> None:
    """synchronous_commit off for the role, the database, the cluster: nothing acknowledged is missing."""
    kills = KILLS // 3 + (list(PLACES).index(place) < KILLS % 3)
    acknowledged, lost = await crash(tmp_path / "pg", place, kills)
    print(f"\n{place}: {kills} kills, {acknowledged} acknowledged, {lost} missing")
    assert acknowledged >= kills * ACKNOWLEDGED_BY_KILL
    assert lost == 0


async def test_the_crash_finds_what_is_not_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: sessions that leave durability to the role lose what they acknowledged."""
    fitness = "ledger.postgres.fitness"
    monkeypatch.setattr(f"{fitness}._SET", "set client_min_messages = warning")
    monkeypatch.setattr(f"{fitness}._DURABLE", ("on", "off"))
    acknowledged, lost = await crash(tmp_path / "pg", "role", 1)
    print(f"\ncontrol: 1 kill, {acknowledged} acknowledged, {lost} missing")
    assert lost > 0

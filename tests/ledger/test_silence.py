"""What becomes of connections that were dropped without a word: found before, or soon after, they are needed.

Every time limit is the patience of a hang, so what is answered at all was answered because the loss was
found.
"""

from operator import eq
from pathlib import Path

import pytest
import trio

from ledger.books.committer import Committer
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import EmbeddedPostgres
from ledger.postgres.session import Session
from tests.ledger.books import Books
from tests.ledger.middlebox import middlebox
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import Rival, assert_sound, wait_blocked
from tests.patience import HANG_S
from tests.postgres import FreshDatabase

PATIENT = {"give_up_ms": int(HANG_S * 1000)}


@pytest.fixture(autouse=True)
def undoubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch is doubted because the machine was slow; `doubt_one` says which is."""
    monkeypatch.setattr("ledger.books.committer.DOUBT_S", HANG_S)


def doubt_one(monkeypatch: pytest.MonkeyPatch, database: Database) -> trio.Event:
    """Have the batch that is on its way, or the next, doubted at once, and none after it; the event: the
    server has said whether it has it.
    """
    is_at_work, asked = database.is_at_work, trio.Event()

    async def ask(session: Session) -> bool:
        monkeypatch.setattr("ledger.books.committer.DOUBT_S", HANG_S)
        found = await is_at_work(session)
        asked.set()
        return found

    monkeypatch.setattr(database, "is_at_work", ask)
    monkeypatch.setattr("ledger.books.committer.DOUBT_S", 0.0)
    return asked


def connects(committer: Committer) -> list[int]:
    return [lane.session.connects for lane in committer._lanes]


async def test_the_first_sale_after_silence_is_answered(
    fresh: FreshDatabase,
    postgres: EmbeddedPostgres,
    owner: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All connections were dropped in silence: the batch that found it is sent again over a fresh one."""
    monkeypatch.setattr("ledger.books.committer.LANE_PROBE_S", HANG_S)
    answers = Answers()
    async with middlebox(tmp_path, postgres) as box, open_database(box.dsn(fresh.name)) as database:
        books = await Books.open(owner, database, cards=2)
        async with running(database, answers, **PATIENT) as committer:
            committer.submit_nowait(books.earn(1, 5, card=0))
            await answers.wait_for(1)
            box.forget()
            doubt_one(monkeypatch, database)
            committer.submit_nowait(books.earn(2, 7, card=1))
            await answers.wait_for(2)
            assert (answers.by_stan[2].code, answers.retries, answers.given_up) == (0, 1, 0)
    await assert_sound(Books(owner, books.accounts))


async def test_idle_lanes_are_tried(
    fresh: FreshDatabase,
    postgres: EmbeddedPostgres,
    owner: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lane with nothing to do finds that its connection is gone, and has another before the next sale."""
    monkeypatch.setattr("ledger.books.committer.LANE_PROBE_S", 0.05)
    answers = Answers()
    async with middlebox(tmp_path, postgres) as box, open_database(box.dsn(fresh.name)) as database:
        books = await Books.open(owner, database, cards=1)
        async with running(database, answers, **PATIENT) as committer:
            with trio.fail_after(HANG_S):
                # A lane that has begun is at rest: only a try of its own finds out what becomes of it.
                while len(committer._waiting) != 2:  # noqa: ASYNC110
                    await trio.sleep(0.01)
                box.forget()
                forgotten = connects(committer)
                # A sound one that was slow to answer a try is made anew as well.
                while any(map(eq, connects(committer), forgotten)) or committer.problem:  # noqa: ASYNC110
                    await trio.sleep(0.01)
            monkeypatch.setattr("ledger.books.committer.LANE_PROBE_S", HANG_S)
            committer.submit_nowait(books.earn(1, 5))
            await answers.wait_for(1)
            assert (answers.by_stan[1].code, answers.retries) == (0, 0)


async def test_a_batch_the_server_has_is_waited_for(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that waits for a lock is late as well; the server says that it has it, and it is left alone."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.earn(100, 1))
    answers = Answers()
    async with running(database, answers, lanes=1, **PATIENT) as committer:
        committer.submit_nowait(books.earn(1, 5))
        await wait_blocked(owner, rival.pid)
        with trio.fail_after(HANG_S):
            await doubt_one(monkeypatch, database).wait()
        await trio.sleep(0.1)
        await rival.commit()
        await answers.wait_for(1)
        assert connects(committer) == [1]
    assert (answers.by_stan[1].code, answers.retries) == (0, 0)


async def test_a_question_after_silence_is_answered(
    fresh: FreshDatabase, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of the pool that was idle is tried before it is used."""
    monkeypatch.setattr("ledger.postgres.session.IDLE_S", 0.0)
    async with middlebox(tmp_path, postgres) as box, open_database(box.dsn(fresh.name)) as database:
        for asked in (1, 2, 3):
            found = await database.run(lambda c: c.fetchval("select 7"), timeout_s=HANG_S)
            assert (found, box.connections) == (7, asked)
            box.forget()

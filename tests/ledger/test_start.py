"""What a start promises: it waits for what will come, says for what, and gives up on what never will."""

import re
from collections.abc import AsyncIterator

import pytest
import trio

from ledger.books.committer import REFUSED_MAX, Committer
from ledger.books.result_codes import APPROVED
from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Database
from ledger.postgres.embedded import SERVICE
from tests.ledger.books import Books
from tests.ledger.test_committer import Answers, running
from tests.patience import HANG_S
from tests.postgres import Server


@pytest.fixture
async def limited(postgres_server: Server) -> AsyncIterator[Server]:
    yield postgres_server
    await trio.to_thread.run_sync(postgres_server.execute, f"alter role {SERVICE} connection limit -1")


AWAITED = re.compile(
    "waiting for (the connection that keeps the node number|connection [12] of 2 for postings"
    "|a look at server 1): too many connections for role"
)


@pytest.mark.parametrize("limit", [0, 1, 2])
async def test_a_start_waits_for_connections(
    limited: Server, owner: Database, database: Database, limit: int
) -> None:
    """A role's connection limit: the start says what it waits for, and posts when there is room."""
    books, answers = await Books.open(owner, owner, cards=1), Answers()
    await trio.to_thread.run_sync(limited.execute, f"alter role {SERVICE} connection limit {limit}")
    committer = Committer(database, on_outcomes=answers.take)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(committer.run)
        with trio.fail_after(HANG_S):
            while not AWAITED.match(str(committer.problem)):  # noqa: ASYNC110
                await trio.sleep(0.01)
            await trio.to_thread.run_sync(limited.execute, f"alter role {SERVICE} connection limit -1")
            while committer.problem:  # noqa: ASYNC110
                await trio.sleep(0.01)
        committer.submit_nowait(books.earn(1, 5))
        await answers.wait_for(1)
        committer.stop()
    assert answers.by_stan[1].code == APPROVED


async def test_a_start_gives_up_on_what_waiting_does_not_mend(owner: Database, database: Database) -> None:
    """A function of another version: the start ends with the cure."""
    await owner.run(lambda c: c.execute("drop function ledger.post_batch_v1"))
    with pytest.raises(DatabaseMisconfigured, match="cityswitch migrate"):
        await Committer(database, on_outcomes=Answers().take).run()


async def test_a_table_that_cannot_be_written_is_a_problem(owner: Database, database: Database) -> None:
    """What sales need is looked at while none come, too: a right that is lost is found, and its return."""
    async with running(database, Answers()) as committer:
        assert committer.problem is None
        for lane in committer._lanes:
            lane.session.terminate()
        await owner.run(lambda c: c.execute("revoke insert on ledger.posting from cityswitch_service"))
        with trio.fail_after(HANG_S):
            while "permission denied" not in str(committer.problem):  # noqa: ASYNC110
                await trio.sleep(0.01)
            await owner.run(lambda c: c.execute("grant insert on ledger.posting to cityswitch_service"))
            while committer.problem:  # noqa: ASYNC110
                await trio.sleep(0.01)


async def test_nothing_but_refusals_is_a_problem(owner: Database, database: Database) -> None:
    """Posting after posting refused, none posted: that is no longer about a posting."""
    books = await Books.open(owner, database, cards=1)
    answers = Answers()
    async with running(database, answers) as committer:
        for stan in range(1, REFUSED_MAX + 1):
            assert committer.problem is None
            posting = books.earn(stan, 1)
            posting.digest = 1 << 80
            committer.submit_nowait(posting)
            await answers.wait_for(stan)
        assert f"the last {REFUSED_MAX} postings were refused" in str(committer.problem)
        committer.submit_nowait(books.earn(99, 1))
        await answers.wait_for(REFUSED_MAX + 1)
        assert committer.problem is None


async def test_a_session_that_lost_its_statements_is_prepared_anew(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does not know what a lane has prepared: the batch is posted all the same."""
    monkeypatch.setattr("ledger.books.committer.LANE_PROBE_S", HANG_S)  # it would find the loss before
    monkeypatch.setattr("ledger.books.committer.DOUBT_S", HANG_S)
    books = await Books.open(owner, database, cards=1)
    answers = Answers()
    async with running(database, answers, give_up_ms=int(HANG_S * 1000)) as committer:
        with trio.fail_after(HANG_S):
            while len(committer._waiting) < len(committer._lanes):
                await trio.lowlevel.checkpoint()
        for lane in committer._lanes:
            assert lane.session._connection is not None
            await lane.session._connection.execute("deallocate all")
        for stan in (1, 2, 3):
            committer.submit_nowait(books.earn(stan, 5))
            await answers.wait_for(stan)
    assert answers.poison == []
    assert [answers.by_stan[stan].code for stan in (1, 2, 3)] == [0, 0, 0]
    assert answers.retries in (1, 2)  # each lane that was used, once

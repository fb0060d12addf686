"""Who may begin a batch, and how large it is: half of what waits, one batch at a time, and the exceptions."""

import pytest
import trio

import ledger.books.committer
import ledger.books.turns
from ledger.postgres.database import Database
from tests.ledger.books import Books
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import Rival, assert_sound, wait_blocked


async def test_a_batch_takes_half_of_what_waits(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One half is collected and answered while the other is posted; a handful is not divided."""
    monkeypatch.setattr(ledger.books.turns, "PATIENCE_S", 1e9)
    books = await Books.open(owner, database, cards=100)
    answers = Answers()
    async with running(database, answers) as committer:
        for stan in range(1, 101):
            committer.submit_nowait(books.earn(stan, 5, card=stan - 1))
        await answers.wait_for(100)
        for stan in range(101, 161):
            committer.submit_nowait(books.earn(stan, 5, card=stan - 101))
    assert answers.batches == [50, 50, 60]
    await assert_sound(books)


async def test_few_wait_for_the_batch_on_its_way(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other lane begins when a full batch waits, not before."""
    monkeypatch.setattr(ledger.books.turns, "PATIENCE_S", 1e9)
    books = await Books.open(owner, database, cards=8)
    rival = Rival(database)
    await rival.begin(books.earn(100, 1, card=0))
    answers = Answers()
    async with running(database, answers, batch_max=4) as committer:
        for stan in (1, 2, 3):
            committer.submit_nowait(books.earn(stan, 5, card=stan - 1))
        await wait_blocked(owner, rival.pid)
        for stan in (4, 5, 6):
            committer.submit_nowait(books.earn(stan, 5, card=stan - 1))
        await trio.sleep(3 * ledger.books.committer.PATIENCE_PROBE_S)
        waiting = len(committer._line.ready)
        committer.submit_nowait(books.earn(7, 5, card=6))
        await answers.wait_for(4)
        await rival.commit()
    assert waiting == 3
    assert answers.order == [4, 5, 6, 7, 1, 2, 3]
    assert answers.batches == [4, 3]
    await assert_sound(books)


async def test_a_long_queue_is_posted_by_all_lanes(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a batch waits behind a full one: the other lane goes to work on it at once."""
    monkeypatch.setattr(ledger.books.turns, "PATIENCE_S", 1e9)
    books = await Books.open(owner, database, cards=30)
    rival = Rival(database)
    await rival.begin(books.earn(100, 1, card=0))
    answers = Answers()
    async with running(database, answers, batch_max=10) as committer:
        for stan in range(1, 31):
            committer.submit_nowait(books.earn(stan, 5, card=stan - 1))
        await answers.wait_for(20)
        assert sorted(answers.order) == list(range(11, 31))
        await rival.commit()
    assert answers.batches == [10, 10, 10]
    await assert_sound(books)


async def test_a_batch_held_up_holds_nobody_else_up(owner: Database, database: Database) -> None:
    """One card's account is locked: what comes after that batch is posted by the other lane, few as it is."""
    books = await Books.open(owner, database, cards=5)
    rival = Rival(database)
    await rival.begin(books.earn(100, 1, card=0))
    answers = Answers()
    async with running(database, answers) as committer:
        for stan in (1, 2, 3):
            committer.submit_nowait(books.earn(stan, 5, card=stan - 1))
        await wait_blocked(owner, rival.pid)
        committer.submit_nowait(books.earn(4, 5, card=3))
        await answers.wait_for(1)
        committer.submit_nowait(books.earn(5, 5, card=4))
        await answers.wait_for(2)
        assert answers.order == [4, 5]
        await rival.commit()
        await answers.wait_for(5)
    assert answers.batches == [1, 1, 3]
    await assert_sound(books)

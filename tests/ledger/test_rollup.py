"""What rolling up promises: no partner's balance ever misses a sale, whatever clocks and transactions do."""

import pytest
import trio

from ledger.books.committer import Committer
from ledger.books.node import CLOSED, Node
from ledger.books.posting import Posting
from ledger.books.rollup import DELAY_MS, roll_up
from ledger.books.statements import partner_balance
from ledger.books.transaction_ids import time_ms
from ledger.errors import IdsClosed
from ledger.postgres.database import Connection, Database
from tests.ledger.books import NOW_MS, PARTNER, Books
from tests.ledger.test_committer import GIVE_UP_MS, Answers
from tests.ledger.test_node import Clock
from tests.ledger.test_races import Rival, assert_sound
from tests.patience import HANG_S

LATER_MS = NOW_MS + 86_400_000
MARK = "select coalesce(max(through), 0) from ledger.rollup_mark"
CLOSING = "select coalesce(max(closing), 0) from ledger.rollup_mark"


async def ask(database: Database, query: str) -> int:
    found: int = await database.run(lambda connection: connection.fetchval(query))
    return found


async def roll(owner: Database, now_ms: int = LATER_MS, wait_s: float = HANG_S) -> bool:
    async def job(connection: Connection) -> bool:
        return await roll_up(connection, now_ms, wait_s=wait_s)

    return await owner.run(job, timeout_s=2 * HANG_S)


async def issued(books: Books) -> int:
    return (await books.database.run(lambda c: partner_balance(c, PARTNER))).issued_points


async def test_rolling_up_changes_no_balance(owner: Database, database: Database) -> None:
    """A partner's balance is the same before, between and after roll-ups, and verify agrees."""
    books = await Books.open(owner, database, cards=2)
    for stan in range(1, 7):
        await books.post(books.earn(stan, stan, card=stan % 2))
    await books.post(books.reversal(7, 6, card=0))
    for now_ms in (NOW_MS + 3, NOW_MS + 3, NOW_MS + 4, NOW_MS, LATER_MS, 0):
        assert await roll(owner, now_ms + DELAY_MS)
        assert await issued(books) == 15
        await assert_sound(books)
    newest = await ask(database, "select max(transaction_id) from ledger.posting")
    assert await ask(database, MARK) == newest, "a clock that runs ahead closes what is there, and no more"


async def test_a_worker_whose_clock_is_behind(owner: Database, database: Database) -> None:
    """40 minutes behind, after a roll-up: its sale is numbered anew, above the mark, and in the balance."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    answers = Answers()
    committer = Committer(database, on_outcomes=answers.take, observer=answers, give_up_ms=GIVE_UP_MS)
    committer.node = Node(database.session(), Clock(NOW_MS - 40 * 60_000))
    async with trio.open_nursery() as nursery:
        await nursery.start(committer.run)
        assert await roll(owner)
        posting = books.earn(2, 7)
        posting.transaction_id = 0
        committer.submit_nowait(posting)
        await answers.wait_for(1)
        committer.submit_nowait(books.request(posting.kind, 3, points=9))
        await answers.wait_for(2)
        committer.stop()
    assert [answers.by_stan[stan].code for stan in (2, 3)] == [0, 0]
    assert await issued(books) == 21
    assert answers.by_stan[2].transaction_id > await ask(database, MARK)
    await assert_sound(books)
    assert await roll(owner)
    assert await issued(books) == 21
    await assert_sound(books)


async def test_a_batch_that_stands_while_others_commit(owner: Database, database: Database) -> None:
    """A transaction with a lower id commits after the roll-up began: it is waited for, and counted."""
    books = await Books.open(owner, database, cards=2)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5, card=0))
    await books.post(books.earn(2, 7, card=1))
    done: list[bool] = []

    async def rolling() -> None:
        done.append(await roll(owner))

    with trio.fail_after(HANG_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(rolling)
            while not await ask(database, CLOSING):
                await trio.lowlevel.checkpoint()
            for _ in range(20):
                assert await ask(database, MARK) == 0
            await rival.commit()
    assert done == [True]
    assert await ask(database, MARK) > 0
    assert await ask(database, CLOSED) == await ask(database, CLOSING)
    assert await issued(books) == 12
    await assert_sound(books)


async def test_a_transaction_without_end_puts_it_off(owner: Database, database: Database) -> None:
    """What does not end in time leaves the mark where it was; the next roll-up goes on from there."""
    books = await Books.open(owner, database, cards=2)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5, card=0))
    await books.post(books.earn(2, 7, card=1))
    assert not await roll(owner, wait_s=0.05)
    assert await ask(database, MARK) == 0
    assert await issued(books) == 7
    await rival.commit()
    assert await issued(books) == 12
    assert await roll(owner)
    assert await issued(books) == 12
    await assert_sound(books)


async def test_a_closed_id_has_no_effect(owner: Database, database: Database) -> None:
    """Whoever does not number anew is refused, whole batches at a time; above the mark all is as before."""
    books = await Books.open(owner, database, cards=2)
    late = books.earn(1, 5)
    await books.post(books.earn(2, 7))
    assert await roll(owner)
    with pytest.raises(IdsClosed, match="number anew"):
        await books.post_all([books.earn(3, 1, card=1), late])
    assert await books.count("journal") == 1
    assert (await books.post(books.earn(4, 1))).code == 0
    assert await issued(books) == 8


async def test_a_worker_learns_what_is_closed(owner: Database, database: Database) -> None:
    """At its next look a worker gives ids above the mark, without being refused first."""
    books = await Books.open(owner, database, cards=1)
    clock = Clock(NOW_MS - 40 * 60_000)
    node = Node(database.session(), clock)
    await node.hold()
    assert time_ms(node.take_ids(1)[0]) == clock.now_ms
    await books.post(books.earn(1, 5))
    assert await roll(owner)
    await node.hold()
    made: Posting = books.earn(2, 7)
    made.transaction_id = node.take_ids(1)[0]
    assert (await books.post(made)).code == 0
    assert await issued(books) == 12

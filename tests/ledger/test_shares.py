"""What the shares of a wide quota promise: all of it can be used wherever it is asked for, and never more."""

from typing import Any

import pytest
import trio

from ledger.books import result_codes as codes
from ledger.books.posting import QuotaLeg, bucket_of
from ledger.books.quotas import uses_left
from ledger.books.rebucket import change_buckets
from ledger.books.shares import move_shares
from ledger.postgres.database import Connection, Database
from tests.ledger.books import TESTER, Books, wide
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S

BUCKETS = 4
STATEMENTS_MAX = 40


class Cut(Exception):
    """The connection was lost."""


class CutConnection:
    """A connection that is lost before its n-th statement that changes something."""

    def __init__(self, connection: Connection, writes: int) -> None:
        self._connection = connection
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        async def ask(statement: str, *arguments: object) -> Any:
            if "_share_v1" in statement or "update" in statement:
                if not self._writes:
                    raise Cut
                self._writes -= 1
            return await getattr(self._connection, name)(statement, *arguments)

        return ask


async def four_buckets(owner: Database, database: Database) -> Books:
    """Books whose cards 0 to 3 stand in buckets 0 to 3."""
    books = await Books.open(owner, database, cards=60)
    await change_buckets(owner, TESTER, BUCKETS, HANG_S)
    books.buckets = BUCKETS
    books.accounts = [
        next(account for account in books.accounts if bucket_of(account, BUCKETS) == bucket)
        for bucket in range(BUCKETS)
    ]
    return books


async def use(books: Books, stan: int, quota: QuotaLeg, *, card: int) -> int:
    return (await books.post(books.use(stan, quota, card=card))).code


async def move(books: Books, writes: int = STATEMENTS_MAX) -> bool:
    """Move shares, over a connection that is lost after so many changes; return whether it got to its end."""

    async def job(connection: Connection) -> bool:
        try:
            await move_shares(CutConnection(connection, writes))
        except Cut:
            return False
        return True

    return await books.database.run(job)


async def test_a_bucket_s_share_and_no_more(owner: Database, database: Database) -> None:
    """Each bucket has its part of the limit, the odd ones first; whoever finds it empty is declined."""
    books = await four_buckets(owner, database)
    quota = wide(3, 6)
    found = [
        [await use(books, 10 * card + n, quota, card=card) for n in (1, 2, 3)] for card in range(BUCKETS)
    ]
    used_up = codes.QUOTA_USED_UP
    assert found == [[0, 0, used_up], [0, 0, used_up], [0, used_up, used_up], [0, used_up, used_up]]
    await assert_sound(books)


@pytest.mark.parametrize("asking", range(BUCKETS))
async def test_the_only_use_goes_where_it_is_asked_for(
    owner: Database, database: Database, asking: int
) -> None:
    """A limit of one over four buckets: one refusal and one move later the asking bucket has it."""
    books = await four_buckets(owner, database)
    quota = wide(3, 1)
    first = await use(books, 1, quota, card=asking)
    assert first == (0 if asking == 0 else codes.QUOTA_USED_UP)
    assert await move(books)
    assert await use(books, 2, quota, card=asking) == (0 if asking else codes.QUOTA_USED_UP)
    for card in range(BUCKETS):
        assert await use(books, 10 + card, quota, card=card) == codes.QUOTA_USED_UP
        assert await move(books)
        assert await use(books, 20 + card, quota, card=card) == codes.QUOTA_USED_UP
    await assert_sound(books)


async def test_all_of_it_can_be_used_from_one_bucket(owner: Database, database: Database) -> None:
    """One bucket that goes on asking gets what the others have left, to the last, however much it is."""
    books = await four_buckets(owner, database)
    quota, approved = wide(3, 23), 0
    for stan in range(1, 60):
        if await use(books, stan, quota, card=2) == 0:
            approved += 1
        else:
            await move(books)
    assert approved == 23
    assert await database.run(lambda connection: uses_left(connection, BUCKETS, [quota])) == [0]
    await assert_sound(books)


async def test_a_move_that_is_cut_anywhere_is_ended_by_the_next(owner: Database, database: Database) -> None:
    """Whatever change it is cut before: the books are sound, what is on its way is nobody's, and the next one
    brings it where it was to go, once.
    """
    books = await four_buckets(owner, database)
    for writes in range(STATEMENTS_MAX):
        quota = wide(100 + writes, 4)
        assert [await use(books, 1000 * writes + stan, quota, card=3) for stan in (1, 2)] == [0, 61]
        is_whole = await move(books, writes)
        await assert_sound(books)
        assert await move(books)
        assert await move(books)
        await assert_sound(books)
        assert await use(books, 1000 * writes + 3, quota, card=3) == 0
        found = [await use(books, 1000 * writes + 10 + card, quota, card=card) for card in range(BUCKETS)]
        assert found.count(0) == 2
        if is_whole:
            break
        # Nobody is short any more, so that the next cut is in the move of the next quota.
        assert await move(books)
    assert 3 <= writes < STATEMENTS_MAX
    assert (
        await books.database.run(
            lambda connection: connection.fetchval(
                "select count(*) from ledger.share_move where not is_taken"
            )
        )
        == 0
    )


async def test_moves_by_several_at_once(owner: Database, database: Database) -> None:
    """Movers that run beside each other, and beside uses, make nothing of it twice."""
    books = await four_buckets(owner, database)
    quota, found = wide(3, 30), []

    async def ask(card: int) -> None:
        for stan in range(20):
            found.append(await use(books, 100 * (card + 1) + stan, quota, card=card))

    async with trio.open_nursery() as nursery:
        for card in range(BUCKETS):
            nursery.start_soon(ask, card)
        for _ in range(3):
            nursery.start_soon(move, books)
    await move(books)
    assert 20 <= found.count(0) <= 30
    await assert_sound(books)

"""What is only put off leaves nothing in the books, and what stands there is told all the same."""

import pytest
from msgspec.structs import replace

from ledger.books.posting import Kind, bucket_of
from ledger.books.rebucket import rebucket
from ledger.books.verify import verify
from ledger.postgres.database import Database
from tests.ledger.books import TESTER, Books

TRY_AGAIN = 10
SUSPENDED_FOR_NOW = 13
BUCKETS = 4


async def test_a_request_that_is_put_off_leaves_no_row(owner: Database, database: Database) -> None:
    """Class retry decides nothing: no row, no points, no balance told; the id posts when it comes again."""
    books = await Books.open(owner, database, cards=2)
    await books.post(books.earn(1, 5))
    put_off = await books.post(books.request(Kind.EARN_ADVICE, 2, points=7, code=SUSPENDED_FOR_NOW))
    assert (put_off.code, put_off.transaction_id, put_off.points, put_off.balance) == (13, 0, 0, 0)
    assert await books.count("journal") == 1
    posted = await books.post(books.request(Kind.EARN_ADVICE, 2, points=7))
    assert (posted.code, posted.balance, posted.replayed) == (0, 12, False)


async def test_a_replay_is_told_even_while_new_business_is_put_off(
    owner: Database, database: Database
) -> None:
    """The stored reply is the reply, whatever the switch would decide now; another body is a conflict."""
    books = await Books.open(owner, database, cards=2)
    posted = await books.post(books.request(Kind.EARN_ADVICE, 2, points=7))
    again = books.request(Kind.EARN_ADVICE, 2, points=7, code=SUSPENDED_FOR_NOW)
    told = await books.post(again)
    assert told.replayed
    assert (told.code, told.transaction_id, told.points, told.balance) == (0, posted.transaction_id, 7, 7)
    other = await books.post(books.request(Kind.EARN_ADVICE, 2, points=8, code=SUSPENDED_FOR_NOW))
    assert other.code == 21
    assert await books.count("journal") == 1


async def four_buckets(owner: Database, database: Database) -> Books:
    """Return books of four buckets with cards in more than one of them, the first not in that of no card."""
    books = await Books.open(owner, database, cards=40)
    await owner.run(lambda connection: rebucket(connection, TESTER, BUCKETS))
    books.buckets = BUCKETS
    books.accounts.sort(key=lambda account: bucket_of(account, BUCKETS) == bucket_of(0, BUCKETS))
    return books


async def assert_sound(books: Books) -> None:
    for finding in await books.database.run(verify):
        assert finding.count == 0, finding


async def test_what_was_put_off_claims_no_bucket(owner: Database, database: Database) -> None:
    """Put off while its card was unknown, the same request posts in the card's bucket once that is known."""
    books = await four_buckets(owner, database)
    known = books.earn(1, 5)
    unknown = replace(known, account=0, code=TRY_AGAIN)
    assert (await books.post(unknown)).code == TRY_AGAIN
    assert await books.count("claim") == 0
    posted = await books.post(known)
    assert (posted.code, posted.balance, posted.replayed) == (0, 5, False)
    await assert_sound(books)


async def test_an_id_that_was_put_off_is_free_for_another_card(owner: Database, database: Database) -> None:
    """With four buckets as with one: nothing was decided, so nothing conflicts, whatever card comes."""
    books = await four_buckets(owner, database)
    other = next(
        card
        for card, account in enumerate(books.accounts)
        if bucket_of(account, BUCKETS) != bucket_of(books.accounts[0], BUCKETS)
    )
    assert (await books.post(books.earn(1, 5, code=SUSPENDED_FOR_NOW))).code == SUSPENDED_FOR_NOW
    posted = await books.post(books.earn(1, 7, card=other))
    assert (posted.code, posted.balance) == (0, 7)
    again = await books.post(books.earn(1, 5, code=SUSPENDED_FOR_NOW))
    assert again.code == 21
    await assert_sound(books)


@pytest.mark.parametrize("card", [0, 39])
async def test_what_was_put_off_and_cancelled_is_cancelled_for_every_card(
    owner: Database, database: Database, card: int
) -> None:
    """A reversal of what was put off settles its id: whatever comes under it later was cancelled before."""
    books = await four_buckets(owner, database)
    await books.post(books.earn(1, 5, code=SUSPENDED_FOR_NOW))
    assert (await books.post(books.reversal(2, 1))).code == 1
    assert (await books.post(books.earn(1, 6, card=card))).code == 24
    await assert_sound(books)


async def test_a_reference_that_is_put_off_settles_nothing(owner: Database, database: Database) -> None:
    """Class retry decides nothing for a reversal either: no row of its own, none of its original."""
    books = await Books.open(owner, database, cards=1)
    put_off = books.request(Kind.REVERSAL, 2, original=1, code=TRY_AGAIN)
    assert (await books.post(put_off)).code == TRY_AGAIN
    assert await books.count("journal") == 0
    assert (await books.post(books.earn(1, 5))).code == 0

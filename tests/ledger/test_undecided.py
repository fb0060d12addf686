"""What is only put off leaves nothing in the books, and what stands there is told all the same."""

from ledger.books.posting import Kind
from ledger.postgres.database import Database
from tests.ledger.books import Books

SUSPENDED_FOR_NOW = 13


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

"""What two workers at once may not break: each test holds one of them open in the middle."""

import trio
import trio.lowlevel

from ledger.books import result_codes as codes
from ledger.books.batch import post
from ledger.books.posting import Outcome, Posting
from ledger.books.verify import verify
from ledger.engine.shards import is_sharded
from ledger.postgres.database import Connection, Database, open_database
from tests.ledger.books import TERMINAL, Books
from tests.patience import HANG_S


class Rival:
    """A second worker whose transaction stays open until it is told to commit."""

    def __init__(self, database: Database, buckets: int = 1) -> None:
        self._session = database.session()
        self._buckets = buckets
        self.pid = 0

    async def begin(self, *postings: Posting) -> list[Outcome]:
        async def job(connection: Connection) -> list[Outcome]:
            self.pid = connection.get_server_pid()
            await connection.execute("begin")
            return await post(connection, list(postings), buckets=self._buckets)

        return await self._session.run(job)

    async def post(self, *postings: Posting) -> list[Outcome]:
        return await self._session.run(
            lambda connection: post(connection, list(postings), buckets=self._buckets)
        )

    async def commit(self) -> None:
        await self._session.run(lambda connection: connection.execute("commit"))

    async def rollback(self) -> None:
        await self._session.run(lambda connection: connection.execute("rollback"))


async def wait_blocked(owner: Database, by: int) -> None:
    """Wait until somebody waits for a lock of the backend `by`, at whatever server of the books."""
    blocked = "select exists (select from pg_stat_activity where $1::int = any(pg_blocking_pids(pid)))"
    if await owner.run(is_sharded):
        # Citus numbers a backend by its server, then its pid in ten digits.
        blocked += " or exists (select from citus_lock_waits where blocking_gpid % 10000000000 = $1)"
    with trio.fail_after(HANG_S):
        while not await owner.run(lambda connection: connection.fetchval(blocked, by)):
            await trio.lowlevel.checkpoint()


async def race(owner: Database, books: Books, rival: Rival, second: list[Posting]) -> list[Outcome]:
    """Post `second` while the rival holds what it began; let the rival commit once it is waited for."""
    found: list[Outcome] = []

    async def later() -> None:
        found.extend(await books.post_all(second))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(later)
        await wait_blocked(owner, rival.pid)
        await rival.commit()
    return found


async def assert_sound(books: Books) -> None:
    for finding in await books.database.run(verify):
        assert finding.count == 0, finding


async def test_a_concurrent_duplicate_waits_and_is_seen(owner: Database, database: Database) -> None:
    """The same request in two workers: the second waits for the first and returns its stored reply."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    (first,) = await rival.begin(books.earn(1, 5))
    (second,) = await race(owner, books, rival, [books.earn(1, 5)])
    assert (second.code, second.replayed, second.transaction_id) == (0, True, first.transaction_id)
    assert await books.balance() == 5
    await assert_sound(books)


async def test_a_duplicate_of_a_rolled_back_owner_posts(owner: Database, database: Database) -> None:
    """An owner that fails leaves the id free: the duplicate that waited posts."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5))
    found: list[Outcome] = []
    async with trio.open_nursery() as nursery:

        async def later() -> None:
            found.append(await books.post(books.earn(1, 5)))

        nursery.start_soon(later)
        await wait_blocked(owner, rival.pid)
        await rival.rollback()
    assert (found[0].code, found[0].replayed, found[0].balance) == (0, False, 5)
    await assert_sound(books)


async def test_the_same_id_for_two_cards_has_one_winner(owner: Database, database: Database) -> None:
    """One id raced with two cards: one posts, the other conflicts, beside good rows in both batches."""
    books = await Books.open(owner, database, cards=4)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5, card=0), books.earn(2, 1, card=2))
    good, lost = await race(owner, books, rival, [books.earn(3, 2, card=3), books.earn(1, 7, card=1)])
    assert (good.code, good.balance) == (0, 2)
    assert (lost.code, lost.points) == (codes.STAN_CONFLICT, 0)
    assert [await books.balance(card) for card in range(4)] == [5, 0, 1, 2]
    await assert_sound(books)


async def test_a_reversal_waits_for_its_original_in_flight(owner: Database, database: Database) -> None:
    """A reversal in another worker waits for its original's commit and posts the mirror."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5))
    (reversal,) = await race(owner, books, rival, [books.reversal(2, 1)])
    assert (reversal.code, reversal.points, reversal.balance) == (0, -5, 0)
    await assert_sound(books)


async def test_an_original_waits_for_its_reversal_in_flight(owner: Database, database: Database) -> None:
    """An original that arrives while its reversal commits is refused by the tombstone."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.reversal(2, 1))
    (original,) = await race(owner, books, rival, [books.earn(1, 5)])
    assert (original.code, await books.balance()) == (codes.ORIGINAL_CANCELLED, 0)
    await assert_sound(books)


async def test_status_waits_for_an_owner_in_flight(owner: Database, database: Database) -> None:
    """A status query of an id in flight waits for it and returns what was stored."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5))
    (status,) = await race(owner, books, rival, [books.status(2, 1)])
    assert status.original is not None
    assert (status.code, status.original.points) == (0, 5)


async def test_status_naming_another_card_waits_for_the_id_itself(
    owner: Database, database: Database
) -> None:
    """Where the card's lock does not make it wait, the id's does; nothing is settled wrongly."""
    books = await Books.open(owner, database, cards=2)
    rival = Rival(database)
    await rival.begin(books.earn(1, 5))
    (status,) = await race(owner, books, rival, [books.status(2, 1, card=1)])
    assert (status.code, status.original) == (codes.ORIGINAL_MISMATCH, None)
    await assert_sound(books)


async def test_two_reversals_of_one_original_at_once(owner: Database, database: Database) -> None:
    """Two workers reverse the same original under two STANs: one effect."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    rival = Rival(database)
    await rival.begin(books.reversal(2, 1))
    (second,) = await race(owner, books, rival, [books.reversal(3, 1)])
    assert (second.code, second.points) == (codes.APPROVED_NOTHING_TO_REVERSE, 0)
    assert await books.balance() == 0
    await assert_sound(books)


async def test_a_redemption_sees_the_one_in_flight(owner: Database, database: Database) -> None:
    """Two redemptions of the same points in two workers: the second is declined."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 100))
    rival = Rival(database)
    await rival.begin(books.redeem(2, 100))
    (second,) = await race(owner, books, rival, [books.redeem(3, 100)])
    assert (second.code, second.balance) == (codes.POINTS_INSUFFICIENT, 0)
    await assert_sound(books)


async def test_a_reversal_that_loses_its_id_leaves_no_tombstone(owner: Database, database: Database) -> None:
    """Its own id is taken by a request in flight for another card: rolled back, and a conflict."""
    books = await Books.open(owner, database, cards=2)
    rival = Rival(database)
    await rival.begin(books.earn(2, 5, card=1))
    (lost,) = await race(owner, books, rival, [books.reversal(2, 1)])
    assert lost.code == codes.STAN_CONFLICT
    assert (await books.post(books.earn(1, 3))).code == codes.APPROVED
    await assert_sound(books)


async def test_accounts_are_locked_in_the_order_of_their_ids(owner: Database, database: Database) -> None:
    """Whoever waits for an account holds none with a higher id, whatever was posted to which before."""
    books = await Books.open(owner, database, cards=2)
    low, high = sorted(range(2), key=lambda card: books.accounts[card])
    await books.post_all([books.earn(50, 1, card=low), books.earn(10, 1, card=high)])
    rival = Rival(database)
    await rival.begin(books.earn(51, 1, card=low))
    is_free = "select count(*) from (select from ledger.account where id = $1 for no key update nowait) a"

    async def later() -> None:
        # Two rows of a card are posted after those that stand alone, where locks are waited for.
        await books.post_all([books.earn(60 + n, 1, card=card) for n, card in enumerate((high, low) * 2)])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(later)
        await wait_blocked(owner, rival.pid)
        free = await owner.run(lambda connection: connection.fetchval(is_free, books.accounts[high]))
        await rival.commit()
    assert free == 1
    await assert_sound(books)


async def test_opposing_batches_do_not_deadlock(owner: Database, service_dsn: str) -> None:
    """Two workers post for the same cards in opposite orders, many times: nobody is ever a deadlock's
    victim.
    """
    async with open_database(service_dsn, connections_max=2) as database:
        books = await Books.open(owner, database, cards=20)

        async def worker(terminal: int, cards: list[int]) -> None:
            for turn in range(30):
                outcomes = await books.post_all(
                    [
                        books.earn(turn * 100 + n, 1, card=card, terminal=terminal)
                        for n, card in enumerate(cards, start=1)
                    ]
                )
                assert all(outcome.code == 0 for outcome in outcomes)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker, TERMINAL, list(range(20)))
            nursery.start_soon(worker, TERMINAL + 1, list(reversed(range(20))))
        assert await books.count("journal") == 1200
        await assert_sound(books)

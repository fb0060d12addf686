"""What quotas promise: uses are taken all or none, up to the limit and none beyond, and come back whole."""

from collections.abc import Iterable
from typing import Any, Final, cast

import pytest
import trio
from msgspec.structs import replace

from ledger.books import result_codes as codes
from ledger.books.layout import HOLD
from ledger.books.posting import NO_LIMIT, Kind, QuotaLeg, bucket_of
from ledger.books.quotas import LEFT, QuotaReader, uses_left
from ledger.books.rebucket import change_buckets, rebucket
from ledger.books.shard_map import ShardMap
from ledger.books.statements import partner_balance, terminal_totals
from ledger.engine.shards import Server, Shard, read_shards
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database, Opened, connect_postgres, open_database
from ledger.postgres.dsn import Target
from ledger.postgres.session import Session
from ledger.registry.reads import BUCKETS
from tests.ledger.books import PARTNER, TERMINAL, TESTER, Books, wide
from tests.ledger.test_races import Rival, assert_sound, race, wait_blocked
from tests.patience import HANG_S

ONE_POSTGRES: Final = ShardMap([])


class Lost:
    """A database whose sessions are lost, but for some."""

    def __init__(self, database: Database, works: Iterable[int]) -> None:
        self._database = database
        self._works = set(works)
        self.sessions = 0

    def session(self) -> Session:
        self.sessions += 1
        target = None if self.sessions in self._works else Target(["postgresql://u@127.0.0.1:1/none"], None)
        return self._database.session(target)


async def test_equal_quotas_are_read_once_and_each_is_told(owner: Database, database: Database) -> None:
    """Over one connection, which it keeps."""
    books = await Books.open(owner, database, cards=2)
    first, second, all_ = books.per_card(40, 3), books.per_card(40, 2, card=1), wide(3, 9)
    await books.post(books.use(1, first, all_))
    lost = Lost(database, works=[1])
    reader = QuotaReader(cast(Database, lost), ONE_POSTGRES)
    for _ in range(2):
        found = await reader.read([first, second, all_, first, all_])
        assert (found.uses, found.problem) == ({first: 2, second: 2, all_: 8}, None)
    assert lost.sessions == 1


async def test_a_server_that_is_lost_keeps_nobody_from_what_the_others_know(
    owner: Database, database: Database
) -> None:
    """Where the books lie on several: what its cards have left is not known, and what adds up over all."""
    books = await Books.open(owner, database, cards=8)
    servers = [Server("a", 1), Server("b", 1)]
    shards = [Shard(servers[bucket % 2], bucket, "s", {}) for bucket in range(4)]
    quotas = [books.per_card(40, 3, card=card) for card in range(8)]
    places = [shards[bucket_of(quota.owner, 4)].server for quota in quotas]
    assert set(places) == set(servers)
    reader = QuotaReader(cast(Database, Lost(database, works=[1])), ShardMap(shards))
    found = await reader.read([*quotas, wide(3, 9)])
    known = {quota for quota, place in zip(quotas, places, strict=True) if place == places[0]}
    assert found.uses == dict.fromkeys(known, 3)
    assert found.problem is not None


async def test_a_reader_without_a_database_says_why(database: Database) -> None:
    """It raises nothing; what it cannot tell is not there."""
    reader = QuotaReader(cast(Database, Lost(database, works=[])), ONE_POSTGRES)
    found = await reader.read([wide(3, 9)])
    assert found.uses == {}
    assert found.problem


@pytest.mark.parametrize("buckets", [1, 4, 8])
async def test_counts_are_those_of_the_uses_whatever_the_buckets(
    owner: Database, database: Database, buckets: int
) -> None:
    """Of cards and of all, in any period, used, unused and past a limit that was lowered; asked together."""
    books = await Books.open(owner, database, cards=16)
    await change_buckets(owner, TESTER, buckets, HANG_S)
    books.buckets = buckets
    used: dict[QuotaLeg, int] = {}
    for stan in range(1, 60):
        card, period = stan * 7 % 16, 20_000 + stan % 2
        legs = (books.per_card(40, 9, card=card, period=period), wide(3, 400, period=period))
        assert (await books.post(books.use(stan, *legs, card=card))).code == 0
        used.update((leg, used.get(leg, 0) + 1) for leg in legs)
    unused = [books.per_card(41, 5, card=card) for card in range(16)] + [wide(4, 7), wide(3, 7, period=0)]
    expected = {leg: leg.uses_allowed for leg in unused}
    for leg, uses in used.items():
        expected[leg] = leg.uses_allowed - uses
        expected[leg._replace(uses_allowed=1)] = max(1 - uses, 0)
    reader = QuotaReader(database, ShardMap(await owner.run(read_shards)))
    found = await reader.read([*expected, *used])
    assert (found.uses, found.problem) == (expected, None)
    assert await left(books, *expected) == [*expected.values()]


async def test_a_read_is_one_statement_once_the_layout_is_known(service_dsn: str) -> None:
    """However many quotas: the number of buckets is asked when the connection is made, and kept with it."""
    asked: list[str] = []

    async def connect(target: Target, name: str, timeout_s: float) -> Opened:
        opened = await connect_postgres(target, name, timeout_s)
        opened.connection.add_query_logger(lambda record: asked.append(record.query))
        return opened

    async with open_database(service_dsn, connect=connect) as database:
        reader = QuotaReader(database, ONE_POSTGRES)
        quotas = [wide(number, 5) for number in range(500)]
        assert (await reader.read(quotas)).uses == dict.fromkeys(quotas, 5)
        assert asked == [HOLD, BUCKETS, LEFT]
        del asked[:]
        assert (await reader.read(quotas)).uses == dict.fromkeys(quotas, 5)
        assert asked == [LEFT]


async def test_no_rebucket_gives_a_wrong_count(owner: Database, database: Database) -> None:
    """Who asks in the middle of one is told the truth when it has ended, or nothing; while a reader is
    connected there is none, and after it the reader knows the new number.
    """
    books = await Books.open(owner, database, cards=1)
    quota, all_ = books.per_card(40, 3), wide(3, 9)
    await books.post(books.use(1, quota, all_))
    reader = QuotaReader(database, ONE_POSTGRES)
    truth = {quota: 2, all_: 8}
    found: list[dict[QuotaLeg, int]] = []

    async def read() -> None:
        found.append((await reader.read(truth)).uses)

    session = owner.session()
    pid = await session.run(lambda connection: connection.fetchval("select pg_backend_pid()"))
    transaction: Any = None

    async def move(connection: Connection) -> None:
        nonlocal transaction
        transaction = connection.transaction()
        await transaction.start()
        await rebucket(connection, TESTER, 8)

    await session.run(move, timeout_s=HANG_S)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await wait_blocked(owner, pid)
        await session.run(lambda _: transaction.commit(), timeout_s=HANG_S)
    assert found in ([truth], [{}])
    await until(reader, truth)
    with pytest.raises(RegistryRefused, match="stop it first"):
        await owner.run(lambda connection: rebucket(connection, TESTER, 3))


async def until(reader: QuotaReader, truth: dict[QuotaLeg, int]) -> None:
    """Read until all is told: nothing else may be told before."""
    with trio.fail_after(HANG_S):
        while (uses := (await reader.read(truth)).uses) != truth:
            assert uses.items() <= truth.items()


async def left(books: Books, *quotas: QuotaLeg) -> list[int]:
    return await books.database.run(lambda connection: uses_left(connection, books.buckets, quotas))


def shared(books: Books, quota: int, share: int, *, period: int = 20_000) -> QuotaLeg:
    """A use of a quota of the whole programme of which each bucket has such a share."""
    return wide(quota, share * books.buckets, period=period)


def neighbours(books: Books, count: int) -> list[int]:
    """So many cards of one bucket."""
    homes: dict[int, list[int]] = {}
    for card, account in enumerate(books.accounts):
        homes.setdefault(bucket_of(account, books.buckets), []).append(card)
    return next(cards[:count] for cards in homes.values() if len(cards) >= count)


@pytest.mark.parametrize("is_wide", [False, True])
async def test_the_last_use_and_none_beyond(owner: Database, database: Database, is_wide: bool) -> None:
    """As many are approved as the limit says, each told what is left; the next is declined, and stays so."""
    books = await Books.open(owner, database, cards=1)
    quota = shared(books, 40, 2) if is_wide else books.per_card(40, 2)
    found = [await books.post(books.use(stan, quota)) for stan in (1, 2, 3)]
    assert [(o.code, o.remaining) for o in found] == [(0, 1), (0, 0), (codes.QUOTA_USED_UP, 0)]
    again = [await books.post(books.use(stan, quota)) for stan in (1, 2, 3)]
    assert [(o.code, o.remaining, o.replayed) for o in again] == [
        (0, 1, True), (0, 0, True), (codes.QUOTA_USED_UP, 0, True),
    ]  # fmt: skip
    assert await left(books, quota) == [quota.uses_allowed - 2]
    assert (await books.post(books.use(4))).remaining == NO_LIMIT
    await assert_sound(books)


@pytest.mark.parametrize("together", [False, True])
async def test_uses_are_taken_all_or_none(owner: Database, database: Database, together: bool) -> None:
    """Of several quotas the tightest decides; where it has nothing left, nothing is taken of the others."""
    books = await Books.open(owner, database, cards=1)
    day, month = books.per_card(40, 1), books.per_card(41, 5, period=24_000)
    city = shared(books, 3, 9, period=2026)
    asked = [books.use(1, day, month, city), books.use(2, day, month, city), books.use(3, month, city)]
    found = await books.post_all(asked) if together else [await books.post(posting) for posting in asked]
    assert [(o.code, o.remaining) for o in found] == [(0, 0), (codes.QUOTA_USED_UP, 0), (0, 3)]
    assert await left(books, day, month, city) == [0, 3, city.uses_allowed - 2]
    await assert_sound(books)


async def test_a_batch_of_many_cards(owner: Database, database: Database) -> None:
    """Cards with and without quotas, used up ones and declined ones go together; each gets its own answer."""
    books = await Books.open(owner, database, cards=6)
    await books.post(books.use(1, books.per_card(40, 1)))
    batch = [
        books.use(10, books.per_card(40, 1)),
        books.earn(11, 7, card=1),
        books.use(12, books.per_card(40, 3, card=2), books.per_card(41, 2, card=2), card=2, discount=150),
        replace(books.use(13, books.per_card(40, 1, card=3), card=3), code=45),
        books.use(14, shared(books, 2, 10), card=4),
        books.use(15, card=5, discount=25),
    ]
    found = await books.post_all(batch)
    assert [(o.code, o.remaining, o.discount_grosze) for o in found] == [
        (codes.QUOTA_USED_UP, 0, 0), (0, NO_LIMIT, 0), (0, 1, 150),
        (45, NO_LIMIT, 0), (0, 9, 0), (0, NO_LIMIT, 25),
    ]  # fmt: skip
    again = await books.post_all(batch)
    assert [replace(o, replayed=False) for o in again] == found
    assert await left(books, books.per_card(40, 1, card=3), books.per_card(40, 3, card=2)) == [1, 2]
    sums = await database.run(lambda connection: partner_balance(connection, PARTNER))
    assert (sums.uses, sums.discount_grosze, sums.issued_points) == (4, 175, 7)
    totals = await database.run(lambda connection: terminal_totals(connection, TERMINAL, 1, 99))
    assert (totals.benefit_count, totals.benefit_grosze, totals.refund_count) == (4, 175, 0)
    await assert_sound(books)


async def test_a_card_s_postings_keep_their_order_when_one_is_sent_again(
    owner: Database, database: Database
) -> None:
    """The first use of a wide quota in a mixed batch is left, and sent again; what its card asked for after
    it does not overtake it.
    """
    books = await Books.open(owner, database, cards=2)
    batch = [books.earn(1, 5, card=1), books.use(2, wide(40, 9)), books.earn(3, 7), books.earn(4, 1)]
    found = await books.post_all(batch)
    assert [(outcome.code, outcome.balance) for outcome in found] == [(0, 5), (0, 0), (0, 7), (0, 8)]
    await assert_sound(books)


async def test_a_reversal_gives_back_into_its_own_period(owner: Database, database: Database) -> None:
    """Uses return to the period they came from, whatever day it is by then, and the discount with them."""
    books = await Books.open(owner, database, cards=1)
    friday, monday = books.per_card(40, 1, period=20_000), books.per_card(40, 1, period=20_003)
    city = shared(books, 3, 5)
    await books.post(books.use(1, friday, city, discount=400))
    await books.post(books.use(2, monday))
    undone = await books.post(books.reversal(3, 1))
    assert (undone.code, undone.points, undone.discount_grosze, undone.offer) == (0, 0, 400, 5)
    assert (undone.remaining, (await books.post(books.reversal(3, 1))).remaining) == (1, 1)
    assert await left(books, friday, monday, city) == [1, 0, city.uses_allowed]
    assert (await books.post(books.reversal(4, 1))).code == codes.APPROVED_NOTHING_TO_REVERSE
    assert (await books.post(books.use(5, friday))).code == 0
    assert (await database.run(lambda c: partner_balance(c, PARTNER))).discount_grosze == 0
    await assert_sound(books)


async def test_what_gives_uses_back_tells_of_the_limit_they_were_last_counted_by(
    owner: Database, database: Database
) -> None:
    """A reversal and a refund name no limit, so a change of the rules since is not in what they tell; a use
    goes by it at once.
    """
    books = await Books.open(owner, database, cards=1)
    five, two = books.per_card(40, 5), books.per_card(40, 2)
    for stan in (1, 2, 3):
        await books.post(books.use(stan, five))
    assert (await books.post(books.reversal(4, 3))).remaining == 3
    assert (await books.post(books.use(5, two))).code == codes.QUOTA_USED_UP
    assert (await books.post(books.reversal(6, 2))).remaining == 4
    assert (await books.post(books.use(7, two))).remaining == 0
    assert (await books.post(books.reversal(8, 1))).remaining == 1
    await assert_sound(books)


async def test_a_quote_is_what_would_be(owner: Database, database: Database) -> None:
    """A quote leaves nothing and answers as the request then does; of a redemption, an earn and a use."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 100))
    quotas = (books.per_card(40, 1), wide(3, 9))
    asked = [
        books.use(11, *quotas, discount=300), books.use(12, *quotas), books.redeem(13, 100),
        books.redeem(14, 100), books.earn(15, 8),
    ]  # fmt: skip
    for posting in asked:
        quoted = await books.post(replace(posting, kind=int(Kind.QUOTE), stan=posting.stan + 100))
        rows = await books.count("journal"), await books.count("posting")
        later = await books.post(posting)
        assert quoted.transaction_id == 0
        assert replace(later, kind=int(Kind.QUOTE), transaction_id=0) == quoted
        assert (await books.count("journal"), await books.count("posting")) > rows
    await assert_sound(books)


async def test_what_was_recorded_is_told_again(owner: Database, database: Database) -> None:
    """Entry, language, what was confirmed and checked, offer and step are stored with the row."""
    books = await Books.open(owner, database, cards=1)
    asked = replace(
        books.use(1, books.per_card(40, 3)),
        entry=3, language=1, confirmed=4, checks=7, step_grosze=1_000, offer=77, discount_grosze=5,
    )  # fmt: skip
    first = await books.post(asked)
    assert (first.entry, first.language, first.confirmed, first.checks) == (3, 1, 4, 7)
    assert (first.step_grosze, first.offer, first.discount_grosze) == (1_000, 77, 5)
    changed = replace(asked, entry=1, language=0, confirmed=0, checks=0, step_grosze=1, offer=0)
    assert replace(await books.post(changed), replayed=False) == first
    status = await books.post(books.status(2, 1))
    assert status.original is not None
    assert replace(status.original, replayed=False) == first


@pytest.mark.parametrize("is_wide", [False, True])
async def test_the_last_use_in_two_workers(owner: Database, database: Database, is_wide: bool) -> None:
    """While one worker's use is not committed, another's waits for it, and finds nothing left."""
    books = await Books.open(owner, database, cards=16)
    one, other = neighbours(books, 2)
    rival = Rival(database, books.buckets)
    last = shared(books, 40, 1) if is_wide else books.per_card(40, 1, card=one)
    await rival.begin(books.use(1, last, card=one))
    (second,) = await race(owner, books, rival, [books.use(2, last, card=other if is_wide else one)])
    assert (second.code, second.remaining) == (codes.QUOTA_USED_UP, 0)
    assert await left(books, last) == [last.uses_allowed - 1]
    await assert_sound(books)


async def test_an_earn_does_not_wait_for_a_wide_quota(owner: Database, database: Database) -> None:
    """Who holds locks does not wait: the ordinary rows of a batch are committed while its wide use waits."""
    books = await Books.open(owner, database, cards=32)
    one, two, three, four = neighbours(books, 4)
    quota = shared(books, 40, 5)
    await books.post(books.use(1, quota, card=one))
    rival = Rival(database, books.buckets)
    await rival.begin(books.use(2, quota, card=two))
    batch = [books.earn(3, 5, card=three), books.use(4, quota, card=four)]
    earned, used = await race(owner, books, rival, batch)
    assert (earned.code, earned.balance) == (0, 5)
    assert (used.code, used.remaining) == (0, 2)
    await assert_sound(books)

"""What refunds promise: no more than was paid, the points of what is still paid, uses back with all of it."""

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.books import result_codes as codes
from ledger.books.posting import ANY_ACCOUNT, NO_LIMIT, Outcome, Posting, bucket_of
from ledger.books.statements import terminal_totals
from ledger.postgres.database import Database, open_database
from tests.ledger.books import TERMINAL, Books, wide
from tests.ledger.test_quotas import left
from tests.ledger.test_races import Rival, assert_sound, race
from tests.ledger.test_shares import four_buckets
from tests.postgres import FreshDatabase

STEP = 1_000
ELSEWHERE = TERMINAL + 1


def sale(books: Books, stan: int, paid: int, *, card: int = 0) -> Posting:
    """A sale that earns a point for each full 10 zł."""
    return replace(books.earn(stan, paid // STEP, card=card), amount_grosze=paid, step_grosze=STEP)


def told(outcome: Outcome) -> tuple[int, int, int]:
    return outcome.code, outcome.points, outcome.balance


async def test_part_after_part_of_a_sale(owner: Database, database: Database) -> None:
    """Points follow what is still paid; more than the sale is refused, a repeat gets its first reply."""
    books = await Books.open(owner, database, cards=1)
    await books.post(sale(books, 1, 4_590))
    refunds = [(2, 1_000), (3, 590), (4, 3_001), (5, 3_000), (6, 1)]
    found = [await books.post(books.refund(stan, 1, amount)) for stan, amount in refunds]
    assert [told(outcome) for outcome in found] == [
        (0, -1, 3), (0, 0, 3), (codes.REFUND_OVER_SALE, 0, 3), (0, -3, 0), (codes.REFUND_OVER_SALE, 0, 0),
    ]  # fmt: skip
    again = [await books.post(books.refund(stan, 1, amount)) for stan, amount in refunds]
    assert [told(outcome) for outcome in again] == [told(outcome) for outcome in found]
    assert all(outcome.replayed for outcome in again)
    assert (await books.post(books.reversal(7, 1))).code == codes.APPROVED_NOTHING_TO_REVERSE
    totals = await database.run(lambda connection: terminal_totals(connection, TERMINAL, 1, 9))
    assert (totals.refund_count, totals.refund_points) == (3, -4)
    await assert_sound(books)


async def test_what_a_sale_must_be(owner: Database, database: Database) -> None:
    """No refund of a refund, of a reversal, of what was declined, undone or never seen, nor of another card's
    sale; nothing is settled by asking.
    """
    books = await Books.open(owner, database, cards=2)
    await books.post(sale(books, 1, 5_000))
    await books.post(replace(sale(books, 2, 5_000), code=45))
    await books.post(sale(books, 3, 5_000))
    await books.post(books.refund(4, 1, 1_000))
    await books.post(books.reversal(5, 3))
    for number, original in enumerate((2, 3, 4, 5), start=10):
        refused = await books.post(books.refund(number, original, 100))
        assert told(refused) == (codes.ORIGINAL_NOT_REFUNDABLE, 0, 4)
    assert (await books.post(books.refund(20, 19, 100))).code == codes.ORIGINAL_UNKNOWN
    assert (await books.post(sale(books, 19, 2_000))).code == 0
    assert (await books.post(books.refund(21, 1, 100, card=1))).code == codes.ORIGINAL_MISMATCH
    assert (await books.post(books.refund(22, 22, 100))).code == codes.ORIGINAL_MISMATCH
    assert (await books.post(books.reversal(23, 4))).code == codes.ORIGINAL_NOT_REVERSIBLE
    assert await books.count("refund") == 1
    await assert_sound(books)


@pytest.mark.parametrize("sold_at", [TERMINAL, TERMINAL + 1])
async def test_a_sale_of_any_terminal(owner: Database, database: Database, sold_at: int) -> None:
    """The sale is named by its terminal and STAN, whatever the refund's own; the card may be unknown."""
    books = await Books.open(owner, database, cards=1)
    await books.post(replace(sale(books, 7, 3_000), terminal=sold_at))
    refund = books.refund(8, 7, 3_000, sold_at=sold_at)
    refund.account = ANY_ACCOUNT
    found = await books.post(refund)
    assert (told(found), found.original_terminal, found.original_stan) == ((0, -3, 0), sold_at, 7)
    await assert_sound(books)


@pytest.mark.parametrize("card", range(4))
@pytest.mark.parametrize("is_known", [True, False])
async def test_a_sale_of_any_terminal_in_any_bucket(
    owner: Database, database: Database, card: int, is_known: bool
) -> None:
    """With four buckets a sale is found in its card's, though its terminal and the refund's have others:
    parts come back up to the whole, a repeat gets its reply, and of another card it is a mismatch.
    """
    books = await four_buckets(owner, database)
    assert {bucket_of(terminal << 3, 4) for terminal in (TERMINAL, ELSEWHERE)} == {2, 3}
    day = books.per_card(40, 2, card=card)
    await books.post(replace(sale(books, 7, 3_000, card=card), quotas=(day,)))
    refunds = [(3, 2_000), (4, 1_001), (7, 1_000)]
    asked = [books.refund(stan, 7, amount, card=card, terminal=ELSEWHERE) for stan, amount in refunds]
    for refund in asked:
        refund.account = refund.account if is_known else ANY_ACCOUNT
    found = [await books.post(refund) for refund in asked]
    assert [told(outcome) for outcome in found] == [(0, -2, 1), (codes.REFUND_OVER_SALE, 0, 1), (0, -1, 0)]
    assert [outcome.remaining for outcome in found] == [NO_LIMIT, NO_LIMIT, 2]
    again = [await books.post(refund) for refund in asked]
    assert [replace(outcome, replayed=False) for outcome in again] == found
    stranger = books.refund(8, 7, 1, card=(card + 1) % 4, terminal=ELSEWHERE)
    assert (await books.post(stranger)).code == codes.ORIGINAL_MISMATCH
    assert (
        await books.post(books.refund(9, 8, 1, card=card, terminal=ELSEWHERE))
    ).code == codes.ORIGINAL_UNKNOWN
    undone = await books.post(books.reversal(10, 7, card=card))
    assert undone.code == codes.APPROVED_NOTHING_TO_REVERSE
    await assert_sound(books)


async def test_below_the_floor_by_permission_only(owner: Database, database: Database) -> None:
    """A card whose points are spent goes below zero where the request allows it, and is declined else."""
    books = await Books.open(owner, database, cards=1)
    await books.post(sale(books, 1, 100_000))
    await books.post(books.redeem(2, 100))
    strict = replace(books.refund(3, 1, 50_000), may_go_below=False)
    assert told(await books.post(strict)) == (codes.POINTS_INSUFFICIENT, 0, 0)
    assert told(await books.post(books.refund(4, 1, 50_000))) == (0, -50, -50)
    await assert_sound(books)


async def test_uses_come_back_with_the_whole(owner: Database, database: Database) -> None:
    """A benefit's uses and discount return when all that was paid is refunded, into their own periods."""
    books = await Books.open(owner, database, cards=1)
    day, city = books.per_card(40, 1), wide(3, 9, period=2026)
    await books.post(books.use(1, day, city, discount=2_000))
    part = await books.post(books.refund(2, 1, 7_999))
    assert (part.code, part.discount_grosze, part.offer, part.remaining) == (0, 0, 5, NO_LIMIT)
    assert await left(books, day, city) == [0, 8]
    rest = await books.post(books.refund(3, 1, 1))
    assert (rest.code, rest.discount_grosze, rest.offer, rest.remaining) == (0, 2_000, 5, 1)
    assert await left(books, day, city) == [1, 9]
    assert (await books.post(books.reversal(4, 1))).code == codes.APPROVED_NOTHING_TO_REVERSE
    await assert_sound(books)


async def test_what_cost_nothing_is_refunded_by_nothing(owner: Database, database: Database) -> None:
    """Free entry gives its use back once, by a refund of 0; of what cost something, 0 is no refund."""
    books = await Books.open(owner, database, cards=1)
    day = books.per_card(40, 1)
    await books.post(books.use(1, day, discount=10_000))
    found = [await books.post(books.refund(stan, 1, amount)) for stan, amount in ((2, 1), (3, 0), (4, 0))]
    assert [outcome.code for outcome in found] == [codes.REFUND_OVER_SALE, 0, codes.REFUND_OVER_SALE]
    assert await left(books, day) == [1]
    await books.post(sale(books, 5, 900))
    assert (await books.post(books.refund(6, 5, 0))).code == codes.AMOUNT_ZERO
    await assert_sound(books)


async def test_a_redemption_is_reversed_never_refunded(owner: Database, database: Database) -> None:
    """Points spent are no payment (SPEC.md, section 6): no money gives them back, a reversal does."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 100))
    await books.post(replace(books.redeem(2, 100), amount_grosze=1_000))
    for stan, amount in ((3, 500), (4, 1_000)):
        refused = await books.post(books.refund(stan, 2, amount))
        assert (refused.code, refused.points, refused.balance) == (codes.ORIGINAL_NOT_REFUNDABLE, 0, 0)
    assert told(await books.post(books.reversal(5, 2))) == (0, 100, 100)
    await assert_sound(books)


async def test_a_reversal_undoes_what_is_left(owner: Database, database: Database) -> None:
    """After a part was refunded, a reversal posts the rest, and nothing may be refunded any more."""
    books = await Books.open(owner, database, cards=1)
    await books.post(replace(sale(books, 1, 5_000), quotas=(books.per_card(40, 1),)))
    await books.post(books.refund(2, 1, 1_500))
    undone = await books.post(books.reversal(3, 1))
    assert (told(undone), undone.amount_grosze) == ((0, -3, 0), 3_500)
    assert (await books.post(books.refund(4, 1, 1))).code == codes.ORIGINAL_NOT_REFUNDABLE
    assert await left(books, books.per_card(40, 1)) == [1]
    await assert_sound(books)


async def test_two_refunds_at_once(owner: Database, database: Database) -> None:
    """Two workers refund the same sale: the second counts what the first gave back."""
    books = await Books.open(owner, database, cards=1)
    await books.post(sale(books, 1, 5_000))
    rival = Rival(database)
    await rival.begin(books.refund(2, 1, 3_000))
    (second,) = await race(owner, books, rival, [books.refund(3, 1, 3_000, terminal=TERMINAL + 1)])
    assert told(second) == (codes.REFUND_OVER_SALE, 0, 2)
    await assert_sound(books)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 30_000),
    st.integers(1, 3_000),
    st.lists(st.tuples(st.integers(0, 20_000), st.booleans()), min_size=1, max_size=8),
    st.integers(0, 2),
)
def test_any_refunds_of_any_sale(
    fresh: FreshDatabase, paid: int, step: int, refunds: list[tuple[int, bool]], ending: int
) -> None:
    """For any sale and any refunds of it, each perhaps sent twice, and a reversal at the end or not: what was
    given back is at most what was paid, and the points are those of the rest.
    """

    async def run() -> None:
        async with open_database(fresh.owner_dsn, connections_max=1) as database:
            books = Books(database, [8])
            await database.run(
                lambda c: c.execute(
                    "truncate ledger.account, ledger.journal, ledger.posting, ledger.refund, ledger.reversal;"
                    "insert into ledger.account (bucket, id) values (0, 8)"
                )
            )
            first = books.earn(1, paid // step)
            await books.post(replace(first, amount_grosze=paid, step_grosze=step))
            given_back, approved = 0, 0
            for stan, (amount, is_sent_twice) in enumerate(refunds, start=2):
                for _ in range(1 + is_sent_twice):
                    found = await books.post(books.refund(stan, 1, amount))
                is_due = 0 < amount <= paid - given_back or (amount == paid == 0 and not approved)
                refused = codes.REFUND_OVER_SALE if amount or not paid else codes.AMOUNT_ZERO
                assert found.code == (0 if is_due else refused)
                given_back += amount if is_due else 0
                approved += is_due
                assert await books.balance() == (paid - given_back) // step
            if ending:
                await books.post(books.reversal(100, 1))
                assert await books.balance() == 0
            await assert_sound(books)

    trio.run(run)

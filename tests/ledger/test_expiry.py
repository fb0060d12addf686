"""What the expiry of points promises: oldest first, paired with what was spent, exact, once, at 1 and 4
buckets.
"""

import random

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.books import expiry
from ledger.books.expiry import ExpiryRules, expire_slice
from ledger.books.hand import Work, work_of
from ledger.books.lots import NEVER_DAY, Lots, Move
from ledger.books.posting import AccountKind, Kind, Posting, account_id
from ledger.books.statements import balance, history
from ledger.postgres.database import Database
from tests.ledger.books import NOW_MS, PROGRAMME
from tests.ledger.points import Purse
from tests.ledger.test_adjustments import opened
from tests.ledger.test_races import assert_sound

DAY_MS = 86_400_000
TERM = 10
FIRST_DAY = NOW_MS // DAY_MS


def ends(at_ms: int, rules_version: int) -> int | None:
    """Ten days under the first version of the rules, three under the second, for ever under the third."""
    term = {1: TERM, 2: 3}.get(rules_version)
    return None if term is None else at_ms // DAY_MS + term


def rules_on(day: int) -> ExpiryRules:
    return ExpiryRules(PROGRAMME, day, 1, ends, lambda at_ms: at_ms // DAY_MS)


async def expire(database: Database, day: int, *, limit: int = 500) -> int:
    """Look at all cards on a day, in slices of `limit`; return how many points expired."""
    points = after = 0
    while True:
        start = after
        swept = await database.run(
            lambda c, start=start: expire_slice(c, rules_on(day), day * DAY_MS, after=start, limit=limit)
        )
        points, after = points + swept.points, swept.after
        if not after:
            return points


def on(posting: Posting, day: int, version: int = 1) -> Posting:
    posting.accepted_at_ms, posting.rules_version = day * DAY_MS + 1, version
    return posting


async def balance_of(database: Database, account: int) -> int | None:
    return await database.run(lambda c: balance(c, account))


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(("earn", "spend", "undo", "refund", "expire")), st.integers(0, 12), st.integers(0, 30)
    ),
    max_size=40,
)


@given(OPERATIONS)
def test_lots_are_the_points_one_by_one(operations: list[tuple[str, int, int]]) -> None:
    """Whatever is earned, spent below zero, undone and expired: the same balance and the same points due."""
    purse, moves, day = Purse(), list[Move](), 1_000
    left: dict[int, int] = {}  # of sales: the points not refunded
    spent: dict[int, int] = {}

    def move(number: int, points: int, original: int = 0, expired_on: int | None = None) -> None:
        of = (1, original) if original else None
        moves.append(Move((1, number), points, of, day * DAY_MS, number % 4, expired_on))

    for number, (what, amount, pick) in enumerate(operations, start=1):
        day += pick % 4
        if what == "earn" and amount:
            move(number, amount)
            purse.earn(number, amount, ends(day * DAY_MS, number % 4))
            left[number] = amount
        elif what == "spend" and amount:
            move(number, -amount)
            purse.spend(number, amount)
            spent[number] = amount
        elif what == "undo" and spent:
            original = sorted(spent)[pick % len(spent)]
            move(number, spent.pop(original), original)
            purse.give_back(original)
        elif what == "refund" and left:
            original = sorted(left)[pick % len(left)]
            if points := min(amount, left[original]):
                left[original] -= points
                move(number, -points, original)
                purse.spend(number, points, sale=original)
        elif what == "expire" and (points := purse.expire(day)):
            assert Lots.after(moves, ends).due(day) == points
            move(number, -points, expired_on=day)
        lots = Lots.after(moves, ends)
        assert lots.balance == purse.balance
        assert (lots.next_day() <= day) == (lots.due(day) > 0)


@pytest.mark.parametrize("buckets", [1, 4])
async def test_the_books_expire_what_the_points_one_by_one_say(
    owner: Database, database: Database, buckets: int
) -> None:
    """Random days of sales, redemptions, reversals and refunds of four cards, with looks in between."""
    books = await opened(owner, database, buckets)
    rng, purses, stan, made = (
        random.Random(7),
        [Purse() for _ in range(4)],
        0,
        list[tuple[str, int, int, int]](),
    )
    for day in range(FIRST_DAY, FIRST_DAY + 25):
        for _ in range(4):
            stan, card = stan + 1, rng.randrange(4)
            what = rng.choice(("earn", "earn", "spend", "undo", "refund"))
            if what == "earn":
                version, points = rng.choice((1, 1, 2, 3)), rng.randint(1, 20)
                sale = on(books.earn(stan, points, card=card), day, version)
                sale.amount_grosze, sale.step_grosze = points * 1_000, 1_000
                await books.post(sale)
                purses[card].earn(stan, points, ends(day * DAY_MS, version))
                made.append((what, stan, card, points))
            elif what == "spend":
                points = rng.randint(1, 25)
                if (await books.post(on(books.redeem(stan, points, card=card), day))).code == 0:
                    purses[card].spend(stan, points)
                    made.append((what, stan, card, points))
            elif made:
                done, original, card, points = made.pop(rng.randrange(len(made)))
                if what == "refund" and done == "earn":
                    points = rng.randint(1, points)
                    await books.post(on(books.refund(stan, original, points * 1_000, card=card), day))
                else:
                    await books.post(on(books.reversal(stan, original, card=card), day))
                if done == "earn":
                    purses[card].spend(stan, points, sale=original)
                else:
                    purses[card].give_back(original)
        if day % 3 == 0:
            assert await expire(database, day, limit=2) == sum(purse.expire(day) for purse in purses)
            assert await expire(database, day) == 0
        found = [await balance_of(database, account) for account in books.accounts[:4]]
        assert found == [purse.balance for purse in purses]
    await assert_sound(books)


async def test_an_expiry_is_a_posting_to_the_organiser_in_the_history(
    owner: Database, database: Database
) -> None:
    """On the day after the last one, not on it; a balance and a redemption see it; once."""
    books = await opened(owner, database, 1)
    await books.post(on(books.earn(1, 30), FIRST_DAY))
    await books.post(on(books.redeem(2, 10), FIRST_DAY + 1))
    assert await expire(database, FIRST_DAY + TERM) == 0
    assert await expire(database, FIRST_DAY + TERM + 1) == 20
    newest = (await database.run(lambda c: history(c, books.accounts[0])))[0]
    assert (newest.kind, newest.points, newest.balance) == (Kind.ADJUSTMENT, -20, 0)
    assert newest.counter_account == account_id(PROGRAMME, AccountKind.ORGANISER)
    assert work_of(newest.terminal) is Work.EXPIRY
    assert (await books.post(books.redeem(3, 1))).code == 60
    for day in range(FIRST_DAY + TERM + 1, FIRST_DAY + TERM + 4):
        assert await expire(database, day) == 0
    await assert_sound(books)


async def test_what_is_given_back_after_its_term_goes_with_the_next_look(
    owner: Database, database: Database
) -> None:
    """A redemption undone gives its points back to the sale they were of, which has ended; others stay."""
    books = await opened(owner, database, 1)
    await books.post(on(books.earn(1, 30), FIRST_DAY))
    await books.post(on(books.redeem(2, 25), FIRST_DAY + 1))
    await books.post(on(books.earn(3, 40), FIRST_DAY + 5))
    assert await expire(database, FIRST_DAY + TERM + 1) == 5
    await books.post(on(books.redeem(4, 15), FIRST_DAY + TERM + 1))
    await books.post(on(books.reversal(5, 2), FIRST_DAY + TERM + 1))
    assert await expire(database, FIRST_DAY + TERM + 1) == 25
    assert await balance_of(database, books.accounts[0]) == 25
    await assert_sound(books)


async def test_a_refund_of_a_sale_whose_points_have_expired_is_owed(
    owner: Database, database: Database
) -> None:
    """The points went to the organiser; the sale taken back takes them once more, below zero where it may."""
    books = await opened(owner, database, 1)
    sold = replace(books.earn(1, 5), amount_grosze=5_000, step_grosze=1_000)
    await books.post(on(sold, FIRST_DAY))
    assert await expire(database, FIRST_DAY + TERM + 1) == 5
    refunded = await books.post(on(books.refund(2, 1, 5_000), FIRST_DAY + TERM + 1))
    assert (refunded.code, refunded.points, refunded.balance) == (0, -5, -5)
    await assert_sound(books)


@pytest.mark.parametrize("buckets", [1, 4])
async def test_redemptions_at_the_same_moment_come_before_or_after(
    owner: Database, database: Database, buckets: int
) -> None:
    """While two look at all cards tills redeem: no point is spent and expired, none is left."""
    books = await opened(owner, database, buckets)
    cards = range(4)
    for card in cards:
        await books.post(on(books.earn(1 + card, 60, card=card), FIRST_DAY))
    spent: list[int] = []
    expired: list[int] = []

    async def redeem(card: int) -> None:
        for n in range(8):
            outcome = await books.post(
                on(books.redeem(100 + card * 10 + n, 5, card=card), FIRST_DAY + TERM + 1)
            )
            spent.append(-outcome.points)

    async def look() -> None:
        expired.append(await expire(database, FIRST_DAY + TERM + 1))

    async with trio.open_nursery() as nursery:
        for card in cards:
            nursery.start_soon(redeem, card)
        nursery.start_soon(look)
        nursery.start_soon(look)
    expired.append(await expire(database, FIRST_DAY + TERM + 1))
    assert sum(spent) + sum(expired) == 4 * 60
    assert [await balance_of(database, account) for account in books.accounts[:4]] == [0] * 4
    await assert_sound(books)


async def test_a_card_that_has_not_changed_is_not_read_again(owner: Database, database: Database) -> None:
    """What was seen is noted with the day on which something ends; without the note it is looked at anew."""
    books = await opened(owner, database, 1)
    await books.post(on(books.earn(1, 30), FIRST_DAY))
    await books.post(on(books.earn(2, 30, card=1), FIRST_DAY, 3))
    await expire(database, FIRST_DAY)
    seen = "select account, seen_stan, next_day from ledger.expiry order by account"
    rows = [tuple(row) for row in await owner.run(lambda c: c.fetch(seen))]
    first, second = books.accounts[:2]
    assert rows == [(first, 1, FIRST_DAY + TERM + 1), (second, 2, NEVER_DAY)]
    await owner.run(lambda c: c.execute("delete from ledger.expiry"))
    assert await expire(database, FIRST_DAY + TERM + 1) == 30


async def test_a_card_with_too_many_rows_is_passed_over_and_counted(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than 200,000 rows: none of its points expire, the others' do; it is not taken for looked at."""
    assert expiry.CHAIN_ROWS_MAX == 200_000
    books = await opened(owner, database, 1)
    for stan in range(1, 4):
        await books.post(on(books.earn(stan, 10), FIRST_DAY))
    await books.post(on(books.earn(4, 7, card=1), FIRST_DAY))
    day = FIRST_DAY + TERM + 1
    monkeypatch.setattr(expiry, "CHAIN_ROWS_MAX", 2)
    swept = await database.run(lambda c: expire_slice(c, rules_on(day), day * DAY_MS))
    assert (swept.points, swept.passed_over) == (7, 1)
    monkeypatch.setattr(expiry, "CHAIN_ROWS_MAX", 3)
    swept = await database.run(lambda c: expire_slice(c, rules_on(day), day * DAY_MS))
    assert (swept.points, swept.passed_over) == (30, 0), "so many are read"
    await assert_sound(books)


@pytest.mark.parametrize(("days", "expected"), [(4, 0), (5, 5)])
async def test_a_term_that_was_shortened_holds_for_what_comes(
    owner: Database, database: Database, days: int, expected: int
) -> None:
    """Points end by the version of the rules under which they were awarded."""
    books = await opened(owner, database, 1)
    await books.post(on(books.earn(1, 30), FIRST_DAY, 1))
    await books.post(on(books.earn(2, 5), FIRST_DAY + 1, 2))
    assert await expire(database, FIRST_DAY + days) == expected
    await assert_sound(books)

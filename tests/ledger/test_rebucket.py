"""A ledger moves from one number of buckets to another and back; nobody can tell from the answers."""

import pytest
import trio
from msgspec.structs import replace

from ledger.books.committer import Committer
from ledger.books.posting import Outcome, Posting
from ledger.books.quotas import uses_left
from ledger.books.rebucket import rebucket
from ledger.books.result_codes import QUOTA_USED_UP
from ledger.books.rollup import roll_up
from ledger.books.shares import move_shares
from ledger.books.statements import balance, history, terminal_totals
from ledger.books.verify import verify
from ledger.errors import RegistryRefused
from ledger.postgres.database import Database, open_database
from tests.ledger.books import NOW_MS, TERMINAL, TESTER, Books, wide
from tests.ledger.test_committer import Answers, running
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S


def told(outcome: Outcome) -> tuple[object, ...]:
    """All that a reply is made of."""
    return (
        outcome.code, outcome.transaction_id, outcome.points, outcome.balance, outcome.amount_grosze,
        outcome.accepted_at_ms, outcome.rules_version, outcome.kind, outcome.counter_account,
        outcome.original_stan, outcome.last4, outcome.offer, outcome.discount_grosze, outcome.remaining,
        outcome.original_terminal,
    )  # fmt: skip


async def trade(books: Books) -> list[Posting]:
    """All a journal can hold: approvals, declines, reversals of each kind, tombstones, unknown cards."""
    posted = [books.earn(card + 1, 100 + card, card=card) for card in range(16)]
    posted += [books.redeem(20 + card, 60, card=card) for card in range(8)]
    posted += [books.redeem(30, 500, card=3), books.earn(31, 5, card=4, code=45)]
    posted += [books.earn(32, 5, card=None, code=41)]
    posted += [books.reversal(40, 21, card=1), books.reversal(41, 30, card=3), books.reversal(42, 39, card=6)]
    posted += [
        books.reversal(43, 5, card=9),
        books.reversal(44, 32, card=None),
        books.reversal(45, 40, card=1),
    ]
    posted += [
        books.use(50 + card, books.per_card(40, 3, card=card), wide(3, 20), card=card, discount=99)
        for card in range(10)
    ]
    posted += [replace(books.earn(61, 4, card=2), amount_grosze=4_000, step_grosze=1_000)]
    posted += [
        books.refund(62, 61, 1_500, card=2),
        books.refund(63, 50, 9_901),
        books.reversal(64, 51, card=1),
    ]
    for posting in posted:
        await books.post(posting)
    return posted


async def uses_posted(books: Books) -> int:
    """Use the wide quota with cards in turn, until a whole round was refused with shares moved before it."""
    used = 0
    stan = 10_000 + 1_000 * books.buckets
    while True:
        await books.database.run(move_shares)
        found = [await books.post(books.use(stan + n, wide(3, 20), card=n)) for n in range(16)]
        approved = [posting for posting, outcome in zip(range(16), found, strict=True) if outcome.code == 0]
        if not approved:
            return used
        used += len(approved)
        stan += 16


async def test_one_eight_one_with_every_reply_as_it_was(owner: Database, database: Database) -> None:
    """After each move: a repeat of every request gets its first reply, byte for byte; balances, histories and
    totals are the same, a late original stays cancelled, a used id is a conflict, and the books are right.
    """
    books = await Books.open(owner, database, cards=16)
    posted = await trade(books)
    first = [told(outcome) for outcome in [await books.post(posting) for posting in posted]]
    rows = [await database.run(lambda c, a=a: history(c, a)) for a in books.accounts]
    totals = await database.run(lambda c: terminal_totals(c, TERMINAL, 1, 100))
    await owner.run(lambda connection: roll_up(connection, NOW_MS))
    for turn, buckets in enumerate((8, 3, 1)):
        assert (
            await owner.run(lambda connection, n=buckets: rebucket(connection, TESTER, n)) == (1, 8, 3)[turn]
        )
        books.buckets = buckets
        assert [told(outcome) for outcome in await books.post_all(posted[:16])] == first[:16]
        again = [await books.post(posting) for posting in posted]
        assert [told(outcome) for outcome in again] == first
        assert all(outcome.replayed for outcome in again)
        assert (await books.post(books.earn(39, 5, card=2))).code == 24
        assert (await books.post(books.earn(1, 9, card=5))).code == 21
        assert [await database.run(lambda c, a=a: history(c, a)) for a in books.accounts] == rows
        assert await database.run(lambda c: terminal_totals(c, TERMINAL, 1, 100)) == totals
        assert await database.run(lambda c: balance(c, books.accounts[1])) == rows[1][0].balance
        await assert_sound(books)
    assert (await books.post(books.earn(90, 7, card=1))).balance == rows[1][0].balance + 7


@pytest.mark.parametrize("first", [1, 5])
async def test_what_is_left_of_a_wide_quota_moves_along(
    owner: Database, database: Database, first: int
) -> None:
    """Whatever the number of buckets before and after, and wherever its uses stand: all that is left can be
    used, and not one more.
    """
    books = await Books.open(owner, database, cards=16)
    if first > 1:
        await owner.run(lambda connection: rebucket(connection, TESTER, first))
    books.buckets = first
    for stan, card in enumerate((0, 0, 1, 2, 3), start=1):
        assert (await books.post(books.use(stan, wide(3, 20), card=card))).code == 0
    for buckets in (8, 3):
        await owner.run(lambda connection, n=buckets: rebucket(connection, TESTER, n))
        books.buckets = buckets
        await assert_sound(books)
        assert await database.run(lambda c, n=buckets: uses_left(c, n, [wide(3, 20)])) == [15]
    assert await uses_posted(books) == 15
    await assert_sound(books)
    await owner.run(lambda connection: rebucket(connection, TESTER, 1))
    books.buckets = 1
    assert (await books.post(books.use(9, wide(3, 20)))).code == QUOTA_USED_UP
    assert (await books.post(books.use(10, wide(3, 21)))).code == 0
    await assert_sound(books)


async def test_a_running_switch_is_not_moved_from_under(
    owner: Database, database: Database, service_dsn: str
) -> None:
    """While a worker posts, the number of buckets stays; afterwards it may change."""
    async with open_database(service_dsn) as workers, running(workers, Answers()):
        with pytest.raises(RegistryRefused, match="stop it first"):
            await owner.run(lambda connection: rebucket(connection, TESTER, 4))
    assert await once_all_left(owner, 4) == 1
    answers = Answers()
    books = await Books.open(owner, database, cards=8)
    async with running(database, answers) as committer:
        assert isinstance(committer, Committer)
        for card in range(8):
            committer.submit_nowait(books.earn(card + 1, 3, card=card))
    assert {outcome.code for outcome in answers.by_stan.values()} == {0}
    await assert_sound(books)


async def once_all_left(owner: Database, buckets: int) -> int:
    """Rebucket as soon as the server knows that its clients have gone; return the number from before."""
    with trio.fail_after(HANG_S):
        while True:
            try:
                return await owner.run(lambda connection: rebucket(connection, TESTER, buckets))
            except RegistryRefused:
                await trio.sleep(0.01)


@pytest.mark.parametrize("buckets", [0, -1, 4097])
async def test_a_number_out_of_bounds_is_refused(owner: Database, buckets: int) -> None:
    """A ledger has 1 to 4096 buckets."""
    with pytest.raises(RegistryRefused, match="4096"):
        await owner.run(lambda connection: rebucket(connection, TESTER, buckets))
    assert [finding for finding in await owner.run(verify) if finding.count] == []

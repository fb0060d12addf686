"""What one call of post_batch promises."""

import pytest

from ledger.books import result_codes as codes
from ledger.books.posting import ANY_ACCOUNT, Kind
from ledger.books.statements import last_stan
from ledger.errors import StatementRefused
from ledger.postgres.database import Database
from tests.ledger.books import TERMINAL, Books
from tests.ledger.test_races import assert_sound


async def test_earn_posts_and_replay_returns_the_stored_reply(owner: Database, database: Database) -> None:
    """The same id and the same body: the stored reply, even if the card is blocked by now; posted once."""
    books = await Books.open(owner, database, cards=1)
    first = await books.post(books.earn(1, 5))
    again = await books.post(books.earn(1, 5, code=45))
    assert (first.code, first.points, first.balance, first.replayed) == (0, 5, 5, False)
    assert (again.code, again.points, again.balance, again.replayed) == (0, 5, 5, True)
    assert again.transaction_id == first.transaction_id
    assert await books.balance() == 5


async def test_same_id_other_body_conflicts(owner: Database, database: Database) -> None:
    """The same id and another body: a conflict, without effect."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    other = await books.post(books.earn(1, 6))
    assert (other.code, other.transaction_id, other.points) == (codes.STAN_CONFLICT, 0, 0)
    assert await books.balance() == 5


async def test_redeem_to_the_exact_floor_and_below(owner: Database, database: Database) -> None:
    """A redemption may take the card to its floor, and not one point below."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 250))
    below = await books.post(books.redeem(2, 251))
    exact = await books.post(books.redeem(3, 250))
    assert (below.code, below.points, below.balance) == (codes.POINTS_INSUFFICIENT, 0, 250)
    assert (exact.code, exact.points, exact.balance) == (codes.APPROVED, -250, 0)


async def test_reversal_after_its_original_posts_the_mirror_once(owner: Database, database: Database) -> None:
    """A reversal posts the mirror; a second one finds nothing to reverse; a replay of the first is its
    reply.
    """
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    first = await books.post(books.reversal(2, 1))
    second = await books.post(books.reversal(3, 1))
    again = await books.post(books.reversal(2, 1))
    assert (first.code, first.points, first.balance) == (codes.APPROVED, -5, 0)
    assert (second.code, second.points, second.balance) == (codes.APPROVED_NOTHING_TO_REVERSE, 0, 0)
    assert (again.code, again.points, again.replayed) == (codes.APPROVED, -5, True)
    assert again.transaction_id == first.transaction_id


async def test_reversal_before_its_original_leaves_a_tombstone(owner: Database, database: Database) -> None:
    """A reversal that overtakes its original refuses it for ever, whatever its body."""
    books = await Books.open(owner, database, cards=1)
    reversal = await books.post(books.reversal(2, 1))
    original = await books.post(books.earn(1, 5))
    other = await books.post(books.earn(1, 7))
    later = await books.post(books.reversal(3, 1))
    assert reversal.code == codes.APPROVED_ORIGINAL_UNSEEN
    assert (original.code, original.points, original.replayed) == (codes.ORIGINAL_CANCELLED, 0, True)
    assert other.code == codes.ORIGINAL_CANCELLED
    assert later.code == codes.APPROVED_NOTHING_TO_REVERSE
    assert await books.balance() == 0


async def test_reversal_of_a_declined_original(owner: Database, database: Database) -> None:
    """There is nothing to reverse in a declined original."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.redeem(1, 100))
    assert (await books.post(books.reversal(2, 1))).code == codes.APPROVED_NOTHING_TO_REVERSE


async def test_reversal_of_a_reversal(owner: Database, database: Database) -> None:
    """A reversal cannot be reversed."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    await books.post(books.reversal(2, 1))
    assert (await books.post(books.reversal(3, 2))).code == codes.ORIGINAL_NOT_REVERSIBLE
    assert await books.balance() == 0


async def test_reversal_naming_another_card(owner: Database, database: Database) -> None:
    """A reversal must name the card of its original; no card is touched else."""
    books = await Books.open(owner, database, cards=2)
    await books.post(books.earn(1, 5))
    assert (await books.post(books.reversal(2, 1, card=1))).code == codes.ORIGINAL_MISMATCH
    assert (await books.balance(), await books.balance(1)) == (5, 0)


async def test_reversal_may_take_the_card_below_its_floor(owner: Database, database: Database) -> None:
    """A reversal is never declined on business grounds: the card goes below its floor, and it is
    recorded so.
    """
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 100))
    await books.post(books.redeem(2, 100))
    reversal = await books.post(books.reversal(3, 1))
    assert (reversal.code, reversal.points, reversal.balance) == (codes.APPROVED, -100, -100)


async def test_reused_reversal_id_has_no_side_effect(owner: Database, database: Database) -> None:
    """A reversal whose own id was used already conflicts and leaves no tombstone."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    await books.post(books.earn(10, 0))
    assert (await books.post(books.reversal(10, 9))).code == codes.STAN_CONFLICT
    assert (await books.post(books.earn(9, 3))).code == codes.APPROVED
    assert await books.balance() == 8


async def test_status_of_known_unknown_and_foreign(owner: Database, database: Database) -> None:
    """Status: the stored outcome; or the STAN is settled as never executed; or it is another card's."""
    books = await Books.open(owner, database, cards=2)
    earned = await books.post(books.earn(1, 5))
    known = await books.post(books.status(2, 1))
    assert (known.code, known.kind, known.transaction_id) == (codes.APPROVED, Kind.STATUS, 0)
    assert known.original is not None
    assert (known.original.code, known.original.points, known.original.balance) == (0, 5, 5)
    assert known.original.transaction_id == earned.transaction_id
    foreign = await books.post(books.status(3, 1, card=1))
    assert (foreign.code, foreign.original) == (codes.ORIGINAL_MISMATCH, None)
    unknown = await books.post(books.status(84, 77))
    assert unknown.code == codes.STAN_UNKNOWN
    assert (await books.post(books.earn(77, 5))).code == codes.ORIGINAL_CANCELLED
    settled = await books.post(books.status(85, 77))
    assert (settled.code, settled.original) == (codes.STAN_UNKNOWN, None)


async def test_declines_are_journalled_and_never_post(owner: Database, database: Database) -> None:
    """A declined id never posts later, and the city sees the attempt."""
    books = await Books.open(owner, database, cards=1)
    first = await books.post(books.earn(1, 5, code=45))
    again = await books.post(books.earn(1, 5))
    assert (first.code, again.code, again.replayed) == (45, 45, True)
    assert await books.balance() == 0
    assert await books.count("journal") == 1
    assert await books.count("posting") == 0


async def test_an_unknown_card_is_journalled_without_account(owner: Database, database: Database) -> None:
    """A decline with no card known is journalled on account 0; its reversal finds nothing to reverse."""
    books = await Books.open(owner, database, cards=1)
    first = await books.post(books.earn(1, 5, card=None, code=41))
    assert (first.code, first.balance) == (41, 0)
    assert (await books.post(books.reversal(2, 1, card=None))).code == codes.APPROVED_NOTHING_TO_REVERSE
    assert (await books.post(books.reversal(9, 8, card=None))).code == codes.APPROVED_ORIGINAL_UNSEEN


async def test_a_mixed_batch_is_answered_in_the_order_given(owner: Database, database: Database) -> None:
    """New, replayed, conflicting, status, balance and reversal in one batch: each gets its own answer."""
    books = await Books.open(owner, database, cards=6)
    for card in range(6):
        await books.post(books.earn(card + 1, 10 + card, card=card))
    batch = [
        books.balance_request(30, card=5),
        books.earn(21, 1, card=0),
        books.earn(2, 11, card=1),
        books.earn(3, 99, card=2),
        books.status(22, 4, card=3),
        books.reversal(23, 5, card=4),
    ]
    found = await books.post_all(batch)
    assert [(o.code, o.points, o.balance) for o in found] == [
        (0, 0, 15), (0, 1, 11), (0, 11, 11), (21, 0, 0), (0, 0, 0), (0, -14, 0),
    ]  # fmt: skip
    assert [outcome.replayed for outcome in found] == [False, False, True, False, False, False]
    assert found[4].original is not None
    assert found[4].original.points == 13


@pytest.mark.parametrize("original", [5, 6, 2_147_483_647])
async def test_an_original_not_below_its_reference_is_a_mismatch(
    owner: Database, database: Database, original: int
) -> None:
    """STANs count up: a mistyped STAN from the future settles nothing and does not use the terminal up."""
    books = await Books.open(owner, database, cards=1)
    assert (await books.post(books.reversal(5, original))).code == codes.ORIGINAL_MISMATCH
    assert (await books.post(books.status(5, original))).code == codes.ORIGINAL_MISMATCH
    assert await books.count("journal") == 1
    assert await database.run(lambda connection: last_stan(connection, TERMINAL)) == 5
    if original > 5:
        assert (await books.post(books.earn(original, 3))).code == codes.APPROVED


async def test_the_last_stan_counts_no_tombstone(owner: Database, database: Database) -> None:
    """What a STATUS or a reversal settled was never used: `last_stan` stays at what was."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    await books.post(books.status(900, 800))
    assert await database.run(lambda connection: last_stan(connection, TERMINAL)) == 1


async def test_several_postings_of_one_card_in_a_batch(owner: Database, database: Database) -> None:
    """Each sees the balance that the ones before it left, as if they had come one by one."""
    books = await Books.open(owner, database, cards=2)
    batch = [
        books.earn(1, 100),
        books.redeem(2, 70),
        books.balance_request(90),
        books.redeem(3, 70),
        books.earn(4, 50),
        books.earn(5, 1, card=1),
        books.redeem(6, 70),
        books.earn(7, 9, code=45),
    ]
    found = await books.post_all(batch)
    assert [(o.code, o.points, o.balance) for o in found] == [
        (0, 100, 100), (0, -70, 30), (0, 0, 30), (60, 0, 30),
        (0, 50, 80), (0, 1, 1), (0, -70, 10), (45, 0, 10),
    ]  # fmt: skip
    again = await books.post_all(batch)
    assert [(o.code, o.points, o.balance) for o in again if o.replayed] == [
        (o.code, o.points, o.balance) for o in found if o.kind != Kind.BALANCE
    ]
    await assert_sound(books)


async def test_a_reference_takes_its_account_from_its_original(owner: Database, database: Database) -> None:
    """A worker that does not know a card yet can undo its sale, and ask about it."""
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    asked, undone = books.status(2, 1), books.reversal(3, 1)
    asked.account = undone.account = ANY_ACCOUNT
    status = await books.post(asked)
    assert status.original is not None
    assert (status.original.points, status.original.last4) == (5, 0)
    reversal = await books.post(undone)
    assert (reversal.code, reversal.points, reversal.balance) == (0, -5, 0)
    await assert_sound(books)


async def test_what_was_stored_is_told_whoever_asks(owner: Database, database: Database) -> None:
    """The digits printed and the original named are stored with the row: a retry with other ones does not
    change them.
    """
    books = await Books.open(owner, database, cards=1)
    await books.post(books.earn(1, 5))
    await books.post(books.reversal(2, 1))
    again = books.reversal(2, 1)
    again.last4 = 4711
    found = await books.post(again)
    assert (found.original_stan, found.last4, found.replayed) == (1, 0, True)
    status = await books.post(books.status(3, 2))
    assert status.original is not None
    assert (status.original.original_stan, status.original.last4) == (1, 0)


async def test_a_value_no_column_holds_is_refused(owner: Database, database: Database) -> None:
    """A number beyond its column, or no number at all, refuses the batch; nothing is entered."""
    books = await Books.open(owner, database, cards=1)
    for amount in (1 << 63, 1 << 70, "x"):
        wrong = books.earn(1, 5)
        wrong.amount_grosze = amount  # type: ignore[assignment]
        with pytest.raises(StatementRefused):
            await books.post(wrong)
    assert await books.count("journal") == 0

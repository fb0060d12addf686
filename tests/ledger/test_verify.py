"""Verify proves sound books sound, and finds every planted corruption by the invariant it breaks."""

import pytest
from msgspec.structs import replace

from ledger.books.rebucket import rebucket
from ledger.books.rollup import DELAY_MS, roll_up
from ledger.books.verify import INVARIANTS, verify
from ledger.postgres.database import Database
from tests.ledger.books import NOW_MS, TERMINAL, TESTER, Books, wide, write_registry

CORRUPTIONS = [
    ("update ledger.posting set points = points + 1 where debit & 7 = 1", "a cached balance is the sum"),
    ("update ledger.posting set points = points + 1 where debit & 7 = 1", "one effect per id"),
    ("update ledger.posting set credit = debit", "a posting names two accounts"),
    ("update ledger.posting set debit = 0", "the postings of each bucket and unit sum"),
    ("update ledger.posting set debit = debit + 8 where credit & 7 = 0", "one effect per id"),
    ("update ledger.account set balance = balance + 1", "a cached balance is the sum"),
    ("update ledger.account set floor = balance + 1 where last_stan = 1", "no card is below its floor"),
    ("delete from ledger.posting where debit & 7 = 0", "one effect per id"),
    ("insert into ledger.posting values (0, 2, 0, 1, 9, 8, 5)", "one effect per id"),
    ("update ledger.journal set transaction_id = 5", "one effect per id"),
    ("update ledger.journal set code = 45 where kind = 1", "one effect per id"),
    ("delete from ledger.reversal", "one reversal per original"),
    ("update ledger.reversal set stan = 9999", "one reversal per original"),
    ("update ledger.journal set points = -1 where kind = 4 and code = 0", "one reversal per original"),
    ("update ledger.account set last_stan = 2 where last_stan = 10", "an account's last row is its newest"),
    (
        "update ledger.account set last_stan = 1 where last_stan = 10",
        "every row of an account is in its chain",
    ),
    ("update ledger.journal set balance = balance + 1 where stan = 2", "an account's last row is its newest"),
    ("delete from ledger.journal where stan = 3", "every row of an account is in its chain"),
    ("update ledger.journal set previous_stan = 1 where stan = 4", "every row of an account is in its chain"),
    ("update registry.layout set buckets = 64", "everything is in the bucket"),
    ("update ledger.rollup set balance = balance + 1", "the rollup is the sum"),
    ("delete from ledger.account", "every card has its account"),
    ("update ledger.posting set unit = 2 where unit = 1", "every posting stays in its unit"),
    ("update ledger.posting set credit = credit + 1 where unit = 1", "every posting stays in its unit"),
    ("update ledger.quota set balance = balance - 1", "what a quota says was used"),
    ("update ledger.quota set period = period + 1", "what a quota says was used"),
    ("delete from ledger.quota where owner & 7 = 0", "what a quota says was used"),
    ("update ledger.quota set allowed = 0", "no quota is used beyond its limit"),
    ("update ledger.quota set moved = 1 where owner & 7 <> 0", "shares are moved, never made"),
    ("insert into ledger.share_move values (0, 0, 1, 11, 20000, 3, 1, 5)", "shares are moved, never made"),
    ("delete from ledger.posting where leg = 2 and debit & 7 = 5", "uses and discounts are those"),
    ("update ledger.journal set remaining = null", "uses and discounts are those"),
    ("update ledger.journal set discount_grosze = 1 where stan = 6", "uses and discounts are those"),
    ("delete from ledger.posting where credit & 7 = 0 and unit = 1", "what was undone was undone"),
    ("update ledger.posting set points = 5 where debit & 7 = 6", "what was undone was undone"),
    ("delete from ledger.refund", "refunds come to no more than their sale"),
    ("update ledger.refund set refunded_grosze = 99999", "refunds come to no more than their sale"),
    (
        "update ledger.journal set step_grosze = 3000 where stan = 8",
        "refunds come to no more than their sale",
    ),
    (
        "insert into ledger.bonus select bucket, terminal, stan, 1, 1, 1, 7, account, 5, 5, 0, 9, 1"
        " from ledger.journal where stan = 1",
        "a campaign's points are posted as they were noted",
    ),
    (
        "insert into ledger.bonus select bucket, terminal, stan, 1, 1, 1, 7, account, 0, 0, 1, 0, 0"
        " from ledger.journal where stan = 1",
        "a campaign takes back of a sale no more than it gave",
    ),
    ("update ledger.quota set bucket = 1", "everything is in the bucket"),
    (
        "insert into ledger.journal select (jsonb_populate_record(j, '{\"bucket\": 9}')).*"
        " from ledger.journal j where stan = 3",
        "an id stands once",
    ),
]
CLAIMS = [
    "delete from ledger.claim where stan = 3",
    "update ledger.claim set home = home + 1 where stan = 3",
    "update ledger.claim set digest = digest + 1 where stan = 3",
    "update ledger.claim set bucket = bucket + 1 where stan = 3",
]


@pytest.fixture
async def books(owner: Database, database: Database) -> Books:
    books = await Books.open(owner, database, cards=2)
    await books.post(books.earn(1, 300))
    await books.post(books.redeem(2, 100))
    await books.post(books.redeem(3, 500))
    await books.post(books.reversal(4, 2))
    await books.post(books.earn(1, 7, card=1, terminal=TERMINAL + 1))
    for stan in (5, 6):
        await books.post(books.use(stan, books.per_card(40, 3), wide(3, 9), discount=250))
    await books.post(books.reversal(7, 5))
    await books.post(replace(books.earn(8, 3), amount_grosze=3_500, step_grosze=1_000))
    await books.post(books.refund(9, 8, 600))
    await books.post(books.refund(10, 8, 1_900))
    await owner.run(lambda connection: roll_up(connection, NOW_MS + 1000 + DELAY_MS))
    return books


async def test_sound_books(books: Books) -> None:
    """Every invariant is reported, in order, with a count of zero and no example."""
    findings = await books.database.run(verify)
    assert [finding.invariant for finding in findings] == list(INVARIANTS)
    assert [finding for finding in findings if finding.count or finding.example] == []


@pytest.mark.parametrize(("corruption", "invariant"), CORRUPTIONS)
async def test_a_planted_corruption_is_found(
    owner: Database, books: Books, corruption: str, invariant: str
) -> None:
    """A change no service could make is found, counted, and shown by an example."""
    await owner.run(lambda connection: write_registry(connection, corruption))
    findings = await books.database.run(verify)
    (hit,) = [finding for finding in findings if finding.invariant.startswith(invariant)]
    assert hit.count > 0
    assert hit.example


@pytest.mark.parametrize("corruption", CLAIMS)
async def test_a_claim_that_is_none_is_found(owner: Database, books: Books, corruption: str) -> None:
    """Over several buckets an id stands once because it is claimed: a claim that is gone, of another row or
    in another place is found.
    """
    await owner.run(lambda connection: rebucket(connection, TESTER, 4))
    assert [finding for finding in await books.database.run(verify) if finding.count] == []
    await owner.run(lambda connection: connection.execute(corruption))
    (hit,) = [
        one for one in await books.database.run(verify) if one.invariant.startswith("an id stands once")
    ]
    assert hit.count > 0

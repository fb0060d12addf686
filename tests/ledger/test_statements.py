"""What the statements say about the books."""

import pytest

from ledger.books.posting import AccountKind, Kind, bucket_of
from ledger.books.statements import (
    balance,
    history,
    last_stan,
    partner_balance,
    terminal_totals,
    trial_balance,
)
from ledger.errors import RegistryRefused
from ledger.postgres.database import Database
from tests.ledger.books import PARTNER, TERMINAL, Books


@pytest.fixture
async def books(owner: Database, database: Database) -> Books:
    books = await Books.open(owner, database, cards=2)
    await books.post(books.earn(1, 300))
    await books.post(books.redeem(2, 100))
    await books.post(books.redeem(3, 500))  # declined
    await books.post(books.reversal(4, 2))
    await books.post(books.earn(5, 7, card=1))
    await books.post(books.reversal(78, 77))  # before its original
    return books


async def test_history_walks_the_chain(books: Books) -> None:
    """Every attempt on a card, newest first, declines and tombstones too; page by page without gap."""
    account = books.accounts[0]
    rows = await books.database.run(lambda connection: history(connection, account))
    assert [(row.stan, row.kind, row.code, row.points, row.balance) for row in rows] == [
        (78, Kind.REVERSAL, 1, 0, 300),
        (77, Kind.TOMBSTONE, 24, 0, 300),
        (4, Kind.REVERSAL, 0, 100, 300),
        (3, Kind.REDEEM, 60, 0, 200),
        (2, Kind.REDEEM, 0, -100, 200),
        (1, Kind.EARN, 0, 300, 300),
    ]
    first = await books.database.run(lambda connection: history(connection, account, limit=4))
    rest = await books.database.run(lambda connection: history(connection, account, before=first[-1]))
    assert first + rest == rows
    assert await books.database.run(lambda connection: history(connection, 999 << 3)) == []
    with pytest.raises(RegistryRefused, match="1 to 1000"):
        await books.database.run(lambda connection: history(connection, account, limit=0))


async def test_balances_and_totals(books: Books) -> None:
    """Balance of a card, totals of a terminal's range, its last STAN, the partner's sums."""
    run = books.database.run
    assert await run(lambda connection: balance(connection, books.accounts[0])) == 300
    assert await run(lambda connection: balance(connection, 999 << 3)) is None
    totals = await run(lambda connection: terminal_totals(connection, TERMINAL, 1, 6))
    assert (totals.earn_count, totals.earn_points) == (2, 307)
    assert (totals.redeem_count, totals.redeem_points) == (1, 100)
    assert (totals.reversal_count, totals.reversal_points) == (1, 100)
    part = await run(lambda connection: terminal_totals(connection, TERMINAL, 5, 5))
    assert (part.earn_count, part.earn_points, part.redeem_count) == (1, 7, 0)
    assert await run(lambda connection: last_stan(connection, TERMINAL)) == 78
    assert await run(lambda connection: last_stan(connection, 12345)) == 0
    partner = await run(lambda connection: partner_balance(connection, PARTNER))
    assert (partner.issued_points, partner.redeemed_points) == (307, 0)


async def test_trial_balance(books: Books) -> None:
    """Debits equal credits, by kind of account."""
    rows = await books.database.run(trial_balance)
    sums = {
        kind: (
            sum(row.debit_points for row in rows if row.kind == kind),
            sum(row.credit_points for row in rows if row.kind == kind),
        )
        for kind in (row.kind for row in rows)
    }
    assert sums == {
        AccountKind.CARD: (100, 407),
        AccountKind.PARTNER_ISSUED: (307, 0),
        AccountKind.PARTNER_REDEEMED: (100, 100),
    }
    assert sum(row.accounts for row in rows if row.kind == AccountKind.CARD) == 2


async def test_buckets_are_the_same_on_both_sides(database: Database) -> None:
    """Python and the database put every account into the same bucket, and spread them."""
    accounts = [0, 8, 16, 8 * 12345, 8 * 10**12, 8 * ((1 << 31) + 5), *range(8, 8000, 8)]
    for buckets in (1, 4, 32):
        rows = await database.run(
            lambda connection, buckets=buckets: connection.fetch(
                "select ledger.bucket_of(a, $2) as b from unnest($1::bigint[]) a", accounts, buckets
            )
        )
        found = [row["b"] for row in rows]
        assert found == [bucket_of(account, buckets) for account in accounts]
        assert set(found) == set(range(buckets))

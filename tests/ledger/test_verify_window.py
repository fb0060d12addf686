"""The light proof of the books: sound ones are sound, what is planted is found where the window looks, and
all windows together look at everything.
"""

import pytest

from ledger.books.verify import Finding, verify
from ledger.books.verify_window import WINDOWED, Window, verify_window
from ledger.postgres.database import Connection, Database
from ledger.registry.cards import CardRow, import_cards
from tests.ledger.books import TERMINAL, TESTER, Books
from tests.ledger.test_growth import GROW, flush, reads
from tests.ledger.test_verify import books

__all__ = ["books"]

CORRUPTIONS = {
    "update ledger.account set balance = balance + 1": "an account's last row is its newest",
    "update ledger.journal set balance = balance + 1 where stan = 9": "an account's last row is its newest",
    "update ledger.account set last_stan = 9 where last_stan = 10": "an account's last row is its newest",
    f"update ledger.account set floor = 8 where last_terminal = {TERMINAL + 1};"
    f" update ledger.journal set points = -7 where terminal = {TERMINAL + 1}": "no card is below its floor",
    "delete from ledger.posting": "one effect per id",
    "update ledger.posting set points = points + 1": "one effect per id",
    "update ledger.posting set debit = debit + 8 where credit & 7 = 0": "one effect per id",
    "update registry.layout set buckets = 64": "everything is in the bucket",
    "update ledger.quota set allowed = 0": "no quota is used beyond its limit",
    "update ledger.quota set balance = -99": "no quota is used beyond its limit",
    "delete from ledger.account": "every card has its account",
}


def broken(findings: list[Finding]) -> list[str]:
    return [finding.invariant for finding in findings if finding.count]


async def test_sound_books_are_sound_and_the_names_are_those_of_verify(books: Books) -> None:
    """Each invariant is reported, without an example; the whole proof knows it by the same name."""
    findings, after = await books.database.run(lambda c: verify_window(c, Window()))
    assert [finding.invariant for finding in findings] == list(WINDOWED)
    assert broken(findings) == []
    assert after == Window(), "all has been looked at: from the beginning again"
    assert {finding.invariant for finding in await books.database.run(verify)} >= set(WINDOWED)


async def test_a_planted_corruption_is_found(owner: Database, books: Books) -> None:
    """What no service could write is found, and shown by an example."""

    async def plant(connection: Connection, corruption: str) -> list[Finding]:
        transaction = connection.transaction(isolation="repeatable_read")
        await transaction.start()
        try:
            await connection.execute("select set_config('cityswitch.actor', $1, true)", TESTER.name)
            await connection.execute(corruption)
            return (await verify_window(connection, Window()))[0]
        finally:
            await transaction.rollback()

    for corruption, invariant in CORRUPTIONS.items():
        findings = await owner.run(lambda c, planted=corruption: plant(c, planted))
        hits = [finding for finding in findings if finding.count and finding.invariant.startswith(invariant)]
        assert len(hits) == 1, corruption
        assert hits[0].example


@pytest.mark.parametrize("rows", [1, 2, 50])
async def test_window_after_window_everything_is_looked_at(owner: Database, books: Books, rows: int) -> None:
    """A fault of one account is found in one round of windows, and again in the next."""
    account = max(books.accounts)
    await owner.run(
        lambda c: c.execute("update ledger.account set balance = balance + 1 where id = $1", account)
    )
    window, found = Window(), []
    for _ in range(2 * (2 // rows + 2)):
        findings, window = await books.database.run(lambda c, w=window: verify_window(c, w, rows))
        found += broken(findings)
    assert len(found) >= 2
    assert set(found) == {WINDOWED[0]}


async def test_a_window_is_look_ups(owner: Database, books: Books) -> None:
    """Of tables grown since anybody analysed them a window reads what it looks at, and scans none."""
    await owner.run(lambda c: import_cards(c, TESTER, 1, (CardRow(n, "0000") for n in range(5_000, 10_000))))
    await owner.run(lambda c: c.execute(GROW))
    await books.database.run(lambda c: verify_window(c, Window(), 50))
    before = await reads(owner)
    await books.database.run(lambda c: verify_window(c, Window(), 50))
    await flush(books)
    scanned, fetched, _ = (b - a for a, b in zip(before, await reads(owner), strict=True))
    assert scanned < 100
    assert fetched < 20 * 50

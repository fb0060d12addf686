"""The journal searched: what is found, how pages follow each other, and that its price does not grow."""

import pytest

from ledger.books import search
from ledger.books.search import Page, Search
from ledger.errors import RegistryRefused
from ledger.postgres.database import Connection, Database
from tests.ledger.books import NOW_MS, PARTNER, TERMINAL, Books
from tests.ledger.test_growth import flush, reads

DECLINED = 51


@pytest.fixture
async def books(owner: Database, database: Database) -> Books:
    """Twelve rows of two terminals and two cards, a millisecond apart, every third declined."""
    made = await Books.open(owner, database, cards=2)
    for n in range(12):
        code = DECLINED if n % 3 == 0 else 0
        await made.post(made.earn(n + 1, 10, card=n % 2, code=code, terminal=TERMINAL + n % 2))
    return made


async def pages(books: Books, asked: Search, limit: int, account: int = 0) -> list[Page]:
    """Return all pages of a search, until it says that there are no more."""
    found: list[Page] = []
    key: tuple[int, ...] | None = None
    while True:

        async def job(c: Connection, key: tuple[int, ...] | None = key) -> Page:
            if account:
                return await search.of_card(c, account, asked, key=key, limit=limit)
            if asked.terminal is not None and not asked.is_timed:
                return await search.of_terminal(c, asked, key=key, limit=limit)
            return await search.in_time(c, asked, NOW_MS + 1_000, key=key, limit=limit)

        found.append(await books.database.run(job))
        key = found[-1].key
        if key is None:
            return found
        assert len(found) < 50


def stans(found: list[Page]) -> list[int]:
    return [row.stan for page in found for row in page.rows]


async def test_an_id_and_a_transaction_are_found(books: Books) -> None:
    """By what is printed on a receipt: terminal and STAN, or the transaction id; a declined one, too."""
    for stan in (1, 2):
        (row,) = await books.database.run(lambda c, s=stan: search.by_id(c, TERMINAL + (s - 1) % 2, s))
        again = await books.database.run(lambda c, i=row.transaction_id: search.by_transaction(c, i))
        assert again == [row]
        assert (row.partner, row.programme, row.code) == (PARTNER, 1, DECLINED if stan == 1 else 0)
    assert await books.database.run(lambda c: search.by_id(c, TERMINAL, 99)) == []
    assert await books.database.run(lambda c: search.by_transaction(c, 99)) == []


@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_pages_join_without_gap_or_overlap(books: Books, limit: int) -> None:
    """Whatever is searched by, and however large the pages: each row once, newest first."""
    everything = list(range(12, 0, -1))
    assert stans(await pages(books, Search(), limit)) == everything
    assert stans(await pages(books, Search(terminal=TERMINAL), limit)) == everything[1::2]
    assert stans(await pages(books, Search(partner=PARTNER), limit)) == everything
    assert stans(await pages(books, Search(), limit, books.accounts[1])) == everything[::2]
    assert stans(await pages(books, Search(partner=PARTNER + 1), limit)) == []
    assert stans(await pages(books, Search(codes=[DECLINED]), limit)) == [10, 7, 4, 1]
    assert stans(await pages(books, Search(terminal=TERMINAL, codes=[DECLINED]), limit)) == [7, 1]


async def test_a_time_range_takes_its_beginning_and_not_its_end(books: Books) -> None:
    """From a moment until before another, by every way of searching."""
    rows = [row for page in await pages(books, Search(), 100) for row in page.rows]
    moments = {row.stan: row.accepted_at_ms for row in rows}
    timed = Search(from_ms=moments[3], to_ms=moments[9])
    expected = [8, 7, 6, 5, 4, 3]
    assert stans(await pages(books, timed, 2)) == expected
    assert stans(await pages(books, timed._replace(terminal=TERMINAL), 2)) == [7, 5, 3]
    assert stans(await pages(books, timed, 2, books.accounts[0])) == [7, 5, 3]


async def test_a_key_of_another_search_is_refused(books: Books) -> None:
    """What begins no page of this search is no empty page."""
    with pytest.raises(RegistryRefused):
        search.check_key((1, 2), 3)
    search.check_key(None, 3)


GROW = """
insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account, counter_account,
    points, balance, amount_grosze, digest, accepted_at_ms, terminal_time, rules_version, previous_terminal,
    previous_stan, kind, code, last4)
  select 0, 1000 + s % 100, {first} + s, 0, ({at}::bigint + s * 100) << 22, 8, 57, 1, 1, 1000, 1,
      {at}::bigint + s * 100, 0, 1, 0, 0, 1, 0, 0
    from generate_series(1, {rows}) s"""


async def price(books: Books, job: object) -> int:
    """Rows and index entries read by a job."""
    await flush(books)
    before = await reads(books.database)
    await books.database.run(job)  # type: ignore[arg-type]
    await flush(books)
    return sum(await reads(books.database)) - sum(before)


async def test_a_search_costs_the_same_in_a_journal_ten_times_as_large(owner: Database, books: Books) -> None:
    """An hour, a terminal's newest and a transaction: what is read does not grow with the journal."""
    prices: list[list[int]] = []
    at, first = NOW_MS - 40_000_000, 100
    for rows in (10_000, 90_000):
        grow = GROW.format(first=first, at=at, rows=rows)
        await owner.run(lambda c, sql=grow: c.execute(sql), timeout_s=60)
        await owner.run(lambda c: c.execute("select brin_summarize_new_values('ledger.journal_time')"))
        await owner.run(lambda c: c.execute("analyze ledger.journal"))
        end = at + rows * 100
        hour = Search(from_ms=end - 360_000, to_ms=end)
        newest = Search(terminal=1000 + rows % 100)
        prices.append([
            await price(books, lambda c, s=hour: search.in_time(c, s, NOW_MS, key=None, limit=1_000)),
            await price(books, lambda c, s=newest: search.of_terminal(c, s, key=None, limit=10)),
            await price(books, lambda c, i=(end << 22): search.by_transaction(c, i)),
        ])  # fmt: skip
        at, first = end, first + rows
    for small, large in zip(*prices, strict=True):
        assert large <= small * 1.5 + 100, prices

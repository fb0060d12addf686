"""The cost of a posting must not grow with the journal: no statement of the service ever scans a ledger
table.
"""

import pytest

from ledger.books.statements import history, last_stan, terminal_totals
from ledger.postgres.database import Connection, Database
from ledger.registry.cards import CardRow, import_cards
from tests.ledger.books import TERMINAL, TESTER, Books, wide

READS = """
select sum(seq_tup_read)::bigint as scanned, sum(idx_tup_fetch)::bigint as fetched,
    (select sum(idx_tup_read)::bigint from pg_stat_user_indexes where schemaname = 'ledger') as entries
  from pg_stat_user_tables where schemaname = 'ledger'"""

GROW = """
insert into ledger.journal
  select 0, t, s, 0, (t * 100000 + s)::bigint << 22, 8 * (s % 5000 + 1), 57, 1, 1, 1000, 1, 0, 0, 0, 1,
      0, 0, 1, 0, 0
    from generate_series(1000, 1019) t, generate_series(1, 2500) s;
insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
  select 0, 1, (t * 100000 + s)::bigint << 22, 57, 8 * (s % 5000 + 1), 1
    from generate_series(1000, 1019) t, generate_series(1, 2500) s;
"""


SEED = """
insert into ledger.journal
  select 0, 900, s, 0, s::bigint << 22, 8 * (s % 5000 + 1), 57, 1, 1, 1000, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0
    from generate_series(1, 100000) s"""


async def reads(session_job: Database) -> tuple[int, int, int]:
    async def job(connection: Connection) -> tuple[int, int, int]:
        await connection.execute("select pg_stat_clear_snapshot()")
        row = await connection.fetchrow(READS)
        return row["scanned"], row["fetched"], row["entries"]

    return await session_job.run(job)


async def flush(books: Books) -> None:
    await books.database.run(lambda connection: connection.execute("select pg_stat_force_next_flush()"))
    await books.database.run(lambda connection: connection.execute("select 1"))


async def test_plans_made_on_empty_tables_stay_lookups(owner: Database, database: Database) -> None:
    """A session that planned when the ledger was empty reads a few rows per posting when it has grown."""
    books = await Books.open(owner, database, cards=100)
    for turn in range(8):  # past the point where plans become generic
        await books.post_all(
            [books.earn(turn + 1, 10, card=turn), books.reversal(turn + 101, 9000, card=turn + 10)]
        )
    await owner.run(
        lambda connection: import_cards(
            connection, TESTER, 1, (CardRow(n, "0000") for n in range(5000, 10000))
        )
    )
    await owner.run(lambda connection: connection.execute(GROW))
    assert are_lookups(await spend(owner, books))


GROW_BENEFITS = """
insert into ledger.quota (bucket, period, quota, allowed, owner, balance)
  select 0, d, 40, 9, 8 * c, -1 from generate_series(19000, 19019) d, generate_series(1, 2500) c;
insert into ledger.refund
  select 0, t, s, n, t, s + n, n, 0 from generate_series(1000, 1019) t, generate_series(1, 500) s,
    generate_series(1, 5) n;
insert into ledger.posting
  select 0, 3, 1, (t * 100000 + s)::bigint << 22, 8 * (s % 5000 + 1), 60, 1, 40::bigint << 32 | 19000
    from generate_series(1000, 1019) t, generate_series(1, 2500) s;
"""


async def test_uses_and_refunds_stay_lookups(owner: Database, database: Database) -> None:
    """A use of a card's and of a wide quota, its refunds and its reversal read a few rows each, however many
    periods and refunds have gone by.
    """
    books = await Books.open(owner, database, cards=100)

    async def trade(first: int) -> None:
        cards = range(50)
        mine = [books.per_card(40, 10**6, card=card) for card in range(100)]
        await books.post_all([books.use(first + card, mine[card], card=card, discount=9) for card in cards])
        await books.post_all([books.use(first + 50, mine[50], wide(3, 10**6), card=50)])
        for part in range(10):
            refunds = [books.refund(first + 100 + part * 60 + c, first + c, 99, card=c) for c in cards]
            await books.post_all(refunds)
        undone = [books.reversal(first + 800 + card, first + card, card=card) for card in [*cards, 50]]
        await books.post_all(undone)

    for turn in range(8):
        await trade(1_000 * (turn + 1))
    await owner.run(lambda connection: connection.execute(GROW))
    await owner.run(lambda connection: connection.execute(GROW_BENEFITS))
    await flush(books)
    before = await reads(owner)
    for turn in range(20, 24):
        await trade(1_000 * turn)
    await flush(books)
    scanned, fetched, entries = (new - old for new, old in zip(await reads(owner), before, strict=True))
    done = 4 * (50 + 1 + 500 + 51)
    assert scanned == 0
    assert fetched < done * 12
    assert entries < done * 12


@pytest.mark.parametrize("rows", [50, 500, 5_000])
async def test_plans_made_on_a_journal_of_any_size_are_lookups(
    owner: Database, database: Database, rows: int
) -> None:
    """A session's first reversal plans for a journal never analysed, and runs on one that has grown."""
    books = await Books.open(owner, database, cards=100)
    await owner.run(lambda connection: connection.execute(f"{SEED} limit {rows}"))
    await books.post_all([books.earn(1, 10, card=1), books.reversal(101, 9000, card=10)])
    await owner.run(lambda connection: connection.execute(GROW))
    assert are_lookups(await spend(owner, books))


SPENT = 2_000


def are_lookups(spent: tuple[int, ...]) -> bool:
    """Whether `SPENT` requests scanned nothing and read a few rows and index entries each."""
    scanned, fetched, entries = spent
    return scanned == 0 and fetched < SPENT * 12 and entries < SPENT * 12


async def spend(owner: Database, books: Books) -> tuple[int, ...]:
    """Post `SPENT` requests, half of them replays; return rows scanned, rows and index entries read."""
    await flush(books)
    before = await reads(owner)
    for turn in range(10):
        first = 1000 * (turn + 1)
        batch = [books.earn(first + card, 1, card=card) for card in range(90)]
        batch += [
            books.reversal(first + 100 + card, first - 1000 + card + 1, card=card) for card in range(90, 100)
        ]
        await books.post_all(batch)
        await books.post_all(batch)  # replays take the way back through the journal
    await flush(books)
    after = await reads(owner)
    return tuple(new - old for new, old in zip(after, before, strict=True))


async def test_statements_do_not_scan(owner: Database, database: Database) -> None:
    """A card's history, a terminal's totals and its last STAN are lookups too, whatever the journal's
    size.
    """
    books = await Books.open(owner, database, cards=3)
    for stan in range(1, 21):
        await books.post(books.earn(stan, 1))
    await owner.run(lambda connection: connection.execute(GROW))
    await owner.run(lambda connection: connection.execute("analyze ledger.journal"))
    await flush(books)
    before = await reads(owner)
    rows = await database.run(lambda connection: history(connection, books.accounts[0], limit=20))
    totals = await database.run(lambda connection: terminal_totals(connection, TERMINAL, 1, 20))
    last = await database.run(lambda connection: last_stan(connection, TERMINAL))
    busy = await database.run(lambda connection: last_stan(connection, 1000))
    await flush(books)
    after = await reads(owner)
    assert (len(rows), totals.earn_points, last, busy) == (20, 20, 20, 2_500)
    scanned, fetched, _ = (new - old for new, old in zip(after, before, strict=True))
    assert scanned <= 10  # the planner may scan what fits a page
    assert fetched < 200

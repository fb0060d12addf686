"""What the database tells the board: bounded reads that come to what the books hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import trio

from ledger.books.lately import DECLINES, Posted, last_declines
from ledger.books.statements import partner_balance
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection, Database, Job
from ops.web.board.books import DECLINED, Books
from ops.web.board.today import ROWS_MAX, SETTLED_MS, Today
from protocol import Earn, ResultCode
from switch.clock import clock_ms
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.memory import CARD, UNKNOWN_CARD
from tests.switch.test_worker import running_worker

HOUR_MS = 3_600_000


async def looked(books: Books) -> Books:
    """Look until all is read: what takes too long on a slow machine is read again."""
    with trio.fail_after(HANG_S):
        while not books.known.is_read or books.known.problem_since_s is not None:
            await books.look()
    return books


async def test_the_board_reads_what_the_terminals_did(
    fresh: FreshDatabase, owner: Database, database: Database, tmp_path: Path
) -> None:
    """Declines come in order, newest first, and today's points are the partner's."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        for stan in range(1, 8):
            await line.ask(Earn(stan, 0, CARD, SWIPED, 4_590))
        assert (await line.ask(Earn(8, 0, UNKNOWN_CARD, SWIPED, 100))).code == ResultCode.CARD_UNKNOWN
        await line.ask(Earn(9, 0, CARD, SWIPED, -1))
        known = (await looked(Books(database))).known
    assert known.problem_since_s is None
    assert [row.code for row in known.declines] == [ResultCode.AMOUNT_NEGATIVE, ResultCode.CARD_UNKNOWN]
    assert set(known.terminals) == {1, 2}
    assert [partner.name for partner in known.partners.values()] == ["Piekarnia Kłos"]
    assert known.today is not None
    issued = sum(row.amount for (_, kind), row in known.today.sums.items() if kind == 1)
    balance = await database.run(lambda connection: partner_balance(connection, 1))
    assert -issued == balance.issued_points == 7 * 4


async def test_no_read_grows_with_the_journal(database: Database, owner: Database) -> None:
    """The journal's newest rows are found by their time: no plan scans it all, and few are enough."""

    async def fill(connection: Connection) -> None:
        await connection.execute(
            "insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id, account,"
            " counter_account, points, balance, amount_grosze, accepted_at_ms, terminal_time, rules_version,"
            " previous_terminal, previous_stan, kind, code, last4)"
            " select 0, n % 10, n, 0, n, 0, 0, 0, 0, 0, n * 1000, 0, 1, 0, 0, 1, 45, -1"
            " from generate_series(1, 30000) n"
        )
        await connection.execute("select brin_summarize_new_values('ledger.journal_time')")
        await connection.execute("analyze ledger.journal")

    async def plan(connection: Connection) -> str:
        return "\n".join(row[0] for row in await connection.fetch(f"explain {DECLINES}", 29_990_000, [45], 5))

    await owner.run(fill)
    assert "journal_time" in await database.run(plan)
    for now_ms in (30_000_500, 30_090_000):
        rows = await database.run(lambda c, now_ms=now_ms: last_declines(c, DECLINED, 3, now_ms))  # type: ignore[misc]
        assert [row.accepted_at_ms for row in rows] == [30_000_000, 29_999_000, 29_998_000]
    rows = await database.run(lambda connection: last_declines(connection, DECLINED, 3, 10**12))
    assert rows == []


class Postings:
    """Postings of one programme at moments, and how many rows were read at most."""

    def __init__(self, at_ms: Sequence[int]) -> None:
        self.at_ms = list(at_ms)
        self.most = 0

    async def read(
        self, from_ms: int, until_ms: int, days: Mapping[int, int], rows_max: int
    ) -> list[Posted] | None:
        found = [at for at in self.at_ms if from_ms <= at < until_ms and at >= days[1]]
        self.most = max(self.most, min(len(found), rows_max + 1))
        return None if len(found) > rows_max else [Posted(1, 1, -len(found), len(found))]


async def test_a_day_is_counted_once_in_bounded_slices() -> None:
    """However dense a day is, each read is bounded, each moment is counted once, and the end is reached."""
    day_ms = 1_000 * HOUR_MS
    now_ms = day_ms + 10 * HOUR_MS
    dense = [day_ms + 5 * HOUR_MS + n // 40 for n in range(3 * ROWS_MAX)]
    postings = Postings([day_ms - 1, day_ms, *dense, now_ms - SETTLED_MS // 2])
    today = Today()
    while (counted := await today.count(postings.read, {1: day_ms}, now_ms)).until_ms < now_ms:
        pass
    assert counted.sums[1, 1].postings == 2 + len(dense)
    assert postings.most <= ROWS_MAX + 1
    postings.at_ms.append(now_ms - 1)
    counted = await today.count(postings.read, {1: day_ms}, now_ms)
    assert counted.sums[1, 1].postings == 3 + len(dense)


async def test_a_new_day_begins_anew() -> None:
    """At midnight the count begins again, whatever stood there."""
    day_ms = 1_000 * HOUR_MS
    postings = Postings([day_ms + 1, day_ms + 25 * HOUR_MS])
    today = Today()
    now_ms = day_ms + 2 * HOUR_MS
    while (await today.count(postings.read, {1: day_ms}, now_ms)).until_ms < now_ms:
        pass
    tomorrow_ms = day_ms + 24 * HOUR_MS
    now_ms = tomorrow_ms + 2 * HOUR_MS
    while (counted := await today.count(postings.read, {1: tomorrow_ms}, now_ms)).until_ms < now_ms:
        pass
    assert counted.sums[1, 1].postings == 1


class Unreliable:
    """A database that can be gone."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_gone = False

    async def run(self, job: Job[Any], *, timeout_s: float) -> Any:
        if self.is_gone:
            raise DatabaseUnavailable("gone")
        return await self._database.run(job, timeout_s=timeout_s)


async def test_a_database_that_is_gone_is_said_so(database: Database) -> None:
    """Without the database the board keeps what it knew, says since when, and comes back by itself."""
    unreliable = Unreliable(database)
    books = await looked(Books(cast(Database, unreliable)))
    unreliable.is_gone = True
    before_s = clock_ms() / 1_000
    with trio.move_on_after(HANG_S):
        while books.known.problem_since_s is None:
            await books.look()
            await trio.sleep(0.05)
    assert books.known.problem_since_s is not None
    assert books.known.problem_since_s >= before_s
    unreliable.is_gone = False
    await looked(books)

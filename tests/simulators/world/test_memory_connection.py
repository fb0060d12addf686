"""The real committer, node and feed over the store in memory, and what faults look like over a connection."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing

from ledger.books.batch import post
from ledger.books.committer import Committer
from ledger.books.posting import Kind, Outcome, Posting
from ledger.books.result_codes import TRY_AGAIN
from ledger.books.rows import POST_BATCH
from ledger.books.statements import last_stan, terminal_totals
from ledger.errors import (
    DatabaseContended,
    DatabaseUnavailable,
    IdsClosed,
    LedgerError,
    StatementRefused,
)
from ledger.postgres.database import Database, open_database
from ledger.registry.key_over_wire import NEXT_KEY
from ledger.registry.keys import is_live, note_use
from ledger.registry.reads import CHANNEL, KeyRow, PartnerRow, ProgrammeRow, TerminalRow, read_changes
from simulators.world.memory.connection import MemoryConnection, connector
from simulators.world.memory.faults import COMMIT, CONNECT, Ending, Strike
from simulators.world.memory.ledger import MemoryLedger
from simulators.world.memory.registry import Card, Holder
from tests.ledger.books import NOW_MS, TERMINAL, Books

ACCOUNTS = [8, 16, 24]
DSN = "postgresql://memory/world"


class Strikes:
    """Faults written down beforehand: of a statement, one after another; None: nothing befalls it."""

    def __init__(self, **strikes: list[Strike | None]) -> None:
        self._strikes = strikes
        self.asked: list[str] = []

    def strike(self, _: MemoryConnection, statement: str) -> Strike | None:
        name = {POST_BATCH: "post", COMMIT: "commit", CONNECT: "connect", NEXT_KEY: "key"}.get(statement, "")
        self.asked.append(name)
        waiting = self._strikes.get(name)
        return waiting.pop(0) if waiting else None


@asynccontextmanager
async def opened(
    ledger: MemoryLedger, faults: Strikes | None = None
) -> AsyncIterator[tuple[Database, Books]]:
    for account in ACCOUNTS:
        ledger.open_account(account)
    async with open_database(DSN, connect=connector(ledger, faults)) as database:
        yield database, Books(database, ACCOUNTS, buckets=len(ledger.buckets))


def test_committer_posts_over_the_store() -> None:
    """The committer claims a number, opens its lanes and posts, whatever the number of buckets."""

    async def run(buckets: int) -> list[Outcome]:
        ledger, found = MemoryLedger(buckets, now_ms=lambda: NOW_MS), list[Outcome]()
        async with opened(ledger) as (database, books), trio.open_nursery() as nursery:
            committer = Committer(
                database, on_outcomes=lambda answers: found.extend(outcome for _, outcome in answers)
            )
            committer.node._now_ms = lambda: NOW_MS
            await nursery.start(committer.run)
            for stan in range(1, 40):
                committer.submit_nowait(books.earn(stan, 3, card=stan % 3))
            committer.submit_nowait(books.reversal(40, 39))
            committer.stop()
        assert [outcome.code for outcome in found] == [0] * 40
        assert sum(ledger.balance(account) or 0 for account in ACCOUNTS) == 3 * 38
        assert [commit.stan for commit in ledger.commits if commit.posting.kind == Kind.REVERSAL] == [40]
        assert [commit.number for commit in ledger.commits] == list(range(1, 41))
        assert ledger.check() == []
        return found

    for buckets in (1, 4):
        trio.run(run, buckets, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("strike", "error", "is_done", "is_connected"),
    [
        (Strike(Ending.REFUSED), DatabaseContended, False, True),
        (Strike(Ending.REFUSED, sqlstate="23505", constraint="posting_pkey"), StatementRefused, False, True),
        (Strike(Ending.REFUSED, sqlstate="CS001"), IdsClosed, False, True),
        (Strike(Ending.REFUSED, sqlstate="57P01"), DatabaseUnavailable, False, False),
        (Strike(Ending.LOST_BEFORE), DatabaseUnavailable, False, False),
        (Strike(Ending.LOST_AFTER), DatabaseUnavailable, True, False),
        (Strike(Ending.SILENT_BEFORE), DatabaseUnavailable, False, False),
        (Strike(Ending.SILENT_AFTER), DatabaseUnavailable, True, False),
        (Strike(Ending.DOUBTFUL), DatabaseUnavailable, True, False),
        (Strike(delay_s=60.0), DatabaseUnavailable, True, False),
        (Strike(delay_s=1.0), None, True, True),
    ],
)
def test_what_a_fault_looks_like(
    strike: Strike, error: type[LedgerError] | None, is_done: bool, is_connected: bool
) -> None:
    """Each fault leaves as the real translation of the real error, and has done what it says or nothing."""

    async def run() -> None:
        ledger = MemoryLedger()
        async with opened(ledger, Strikes(post=[strike])) as (database, books):
            session = database.session()
            posting = books.earn(1, 5)

            async def job(connection: Any) -> list[Outcome]:
                return await post(connection, [posting])

            found: LedgerError | None = None
            try:
                await session.run(job, timeout_s=10.0)
            except LedgerError as raised:
                found = raised
            assert (type(found) if found else None) is error
            assert session.is_connected is is_connected
            await trio.sleep(100)
            assert ledger.balance(ACCOUNTS[0]) == (5 if is_done else 0)
            (again,) = await session.run(job)
            assert (again.code, again.balance, again.replayed) == (0, 5, is_done)
            assert ledger.check() == []

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_race_that_was_lost_is_run_again() -> None:
    """A unique_violation of an id is the race of two workers: the batch is put again at once."""

    async def run() -> None:
        race = Strike(Ending.REFUSED, sqlstate="23505", constraint="journal_pkey")
        faults = Strikes(post=[race, race])
        async with opened(MemoryLedger(), faults) as (_, books):
            assert (await books.post(books.earn(1, 5))).code == 0
        assert faults.asked.count("post") == 3

    trio.run(run)


def test_a_committer_outlives_all_of_it() -> None:
    """Answers lost, silence, no connections: every posting is answered once, and what stands was told or may
    be asked for again.
    """

    async def run() -> None:
        ledger, found = MemoryLedger(), list[tuple[Posting, Outcome]]()
        faults = Strikes(
            post=[Strike(Ending.LOST_AFTER), None, Strike(Ending.SILENT_AFTER), Strike(delay_s=20.0)],
            connect=[*[None] * 4, Strike(Ending.REFUSED), Strike(Ending.SILENT_BEFORE)],
        )
        async with opened(ledger, faults) as (database, books), trio.open_nursery() as nursery:
            committer = Committer(database, on_outcomes=found.extend, give_up_ms=3_000)
            await nursery.start(committer.run)
            for stan in range(1, 30):
                committer.submit_nowait(books.earn(stan, 1, card=stan % 3))
                await trio.sleep(0.2)
            await trio.sleep(100)
            committer.stop()
        assert sorted(posting.stan for posting, _ in found) == list(range(1, 30))
        stands = {commit.stan: commit.outcome for commit in ledger.commits}
        assert len(stands) == len(ledger.commits)
        for posting, outcome in found:
            if outcome.code == 0:
                assert outcome.transaction_id == stands[posting.stan].transaction_id
            else:
                assert outcome.code == TRY_AGAIN
        assert ledger.check() == []

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def seeded(ledger: MemoryLedger) -> None:
    registry = ledger.registry
    registry.set_programme(ProgrammeRow(1, "zgierz", "Zgierz", (), None))
    registry.set_partner(PartnerRow(7, 1, "Piekarnia", 0, False, None))
    registry.set_terminal(TerminalRow(TERMINAL, 7, 0, "", 0))
    for generation in (1, 2):
        registry.set_key(KeyRow(TERMINAL, generation, bytes(44), None, None, False))
    registry.add_cards([Card(1_000 + number, (1 + number) << 3, 1) for number in range(3)])
    registry.set_holder(Holder(8, 1, flags=1, contract_ends_day=20_000))


def test_a_feed_follows_the_store() -> None:
    """Everything is read at first, then what has changed; who listens is told of each change."""

    async def run() -> None:
        ledger, told, ready = MemoryLedger(now_ms=lambda: NOW_MS), [0], trio.Event()
        seeded(ledger)
        async with open_database(DSN, connect=connector(ledger)) as database, trio.open_nursery() as nursery:

            def notified() -> None:
                told[0] += 1

            async def listen() -> None:
                await database.listen(CHANNEL, notified, on_ready=ready.set)

            nursery.start_soon(listen)
            await ready.wait()
            cards: list[Any] = []

            async def read(since: int) -> Any:
                cards.clear()
                return await database.run(lambda c: read_changes(c, since, cards.extend))

            first = await read(0)
            assert (first.number, first.database_ms) == (ledger.registry.number, NOW_MS)
            assert [len(rows) for rows in (first.programmes, first.partners, first.terminals)] == [1, 1, 1]
            assert [(row.generation, row.is_used) for row in first.keys] == [(1, False), (2, False)]
            assert [card[:5] for card in cards] == [
                (1_000, 8, 1, 0, 20_000),
                (1_001, 16, 1, 0, None),
                (1_002, 24, 1, 0, None),
            ]
            assert cards[0][6] == [1, 0, 0, -1_000_000, 0, 1_000_000, None]

            ledger.registry.set_card(1_001, status=1)
            assert told == [1]
            second = await read(first.number)
            assert [(card[0], card[3], card[5]) for card in cards] == [(1_001, 1, (NOW_MS << 4,))]
            ledger.registry.set_holder(Holder(8, 1, flags=2))
            await read(second.number)
            assert [(card[0], card[4], card[6][0]) for card in cards] == [(1_000, None, 2)]
            nursery.cancel_scope.cancel()

    trio.run(run)


def test_a_write_takes_effect_when_its_transaction_commits() -> None:
    """The first use of a key ends the older ones, once that has committed, and not before."""

    async def run() -> None:
        ledger = MemoryLedger(now_ms=lambda: NOW_MS)
        seeded(ledger)
        faults = Strikes(commit=[Strike(Ending.LOST_BEFORE), Strike(Ending.LOST_AFTER)])
        async with open_database(DSN, connect=connector(ledger, faults)) as database:
            for is_still_live in (True, False):
                with pytest.raises(DatabaseUnavailable):
                    await database.run(lambda c: note_use(c, TERMINAL, 2))
                assert await database.run(lambda c: is_live(c, TERMINAL, 1)) is is_still_live

    trio.run(run)


def test_totals_and_last_stan() -> None:
    """Totals count what is approved, the last STAN what was used: as the statements of Postgres do."""

    async def run() -> None:
        ledger = MemoryLedger(4)
        async with opened(ledger) as (database, books):
            await books.post_all([books.earn(1, 5), books.earn(2, 7, card=1), books.redeem(3, 100, card=2)])
            await books.post_all([books.reversal(4, 1), books.reversal(6, 5, card=1)])
            totals = await database.run(lambda c: terminal_totals(c, TERMINAL, 1, 9))
            assert (totals.earn_count, totals.earn_points) == (2, 12)
            assert (totals.reversal_count, totals.reversal_points, totals.redeem_count) == (1, -5, 0)
            assert await database.run(lambda c: last_stan(c, TERMINAL)) == 6

    trio.run(run)


def test_an_unknown_statement_is_named() -> None:
    """What nobody has taught the store is not answered with nothing: it says which statement it was."""

    async def run() -> None:
        async with open_database(DSN, connect=connector(MemoryLedger())) as database:
            ask: Callable[[Any], Any] = lambda c: c.fetchval("select 2")  # noqa: E731
            with pytest.raises(AssertionError, match="select 2"):
                await database.run(ask)

    trio.run(run)

"""What group commit promises: every posting answered once, in order per card, whatever happens to the
database.
"""

from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import ledger.postgres.database
from ledger.books import result_codes as codes
from ledger.books.committer import Committer
from ledger.books.observer import Observer
from ledger.books.posting import Outcome, Posting
from ledger.errors import DatabaseUnavailable, LedgerError
from ledger.postgres.database import Database, connect_postgres, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.fitness import THROWAWAY
from ledger.postgres.migrate import migrate
from ledger.postgres.session import Session
from ledger.registry.installation import set_buckets
from tests.ledger.books import TESTER, Books
from tests.ledger.test_races import Rival, assert_sound, wait_blocked
from tests.patience import HANG_S


class Answers(Observer):
    """Collects what the committer hands out, and notes what it tells the metrics."""

    def __init__(self) -> None:
        self.by_stan: dict[int, Outcome] = {}
        self.order: list[int] = []
        self.batches: list[int] = []
        self.poison: list[int] = []
        self.retries = 0
        self.given_up = 0
        self._news = trio.Event()

    def take(self, answers: list[tuple[Posting, Outcome]]) -> None:
        for posting, outcome in answers:
            assert posting.stan not in self.by_stan, "answered twice"
            self.by_stan[posting.stan] = outcome
            self.order.append(posting.stan)
        self._news.set()

    async def wait_for(self, count: int) -> None:
        with trio.fail_after(HANG_S):
            while len(self.order) < count:
                await self._news.wait()
                self._news = trio.Event()

    def batch_committed(self, size: int, seconds: float) -> None:
        self.batches.append(size)

    def batch_retried(self, error: LedgerError) -> None:
        self.retries += 1

    def gave_up(self, count: int) -> None:
        self.given_up += count

    def poisoned(self, posting: Posting, error: LedgerError) -> None:
        self.poison.append(posting.stan)


GIVE_UP_MS = int(HANG_S / 2 * 1000)
"""A slow machine gives nothing up; a test that is about giving up says when."""


@asynccontextmanager
async def running(database: Database, answers: Answers, **settings: Any) -> AsyncIterator[Committer]:
    settings = {"give_up_ms": GIVE_UP_MS, **settings}
    committer = Committer(database, on_outcomes=answers.take, observer=answers, **settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(committer.run)
        yield committer
        committer.stop()


async def test_postings_of_a_card_commit_in_order(owner: Database, database: Database) -> None:
    """Many postings of few cards: all answered, each card's in the order submitted, many in one batch."""
    books = await Books.open(owner, database, cards=3)
    answers = Answers()
    async with running(database, answers) as committer:
        for stan in range(1, 61):
            committer.submit_nowait(books.earn(stan, stan, card=stan % 3))
        assert committer.queued == 60
    assert committer.queued == 0
    assert max(answers.batches) > 3
    for card in range(3):
        stans = [stan for stan in answers.order if stan % 3 == card]
        assert stans == sorted(stans)
        sums = [sum(stans[: n + 1]) for n in range(len(stans))]
        assert [answers.by_stan[stan].balance for stan in stans] == sums
    await assert_sound(books)


async def test_a_reversal_stays_behind_its_original(owner: Database, database: Database) -> None:
    """An original and a reversal that names it with another card are not decided in one batch."""
    books = await Books.open(owner, database, cards=2)
    answers = Answers()
    async with running(database, answers) as committer:
        committer.submit_nowait(books.earn(9, 5, card=0))
        committer.submit_nowait(books.reversal(13, 9, card=1))
        committer.submit_nowait(books.reversal(14, 9, card=0))
    assert [answers.by_stan[stan].code for stan in (9, 13, 14)] == [0, codes.ORIGINAL_MISMATCH, 0]


async def test_a_poison_row_stands_alone(owner: Database, database: Database) -> None:
    """A row the server refuses gets SYSTEM_ERROR; the good ones beside it post."""
    books = await Books.open(owner, database, cards=8)
    answers = Answers()
    async with running(database, answers, lanes=1) as committer:
        committer.submit_nowait(books.earn(100, 1, card=7))  # takes the lane; the rest makes one batch
        for stan in range(1, 8):
            posting = books.earn(stan, stan, card=stan - 1)
            if stan == 4:
                posting.account = 999_999 << 3  # no such account
            if stan == 6:
                posting.digest = 1 << 80  # out of range
            if stan == 7:
                posting.points = None  # type: ignore[assignment]  # cannot even be sent
            committer.submit_nowait(posting)
    assert sorted(answers.poison) == [4, 6, 7]
    for stan in range(1, 8):
        expected = codes.SYSTEM_ERROR if stan in (4, 6, 7) else codes.APPROVED
        assert answers.by_stan[stan].code == expected
    await assert_sound(books)


async def test_a_backend_killed_in_the_middle_posts_once(owner: Database, database: Database) -> None:
    """The connection dies while the batch waits for a lock: sent again, posted exactly once."""
    books = await Books.open(owner, database, cards=2)
    rival = Rival(database)
    answers = Answers()
    async with running(database, answers, lanes=1) as committer:
        await rival.begin(books.earn(50, 1, card=0))
        committer.submit_nowait(books.earn(1, 5, card=0))
        committer.submit_nowait(books.earn(2, 6, card=1))
        await wait_blocked(owner, rival.pid)
        kill = "select pg_terminate_backend(pid) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"
        await owner.run(lambda connection: connection.execute(kill.replace("$1", str(rival.pid))))
        await rival.commit()
        await answers.wait_for(2)
    assert answers.retries >= 1
    assert [answers.by_stan[stan].code for stan in (1, 2)] == [0, 0]
    assert (await books.balance(0), await books.balance(1)) == (6, 6)
    await assert_sound(books)


@contextmanager
def answers_lost(monkeypatch: pytest.MonkeyPatch, times: int) -> Iterator[None]:
    """The next `times` batches commit, and then their answer is lost with the connection."""
    limit = Session.limit
    left = times

    async def lose(self: Session, awaitable: Awaitable[Any], timeout_s: float) -> Any:
        nonlocal left
        found = await limit(self, awaitable, timeout_s)
        if left > 0 and type(found).__name__ == "Record" and "codes" in found.keys():  # noqa: SIM118 no dict
            left -= 1
            raise DatabaseUnavailable("connection lost after COMMIT")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Session, "limit", lose)
        yield
    assert left == 0


async def test_commit_of_unknown_outcome(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch has committed and the answer is lost: sent again, the stored replies come back, nothing
    twice.
    """
    books = await Books.open(owner, database, cards=3)
    await books.post(books.earn(90, 100, card=2))
    answers = Answers()
    with answers_lost(monkeypatch, 2):
        async with running(database, answers, lanes=1) as committer:
            committer.submit_nowait(books.earn(1, 5, card=0))
            committer.submit_nowait(books.reversal(82, 77, card=1))
            committer.submit_nowait(books.redeem(3, 100, card=2))
            await answers.wait_for(3)
    found = [answers.by_stan[stan] for stan in (1, 82, 3)]
    assert [(o.code, o.points, o.balance) for o in found] == [(0, 5, 5), (1, 0, 0), (0, -100, 0)]
    assert found[0].replayed
    await assert_sound(books)


async def test_database_away_and_back(tmp_path: Path) -> None:
    """Postgres stopped: TRY_AGAIN after the time limit; started again: the committer recovers by itself."""
    answers = Answers()
    tries, away_at = 0, 0.0

    async def count(*arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        return await connect_postgres(*arguments)

    async with embedded_postgres(tmp_path / "pg", settings=THROWAWAY) as first:
        await migrate(first.owner_dsn)
    async with (
        open_database(first.owner_dsn) as owner,
        open_database(first.service_dsn, connect=count) as database,
        trio.open_nursery() as nursery,
    ):
        committer = Committer(database, on_outcomes=answers.take, observer=answers, give_up_ms=GIVE_UP_MS)
        async with embedded_postgres(tmp_path / "pg", settings=THROWAWAY):
            books = await Books.open(owner, database, cards=2)
            await nursery.start(committer.run)
            committer.submit_nowait(books.earn(1, 5))
            await answers.wait_for(1)
        committer._give_up_s = 0.25
        tries, away_at = 0, trio.current_time()
        committer.submit_nowait(books.earn(2, 5))
        committer.submit_nowait(books.earn(3, 5))
        await answers.wait_for(3)
        committer.submit_nowait(books.earn(4, 5))  # no lane has a connection now, or anything to post
        await answers.wait_for(4)
        tries_max = 10 + 4 * (trio.current_time() - away_at) / ledger.books.committer.RECONNECT_S
        assert tries <= tries_max, "a lane with nothing to do tries in a tight loop"
        committer._give_up_s = HANG_S
        async with embedded_postgres(tmp_path / "pg", settings=THROWAWAY):
            committer.submit_nowait(books.earn(5, 7))
            await answers.wait_for(5)
            found = [answers.by_stan[stan].code for stan in (1, 2, 3, 4, 5)]
            assert found == [0, codes.TRY_AGAIN, codes.TRY_AGAIN, codes.TRY_AGAIN, 0]
            assert answers.by_stan[5].balance == 12
            assert answers.given_up == 3
            await assert_sound(books)
            committer.stop()


async def test_a_locked_account_is_given_up_in_time(owner: Database, database: Database) -> None:
    """The statement's time limit is the posting's, too: it is not sent once more for as long again."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    await rival.begin(books.earn(100, 1))
    answers = Answers()
    async with running(database, answers, give_up_ms=300) as committer:
        committer.submit_nowait(books.earn(1, 5))
        await answers.wait_for(1)
        await rival.rollback()
    assert answers.by_stan[1].code == codes.TRY_AGAIN
    assert (answers.retries, answers.given_up) == (1, 1)


async def test_a_server_silent_at_prepare_is_given_up(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a connection was lost its successor prepares the statement anew; that has a limit as well."""
    books = await Books.open(owner, database, cards=1)
    answers = Answers()
    async with running(database, answers, lanes=1, give_up_ms=300) as committer:

        async def prepare(connection: Any) -> None:
            await connection.execute("select pg_sleep(60)")

        monkeypatch.setattr(committer._lanes[0], "prepare", prepare)
        committer._lanes[0].session.state.clear()
        committer.submit_nowait(books.earn(1, 5))
        await answers.wait_for(1)
        assert answers.by_stan[1].code == codes.TRY_AGAIN
        monkeypatch.undo()
        committer._give_up_s = HANG_S
        committer.submit_nowait(books.earn(2, 5))
        await answers.wait_for(2)
    assert answers.by_stan[2].code == 0


async def test_an_error_of_who_takes_the_answers_ends_the_committer(
    owner: Database, database: Database
) -> None:
    """It comes out of `run`; what the other lane has on its way is committed and handed over first."""
    books = await Books.open(owner, database, cards=2)
    rival = Rival(database)
    await rival.begin(books.earn(100, 1, card=0))
    answered: list[int] = []
    second_answered = trio.Event()

    def take(answers: list[tuple[Posting, Outcome]]) -> None:
        answered.extend(posting.stan for posting, _ in answers)
        if 2 in answered and 1 not in answered:
            second_answered.set()
            raise ZeroDivisionError

    committer = Committer(database, on_outcomes=take, give_up_ms=GIVE_UP_MS)
    with (
        trio.fail_after(HANG_S),
        pytest.RaisesGroup(ZeroDivisionError, allow_unwrapped=False, flatten_subgroups=True),
    ):
        async with trio.open_nursery() as nursery:
            await nursery.start(committer.run)
            committer.submit_nowait(books.earn(1, 5, card=0))
            await wait_blocked(owner, rival.pid)
            committer.submit_nowait(books.earn(2, 5, card=1))
            with trio.CancelScope(shield=True):
                await second_answered.wait()
                await rival.commit()
    assert answered == [2, 1]


async def test_a_cancelled_committer_finishes_its_job(owner: Database, database: Database) -> None:
    """A batch on its way is not cancelled: it commits and is answered, then the lanes end."""
    books = await Books.open(owner, database, cards=1)
    rival = Rival(database)
    answers = Answers()
    committer = Committer(database, on_outcomes=answers.take, observer=answers, give_up_ms=GIVE_UP_MS)
    async with trio.open_nursery() as outer:
        async with trio.open_nursery() as nursery:
            await nursery.start(committer.run)
            await rival.begin(books.earn(50, 1))
            committer.submit_nowait(books.earn(1, 5))
            await wait_blocked(owner, rival.pid)
            nursery.cancel_scope.cancel()
            outer.start_soon(rival.commit)
        assert answers.by_stan[1].code == codes.APPROVED
    assert await books.balance() == 6


async def test_behind_is_more_than_a_batch_that_waits_too_long(owner: Database, database: Database) -> None:
    """A queue that one batch takes is not behind, however old; nor is a long one that is young."""
    books = await Books.open(owner, database, cards=20)
    committer = Committer(database, on_outcomes=Answers().take, batch_max=10)
    for stan in range(1, 12):
        assert not committer.is_behind(1.0)
        posting = books.earn(stan, 1, card=stan)
        posting.submitted_at = trio.current_time() - 2
        committer.submit_nowait(posting)
    assert committer.is_behind(1.0)
    assert not committer.is_behind(HANG_S)


async def test_two_committers_on_the_same_cards(owner: Database, service_dsn: str) -> None:
    """Two workers, the same cards, the same requests: each effect once, both get the same outcome."""
    async with open_database(service_dsn) as database:
        books = await Books.open(owner, database, cards=5)
        one, two = Answers(), Answers()
        async with running(database, one, batch_max=7) as left, running(database, two, batch_max=7) as right:
            assert left.node.ids.node != right.node.ids.node
            for stan in range(1, 101):
                left.submit_nowait(books.earn(stan, stan, card=stan % 5))
                right.submit_nowait(books.earn(stan, stan, card=stan % 5))
        for stan in range(1, 101):
            first, second = one.by_stan[stan], two.by_stan[stan]
            assert first.code == second.code == 0
            assert (first.transaction_id, first.balance) == (second.transaction_id, second.balance)
            assert first.replayed != second.replayed
        await assert_sound(books)


async def test_buckets_are_posted_apart(owner: Database, database: Database) -> None:
    """With several buckets every request lands in the bucket of its card, and the books balance in each."""
    await owner.run(lambda connection: set_buckets(connection, TESTER, 4))
    books = await Books.open(owner, database, cards=12)
    answers = Answers()
    async with running(database, answers) as committer:
        for card in range(12):
            committer.submit_nowait(books.earn(card + 1, 3, card=card))
        await answers.wait_for(12)
        for card in range(12):
            committer.submit_nowait(books.reversal(card + 101, card + 1, card=card))
    assert {outcome.code for outcome in answers.by_stan.values()} == {0}
    buckets = await database.run(
        lambda connection: connection.fetchval("select count(distinct bucket) from ledger.journal")
    )
    assert buckets > 1
    await assert_sound(books)

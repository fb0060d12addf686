"""What a worker's node number promises: no id is given twice, whatever clocks, restarts and lost locks do."""

import random
from contextlib import suppress
from typing import Any

import pytest
import trio

from ledger.books.committer import Committer
from ledger.books.node import CLOSED, RENEW, RESERVE, RESERVE_MS, TRY_NUMBER, Node
from ledger.books.transaction_ids import NODES, time_ms
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Database
from ledger.postgres.locks import NODE_SPACE
from tests.ledger.books import NOW_MS, Books
from tests.ledger.test_committer import GIVE_UP_MS, Answers, running
from tests.ledger.test_races import assert_sound
from tests.patience import HANG_S

HOLDER = f"select pid from pg_locks where locktype = 'advisory' and classid = {NODE_SPACE}"


class Clock:
    """A wall clock that stands until it is set."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


@pytest.mark.parametrize("statement", [CLOSED, RENEW, RESERVE, TRY_NUMBER])
def test_ids_depend_on_no_server_of_a_bucket(statement: str) -> None:
    """The books may lie on several servers: one that is lost must not stop the ids of all the others."""
    assert " ledger." not in statement


async def end(database: Database, node: Node) -> None:
    """The worker's connection is gone, at the server's end as well."""
    pid = node._session.backend
    node._session.terminate()
    with trio.fail_after(HANG_S):
        while await database.run(
            lambda c: c.fetchval("select count(*) from pg_stat_activity where pid = $1", pid)
        ):
            pass


class InOrder(random.Random):
    """Chance by which workers look for a free number in order, so that a restart comes upon the same one."""

    def sample(self, population: Any, k: int, *, counts: Any = None) -> list[Any]:
        return list(population)[:k]


async def test_clocks_set_back_under_load_give_no_id_twice(owner: Database, database: Database) -> None:
    """20 restarts with the same number, each with the clock set back by 1 s to 1 day: 0 ids twice."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    print("seed", seed)
    books = await Books.open(owner, database, cards=20)
    clock, made = Clock(), []
    for restart in range(20):
        answers = Answers()
        committer = Committer(database, on_outcomes=answers.take, observer=answers, give_up_ms=GIVE_UP_MS)
        committer.node = Node(database.session(), clock, InOrder())
        async with trio.open_nursery() as nursery:
            await nursery.start(committer.run)
            assert committer.node.ids.node == 0
            for stan in range(40):
                posting = books.earn(restart * 100 + stan + 1, 1, card=stan % 20)
                posting.transaction_id = 0
                committer.submit_nowait(posting)
                clock.now_ms += chance.choice([0, 0, 0, 1_000])  # so that what was set back comes by again
                await trio.lowlevel.checkpoint()
            await answers.wait_for(40)
            committer.stop()
        made += [outcome.transaction_id for outcome in answers.by_stan.values()]
        await end(database, committer.node)
        clock.now_ms -= chance.choice([1_000, 60_000, 3_600_000, 86_400_000])
    assert len(set(made)) == len(made) == 800
    assert made[0] < made[-1]
    await assert_sound(books)


async def test_numbers_are_unique_among_live_workers(database: Database) -> None:
    """Two live workers never share a number; a dead one's is free again."""
    one, two = Node(database.session()), Node(database.session())
    await one.hold()
    await two.hold()
    assert one.ids.node != two.ids.node
    await end(database, one)
    await one.hold()
    assert one.ids.node != two.ids.node


async def test_a_lost_lock_gives_no_id_twice_either(database: Database) -> None:
    """A worker that has lost its number without noticing, and the one that took it: both give ids, none
    twice.

    At its next look the first takes another number.
    """
    clock = Clock()
    first, second = (Node(database.session(), clock, InOrder()) for _ in range(2))
    await first.hold()
    await end(database, first)
    await second.hold()
    assert (first.ids.node, second.ids.node) == (0, 0)
    made = first.take_ids(100) + second.take_ids(100)
    await first.hold()
    assert first.ids.node == 1
    made += first.take_ids(100) + second.take_ids(100)
    assert len(set(made)) == 400


async def test_the_reservation_goes_with_the_clock(database: Database) -> None:
    """Each look reserves some seconds more; a clock that leaps ahead is followed after the next look."""
    clock = Clock()
    node = Node(database.session(), clock)
    await node.hold()
    assert node.ids.ceiling_ms == NOW_MS + RESERVE_MS
    clock.now_ms += RESERVE_MS - 1
    assert time_ms(node.take_ids(1)[0]) == clock.now_ms
    clock.now_ms += 86_400_000
    assert time_ms(node.take_ids(1)[0]) < NOW_MS + RESERVE_MS
    await node.hold()
    assert time_ms(node.take_ids(1)[0]) == clock.now_ms


async def test_without_a_reservation_a_sale_waits(
    owner: Database, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is posted past what is reserved: sales wait until it is renewed."""
    monkeypatch.setattr("ledger.books.committer.GUARD_PROBE_S", HANG_S)
    books = await Books.open(owner, database, cards=1)
    answers = Answers()
    async with running(database, answers) as committer:
        committer.node.take_ids(committer.node.ids.room)
        posting = books.earn(1, 5)
        posting.transaction_id = 0
        committer.submit_nowait(posting)
        with trio.fail_after(HANG_S):
            # On a slow machine another trouble may be told before.
            while "no transaction ids are reserved" not in (committer.problem or ""):
                await trio.lowlevel.checkpoint()
        assert answers.order == []
        await committer.node.hold()
        await answers.wait_for(1)
    assert answers.by_stan[1].code == 0


async def test_a_lost_number_is_claimed_again(owner: Database, database: Database) -> None:
    """The guard's connection is lost: the worker takes its own number again."""
    async with running(database, Answers()) as committer:
        number = committer.node.ids.node
        alive = "select count(*) from pg_stat_activity where pid = $1"
        first = await owner.run(lambda connection: connection.fetchval(HOLDER))
        await owner.run(lambda connection: connection.execute("select pg_terminate_backend($1)", first))
        with trio.fail_after(HANG_S):
            while await owner.run(lambda connection: connection.fetchval(alive, first)):
                pass
            while await owner.run(lambda connection: connection.fetchval(HOLDER)) is None:
                with suppress(DatabaseUnavailable):  # the first look may be what finds the loss
                    await committer.node.hold()
        assert committer.node.ids.node == number


async def test_all_numbers_taken(database: Database, owner: Database) -> None:
    """When every number is taken, that is said."""
    everything = f"select count(pg_try_advisory_lock({NODE_SPACE}, n)) from generate_series(0, {NODES - 1}) n"
    session = owner.session()
    await session.run(lambda connection: connection.execute(everything))
    with pytest.raises(DatabaseUnavailable, match="too many workers"):
        await Node(database.session()).hold()

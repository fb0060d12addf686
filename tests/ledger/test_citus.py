"""The ledger on Citus: the same books, spread by bucket over several servers."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from ledger.books.posting import bucket_of
from ledger.books.quotas import QuotaReader
from ledger.books.rebucket import change_buckets
from ledger.books.result_codes import TRY_AGAIN
from ledger.books.rollup import roll_up
from ledger.books.shard_map import ShardMap
from ledger.books.sharded import ShardedCommitter, make_committer
from ledger.books.verify import verify
from ledger.engine.citus import plan_moves, resettle, settle, share_out
from ledger.engine.shard_functions import on_shard
from ledger.engine.shards import Server, Shard, at_server, read_shards
from ledger.errors import DatabaseMisconfigured, RegistryRefused
from ledger.postgres.database import Database, open_database
from ledger.postgres.dsn import read_dsn
from ledger.postgres.migrate import migrate
from ops.deploy.backup import find_program
from tests.citus import (
    CitusDatabase,
    add_servers,
    citus_database,
    empty_databases,
    execute_at,
    join_servers,
    need_citus,
)
from tests.ledger.books import NOW_MS, TERMINAL, TESTER, Books, wide
from tests.ledger.test_committer import Answers
from tests.ledger.test_rebucket import told, trade
from tests.patience import HANG_S

BUCKETS = 8


@pytest.fixture
def admin_dsn() -> str:
    return need_citus()


@pytest.fixture
async def citus(admin_dsn: str) -> AsyncIterator[CitusDatabase]:
    async with citus_database(admin_dsn) as made:
        yield made


@asynccontextmanager
async def opened(citus: CitusDatabase) -> AsyncIterator[tuple[Database, Database]]:
    async with (
        open_database(citus.owner_dsn, connections_max=2) as owner,
        open_database(citus.service_dsn, connections_max=2) as service,
    ):
        yield owner, service


@asynccontextmanager
async def posting(
    citus: CitusDatabase, answers: Answers, shard_map: ShardMap | None = None
) -> AsyncIterator[ShardedCommitter]:
    async with open_database(citus.service_dsn, application_name="tests post") as workers:
        shard_map = shard_map or ShardMap(await workers.run(read_shards))
        committer = make_committer(
            workers, shard_map, on_outcomes=answers.take, observer=answers, give_up_ms=10_000
        )
        assert isinstance(committer, ShardedCommitter)
        async with trio.open_nursery() as nursery:
            await nursery.start(committer.run)
            yield committer
            committer.stop()


async def sound(owner: Database) -> None:
    findings = await owner.run(verify, timeout_s=120)
    assert [finding for finding in findings if finding.count] == []


async def test_books_are_spread_and_answer_alike(citus: CitusDatabase) -> None:
    """All a journal can hold, posted through the servers that own the buckets, is sound; a repeat is told
    byte for byte what it was told first, through the committer and through the coordinator, and after the
    ledger was moved to other numbers of buckets; a running switch is in the way of a move.
    """
    async with opened(citus) as (owner, service):
        books = await Books.open(owner, service, cards=16)
        assert await change_buckets(owner, TESTER, BUCKETS, 120) == 1
        settled = await settle(owner)
        assert sorted(settled.servers.values()) == [BUCKETS // 2] * 2
        again = await settle(owner)
        assert (again.distributed, again.moved, again.made) == (0, 0, 0)
        assert await resettle(owner) == again
        books.buckets = BUCKETS
        answers = Answers()
        async with posting(citus, answers) as committer:
            posted = await trade_through(committer, books, answers)
            with pytest.raises(RegistryRefused, match="stop it first"):
                await change_buckets(owner, TESTER, 3, 120)
        first = [told(answers.by_stan[each.stan]) for each in posted]
        assert sum(told_[0] == 0 for told_ in first) > 30
        await sound(owner)
        for number in (3, BUCKETS):
            assert [told(await books.post(each)) for each in posted] == first
            await change_buckets(owner, TESTER, number, 120)
            books.buckets = number
            await sound(owner)
        answers = Answers()
        async with posting(citus, answers) as committer:
            for each in posted:
                committer.submit_nowait(each)
        assert [told(answers.by_stan[each.stan]) for each in posted] == first
        assert all(outcome.replayed for outcome in answers.by_stan.values())
        assert await service.run(lambda c: roll_up(c, NOW_MS + 10**9), timeout_s=60)
        assert await owner.run(lambda c: c.fetchval("select count(*) from ledger.rollup")) > 0
        await sound(owner)


async def trade_through(committer: ShardedCommitter, books: Books, answers: Answers) -> list[Any]:
    """What `trade` posts, one after another through a committer."""

    async def submit(each: Any) -> Any:
        committer.submit_nowait(each)
        with trio.fail_after(HANG_S):
            while each.stan not in answers.by_stan:  # noqa: ASYNC110
                await trio.sleep(0.002)
        return answers.by_stan[each.stan]

    books.post = submit  # type: ignore[method-assign]
    posted = await trade(books)
    del books.post
    return posted


def with_terminal_in(buckets: set[int]) -> int:
    return next(n for n in range(TERMINAL, TERMINAL + 200) if bucket_of(n << 3, BUCKETS) in buckets)


async def test_a_shard_that_moves_is_followed(citus: CitusDatabase) -> None:
    """A shard moved under a running committer: what comes meanwhile is posted or told to try again; once the
    functions are made where it is now, all is posted, and each request once.
    """
    async with opened(citus) as (owner, service):
        books = await Books.open(owner, service, cards=16)
        await change_buckets(owner, TESTER, BUCKETS, 120)
        await settle(owner)
        books.buckets = BUCKETS
        shards = await owner.run(read_shards)
        moving = shards[bucket_of(books.accounts[0], BUCKETS)]
        (goal,) = set(citus.workers) - {moving.server}
        answers = Answers()
        async with posting(citus, answers) as committer:
            committer.submit_nowait(books.earn(1, 1))
            await answers.wait_for(1)
            await move_shard(owner, moving, goal)
            lost = await ask_until(committer, answers, books, 2, TRY_AGAIN)
            assert lost.code == TRY_AGAIN
            made = await owner.run(lambda c: c.fetchval("select count(*) from ledger.journal where stan = 2"))
            assert made == 0
            assert (await resettle(owner)).moved == 0  # type: ignore[union-attr]
            posted = await ask_until(committer, answers, books, 2, 0)
            assert (posted.code, posted.balance) == (0, 3)
        await sound(owner)


async def move_shard(owner: Database, shard: Shard, goal: Server) -> None:
    move = "select citus_move_shard_placement($1, $2, $3, $4, $5, 'block_writes')"
    await owner.run(lambda c: c.execute(move, shard.number, *shard.server, *goal), timeout_s=120)


async def lose(citus: CitusDatabase, admin_dsn: str, server: Server) -> None:
    """Have a worker refuse whoever connects, as one whose Postgres is down."""
    name = citus.owner_dsn.rpartition("/")[2]
    ended = f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '{name}'"
    async with open_database(admin_dsn, connections_max=1) as admin:
        await execute_at(admin, server, f"alter database {name} allow_connections false", ended)


async def test_what_is_left_is_told_while_a_shard_moves_and_a_server_is_lost(
    citus: CitusDatabase, admin_dsn: str
) -> None:
    """Each use told is counted by every later read, wherever its shard is by then; once the committer has
    followed it, the server it has left may be lost: what the others have is told all the same.
    """
    async with opened(citus) as (owner, service):
        # By the owner: the service posts to a moved shard again once its rights are settled there.
        books = await Books.open(owner, owner, cards=16)
        await change_buckets(owner, TESTER, BUCKETS, 120)
        await settle(owner)
        books.buckets = BUCKETS
        shard_map = ShardMap(await owner.run(read_shards))
        reader = QuotaReader(service, shard_map)
        home = bucket_of(books.accounts[0], BUCKETS)
        moving = shard_map.shards[home]
        (goal,) = set(citus.workers) - {moving.server}
        quotas = [books.per_card(40, 1_000, card=card) for card in range(16)]
        used, all_ = 0, wide(3, 9_000)
        moved = trio.Event()

        async def move_there_and_back() -> None:
            await move_shard(owner, moving, goal)
            await move_shard(owner, moving._replace(server=goal), moving.server)
            await move_shard(owner, moving, goal)
            moved.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(move_there_and_back)
            while not moved.is_set():
                assert (await books.post(books.use(1 + used, quotas[0], all_))).code == 0
                used += 1
                found = await reader.read([*quotas, all_])
                truth = {quota: 1_000 for quota in quotas} | {quotas[0]: 1_000 - used, all_: 9_000 - used}
                assert found.uses.items() <= truth.items()
        assert (await reader.read(truth)).uses == truth
        await resettle(owner)
        answers = Answers()
        async with posting(citus, answers, shard_map) as committer:
            await ask_until(committer, answers, books, 1 + used, 0)
        assert shard_map.shards[home].server == goal
        await lose(citus, admin_dsn, moving.server)
        found = await reader.read([*quotas, all_])
        there = {q for q in quotas if shard_map.shards[bucket_of(q.owner, BUCKETS)].server == goal}
        assert quotas[0] in there
        assert len(there) < len(quotas)
        assert found.uses == {quota: truth[quota] for quota in there}
        assert found.problem is not None


async def ask_until(committer: ShardedCommitter, answers: Answers, books: Books, stan: int, code: int) -> Any:
    """Send one request again and again until it is told so."""
    request = books.earn(stan, 2)
    with trio.fail_after(HANG_S):
        while True:
            answers.by_stan.pop(stan, None)
            committer.submit_nowait(request)
            while stan not in answers.by_stan:  # noqa: ASYNC110
                await trio.sleep(0.01)
            if answers.by_stan[stan].code == code:
                return answers.by_stan[stan]
            await trio.sleep(0.05)


def client(program: str, *arguments: str) -> None:
    ran = subprocess.run([find_program(program), *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


async def test_books_from_before_citus_are_restored_where_it_is(admin_dsn: str, tmp_path: Path) -> None:
    """Books of one Postgres, with Citus put beside them: who spreads them is told what to do, and does it; a
    request is told what it was told before.
    """
    dump = tmp_path / "books"
    async with empty_databases(admin_dsn) as former, empty_databases(admin_dsn) as later:
        await migrate(former.owner_dsn)
        async with opened(former) as (owner, service):
            books = await Books.open(owner, service, cards=16)
            posted = [books.earn(stan, 5) for stan in range(1, 17)]
            first = [told(await books.post(each)) for each in posted]
            await join_servers(owner, [former.coordinator, *former.workers])
            with pytest.raises(DatabaseMisconfigured, match="before Citus was in their database"):
                await settle(owner)
            await owner.run(lambda c: c.execute("drop extension citus"))
        client("pg_dump", "--format=custom", f"--file={dump}", former.owner_dsn)
        async with opened(later) as (owner, service):
            for server in (later.coordinator, *later.workers):
                await execute_at(owner, server, "create extension citus")
            client("pg_restore", "--exit-on-error", f"--dbname={later.owner_dsn}", str(dump))
            await add_servers(owner, [later.coordinator, *later.workers])
            await change_buckets(owner, TESTER, BUCKETS, 120)
            assert sorted((await settle(owner)).servers.values()) == [BUCKETS // 2] * 2
            books.database, books.buckets = service, BUCKETS
            assert [told(await books.post(each)) for each in posted] == first
            await sound(owner)


async def test_one_postgres_is_no_citus(owner: Database) -> None:
    """On one Postgres there is nothing to settle, buckets lie nowhere else, and who asks for Citus is told
    what is missing.
    """
    assert await resettle(owner) is None
    assert await owner.run(read_shards) == []
    with pytest.raises(DatabaseMisconfigured, match="create extension citus"):
        await settle(owner)


def test_a_statement_is_one_of_its_shard() -> None:
    """Tables after from, join, into and update have the shard's names, types and functions keep theirs; the
    functions of a batch are called in the shard's schema.
    """
    tables = {
        "account": "account_7",
        "journal": "journal_8",
        "rollup": "rollup_9",
        "rollup_mark": "rollup_mark_1",
    }
    sql = "v ledger.account; select from ledger.journal j join ledger.rollup_mark m; update ledger.account"
    assert on_shard(sql, tables) == (
        "v ledger.account; select from ledger.journal_8 j join ledger.rollup_mark_1 m;"
        " update ledger.account_7"
    )
    shard = Shard(Server("a", 1), 7, "ledger_8_7", tables)
    assert (
        shard.here("select a from ledger.post_batch_v1($1)") == "select a from ledger_8_7.post_batch_v1($1)"
    )


def test_buckets_are_spread_evenly_with_few_moves() -> None:
    """The fullest shards first, each to the server with fewest buckets; where it is even nothing moves."""
    assert share_out({1: 3, 2: 1, 3: 1, 4: 1}, 2) == {0: 3, 1: 3}
    a, b, c = Server("a", 1), Server("b", 1), Server("c", 1)
    here = [Shard(server, n, "", {}) for n, server in enumerate((a, b, a, b))]
    assert plan_moves(here, [a, b]) == []
    assert plan_moves(here[:1] + here[2:3], [a, b]) == [(2, a, b)]
    assert {goal for _, _, goal in plan_moves(here, [a, b, c])} == {c}


def test_another_server_is_reached_with_the_same_secrets() -> None:
    """User, password, database and TLS are the coordinator's; host and port the server's."""
    target = at_server(read_dsn("postgresql://u:p%40@c1,c2:5/d?sslmode=require"), Server("w::1", 6))
    assert len(target.hosts) == 1
    for word in ("host=%5Bw%3A%3A1%5D", "port=6", "user=u", "password=p%40", "dbname=d", "sslmode=require"):
        assert word in target.hosts[0]

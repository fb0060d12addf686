"""A worker whole, against real Postgres: the acknowledged is in the books, and blocks act."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from ledger.postgres.database import Connection, Database, open_database
from ledger.registry.card_states import CardStatus
from ledger.registry.cards import CardRow, import_cards, set_card_status
from ledger.registry.reads import Status
from ledger.registry.secrets import MasterKey
from ledger.registry.terminals import set_terminal_status
from protocol import (
    ENTRY_MODES_ALL,
    Balance,
    Earn,
    EarnAdvice,
    Redeem,
    Reply,
    ResultCode,
    Reversal,
    SignOn,
    SignOnReply,
    StatusReply,
    Totals,
    TotalsReply,
    TransactionReply,
)
from protocol import (
    Status as StatusRequest,
)
from switch.config import Config
from switch.process.lines import WorkerReady
from switch.process.ports import reserve_port
from switch.process.worker import Worker
from tests.entries import SWIPED
from tests.ledger.books import TESTER
from tests.patience import HANG_S, UNHURRIED
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD, UNKNOWN_CARD, Line


class Running(msgspec.Struct):
    worker: Worker
    master: MasterKey
    owner: Database
    port: int
    ready: WorkerReady
    stop: trio.Event
    stopped: trio.Event
    streams: list[trio.SocketStream]

    async def line(self, terminal: int = 1) -> Line:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.streams.append(stream)
        line = Line(stream, terminal)
        assert await line.sign_in()
        return line


@asynccontextmanager
async def running_worker(
    fresh: FreshDatabase, owner: Database, directory: Path, **settings: object
) -> AsyncIterator[Running]:
    """A worker on the seeded city; on a directory that was used before it is that worker's successor."""
    key_file = directory / "master.key"
    if key_file.exists():
        master = MasterKey.load(key_file)
    else:
        master = MasterKey.create(key_file)
        await seed(owner, master)
    reserved = reserve_port("127.0.0.1", 0)
    port = reserved.getsockname()[1]
    values = {"listen_port": port, "http_port": 0, "dsn": fresh.service_dsn, "log_level": "warning"}
    worker = Worker(msgspec.convert(values | UNHURRIED | settings, Config), 0, master)
    stop, stopped, got = trio.Event(), trio.Event(), trio.Event()
    readies: list[WorkerReady] = []

    def on_ready(ready: WorkerReady) -> None:
        readies.append(ready)
        got.set()

    async def run() -> None:
        await worker.run(stop, on_ready)
        stopped.set()

    with reserved:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await got.wait()
            running = Running(
                worker=worker,
                master=master,
                owner=owner,
                port=port,
                ready=readies[0],
                stop=stop,
                stopped=stopped,
                streams=[],
            )
            try:
                yield running
            finally:
                for stream in running.streams:
                    stream.socket.close()
                stop.set()
                with trio.move_on_after(HANG_S) as scope:
                    await stopped.wait()
                assert not scope.cancelled_caught, "the worker did not stop"


async def test_earn_redeem_reversal_and_their_replays(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """The main job: points are earned and redeemed, a repeat gets the stored reply, a reversal undoes."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        earn = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000)
        earned = await line.ask(earn)
        assert isinstance(earned, TransactionReply)
        assert (earned.code, earned.points, earned.balance) == (0, 150, 150)
        redeemed = await line.ask(
            Redeem(stan=2, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0)
        )
        assert isinstance(redeemed, TransactionReply)
        assert (redeemed.code, redeemed.points, redeemed.amount_grosze, redeemed.balance) == (
            0,
            -100,
            1_000,
            50,
        )
        assert await line.ask(earn) == earned
        refused = await line.ask(Redeem(stan=3, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0))
        assert isinstance(refused, TransactionReply)
        assert (refused.code, refused.points, refused.balance) == (ResultCode.POINTS_INSUFFICIENT, 0, 50)
        conflict = await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=150_001))
        assert conflict.code == ResultCode.STAN_CONFLICT
        reversed_ = await line.ask(
            Reversal(stan=4, terminal_time=0, card=CARD, entry=SWIPED, original_stan=2)
        )
        assert isinstance(reversed_, TransactionReply)
        assert (reversed_.code, reversed_.points, reversed_.balance) == (0, 100, 150)
        advice = await line.ask(
            EarnAdvice(stan=5, terminal_time=int(time.time()), card=CARD, entry=SWIPED, amount=1_999)
        )
        assert isinstance(advice, TransactionReply)
        assert (advice.code, advice.points, advice.balance) == (0, 1, 151)
        balance = await line.ask(Balance(stan=6, terminal_time=0, card=f";{CARD}=29120000000?", entry=SWIPED))
        assert isinstance(balance, TransactionReply)
        assert (balance.code, balance.balance, balance.transaction_id) == (0, 151, 0)


async def test_a_reversal_of_nothing_posts_nothing_and_bars_its_original(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Reversal of nothing: a code of its own and a receipt text; the original, should it come, is refused."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        reply = await line.ask(Reversal(stan=2, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1))
        assert isinstance(reply, TransactionReply)
        assert (reply.code, reply.points) == (ResultCode.APPROVED_ORIGINAL_UNSEEN, 0)
        assert "NIC NIE ANULOWANO" in reply.receipt
        original = await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=5_000))
        assert original.code == ResultCode.ORIGINAL_CANCELLED


async def test_status_tells_the_stored_reply_or_settles_the_unseen(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """Status of an earlier STAN: its reply word for word, or a promise that it never will be executed."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        earned = await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=5_000))
        told = await line.ask(
            StatusRequest(stan=2, terminal_time=0, card=CARD, entry=SWIPED, original_stan=1)
        )
        assert isinstance(told, StatusReply)
        assert (told.code, told.original) == (0, earned)
        unseen = await line.ask(
            StatusRequest(stan=10, terminal_time=0, card=CARD, entry=SWIPED, original_stan=9)
        )
        assert isinstance(unseen, StatusReply)
        assert unseen.code == ResultCode.STAN_UNKNOWN
        late = await line.ask(Earn(stan=9, terminal_time=0, card=CARD, entry=SWIPED, amount=5_000))
        assert late.code == ResultCode.ORIGINAL_CANCELLED


async def test_sign_on_and_totals(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """Sign-on tells the programme and the last STAN.

    Totals agree with the journal, or say so.
    """
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000))
        await line.ask(Redeem(stan=2, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0))
        await line.ask(Reversal(stan=3, terminal_time=0, card=CARD, entry=SWIPED, original_stan=2))
        reply = await line.ask(
            SignOn(stan=4, terminal_time=0, software="test 1", language="pl", offers_after=0)
        )
        assert isinstance(reply, SignOnReply)
        assert (reply.code, reply.programme, reply.partner_name) == (0, "czestochowa", "Piekarnia Kłos")
        assert (reply.last_stan, reply.points_step_grosze) == (3, 1_000)
        assert [tuple(tier) for tier in reply.tiers] == [(100, 1_000), (250, 2_500), (500, 5_000)]
        assert reply.operations == [
            *(0x08, 0x09, 0x0A, 0x0B, 0x10, 0x11, 0x12),
            *(0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x30, 0x31, 0x38),
        ]
        assert (reply.advice_age_max_days, reply.entries) == (7, ENTRY_MODES_ALL)
        assert (reply.offers, reply.offers_next) == ([], 0)
        ours = {
            "earn_count": 1,
            "earn_points": 150,
            "redeem_count": 1,
            "redeem_points": -100,
            "reversal_count": 1,
            "reversal_points": 100,
            "benefit_count": 0,
            "benefit_grosze": 0,
            "refund_count": 0,
            "refund_points": 0,
        }
        totals = await line.ask(Totals(stan=5, terminal_time=0, stan_from=1, stan_to=4, **ours))
        assert isinstance(totals, TotalsReply)
        assert (totals.code, totals.redeem_points) == (0, -100)
        differ = await line.ask(
            Totals(stan=6, terminal_time=0, stan_from=1, stan_to=4, **ours | {"earn_points": 1})
        )
        assert differ.code == ResultCode.TOTALS_DIFFER
        wide = await line.ask(Totals(stan=7, terminal_time=0, stan_from=1, stan_to=200_001, **ours))
        assert wide.code == ResultCode.NOT_SUPPORTED


async def test_a_block_refuses_and_the_stored_reply_stays(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """A blocked card is refused at once; a repeat of what was approved before still gets its stored reply."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        earn = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000)
        earned = await line.ask(earn)

        async def block(connection: Connection) -> None:
            await set_card_status(
                connection, TESTER, running.master.pepper(1).token(CARD), CardStatus.BLOCKED
            )

        await owner.run(block)
        stan = 2
        with trio.fail_after(HANG_S):
            while (await line.ask(Balance(stan=stan, terminal_time=0, card=CARD, entry=SWIPED))).code == 0:
                stan += 1
        assert (
            await line.ask(Redeem(stan=99, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0))
        ).code == ResultCode.CARD_BLOCKED
        assert await line.ask(earn) == earned


async def test_a_new_card_is_known_without_a_restart(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """The feed brings new cards, too."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        assert (
            await line.ask(Balance(stan=1, terminal_time=0, card=UNKNOWN_CARD, entry=SWIPED))
        ).code == ResultCode.CARD_UNKNOWN

        async def add(connection: Connection) -> None:
            await import_cards(
                connection,
                TESTER,
                1,
                [CardRow(running.master.pepper(1).token(UNKNOWN_CARD), UNKNOWN_CARD[-4:])],
            )

        await owner.run(add)
        stan = 2
        with trio.fail_after(HANG_S):
            while (await line.ask(Balance(stan=stan, terminal_time=0, card=UNKNOWN_CARD, entry=SWIPED))).code:
                stan += 1


async def test_blocking_a_terminal_ends_its_connection(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """A blocked terminal is cut off at once, and cannot come back."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()

        async def block(connection: Connection) -> None:
            await set_terminal_status(connection, TESTER, 1, Status.STOPPED)

        await owner.run(block)
        with trio.fail_after(HANG_S):
            assert await line.closed()
        stream = await trio.open_tcp_stream("127.0.0.1", running.port)
        running.streams.append(stream)
        assert not await Line(stream, 1).sign_in()


@pytest.mark.usefixtures("patient_locks")
async def test_a_storm_of_inquiries_delays_no_block(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """A terminal's many inquiries wait behind a lock: a block acts before one is answered."""
    async with running_worker(fresh, owner, tmp_path) as running, open_database(fresh.owner_dsn) as beside:
        asking, blocked = await running.line(1), await running.line(2)
        answers: list[Reply] = []

        async def lock(connection: Connection) -> None:
            await connection.execute("begin; lock table ledger.journal in access exclusive mode")

        async def waiting(connection: Connection) -> int:
            return await connection.fetchval(
                "select count(*) from pg_locks where relation = 'ledger.journal'::regclass and not granted"
            )

        async def block(connection: Connection) -> None:
            await set_terminal_status(connection, TESTER, 2, Status.STOPPED)

        async def collect() -> None:
            answers.append(await asking.reply())

        holder = beside.session()
        await holder.run(lock)
        await asking.send(
            *(
                SignOn(stan=stan, terminal_time=0, software="t", language="pl", offers_after=0)
                for stan in range(1, 21)
            )
        )
        with trio.fail_after(HANG_S):
            while not await beside.run(waiting):
                await trio.lowlevel.checkpoint()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect)
            await owner.run(block)
            assert await blocked.closed()
            assert answers == []
            nursery.cancel_scope.cancel()
        await holder.run(lambda c: c.execute("rollback"))


async def test_http_says_what_it_should(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """/metrics counts the requests, /healthz lives, /readyz names its dependencies."""
    async with running_worker(fresh, owner, tmp_path) as running:
        line = await running.line()
        await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        status, body = await http_get(running.ready.http, "/metrics")
        assert status == 200
        assert (
            b'cityswitch_replies_total{message="Earn",code="0",result="approved",class="approved"} 1.0'
            in body
        )
        assert b"cityswitch_directory_cards 1.0" in body
        assert await http_get(running.ready.http, "/healthz") == (200, b"ok\n")
        with trio.fail_after(HANG_S):
            while (answer := await http_get(running.ready.http, "/readyz"))[0] != 200:  # noqa: ASYNC110
                await trio.sleep(0.05)
        assert msgspec.json.decode(answer[1]) == {
            "ready": True,
            "checks": {"postgres": "ok", "registry": "ok", "postings": "ok", "switch": "ok"},
            "pid": os.getpid(),
        }


@pytest.mark.parametrize("path", ["/", "/metrics/x"])
async def test_http_knows_no_other_page(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, path: str
) -> None:
    """Anything else is 404."""
    async with running_worker(fresh, owner, tmp_path) as running:
        assert (await http_get(running.ready.http, path))[0] == 404

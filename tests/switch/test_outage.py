"""Postgres goes away and comes back under a running worker."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

from ledger.postgres.database import open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.fitness import THROWAWAY
from ledger.postgres.migrate import migrate
from ledger.registry.secrets import MasterKey
from protocol import Balance, Earn, Redeem, Reply, Request, ResultCode, SignOn, TransactionReply
from switch.config import Config
from switch.process.lines import WorkerReady
from switch.process.ports import reserve_port
from switch.process.worker import Worker
from tests.entries import SWIPED
from tests.patience import HANG_S, UNHURRIED
from tests.switch.city import http_get, seed
from tests.switch.memory import CARD, Line


class Beside(msgspec.Struct):
    """A worker that outlives its database."""

    port: int
    ready: trio.Event
    told: list[WorkerReady]

    async def line(self) -> Line:
        with trio.fail_after(HANG_S):
            await self.ready.wait()
        line = Line(await trio.open_tcp_stream("127.0.0.1", self.port))
        assert await line.sign_in()
        return line


@asynccontextmanager
async def worker_beside(dsn: str, master: MasterKey, **settings: object) -> AsyncIterator[Beside]:
    reserved = reserve_port("127.0.0.1", 0)
    beside = Beside(port=reserved.getsockname()[1], ready=trio.Event(), told=[])
    values = {"listen_port": beside.port, "http_port": 0, "dsn": dsn}
    worker = Worker(msgspec.convert(values | UNHURRIED | settings, Config), 0, master)
    stop = trio.Event()

    def on_ready(line: WorkerReady) -> None:
        beside.told.append(line)
        beside.ready.set()

    with reserved:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.run, stop, on_ready)
            yield beside
            stop.set()


async def until(line: Line, request: Request, *, code: ResultCode | int, unlike: bool = False) -> Reply:
    """Ask again and again until the reply has (or no longer has) a code."""
    with trio.fail_after(HANG_S):
        while True:
            reply = await line.ask(request)
            if (reply.code == code) is not unlike:
                return reply
            await trio.sleep(0.05)


async def until_ready(http: str) -> None:
    with trio.fail_after(HANG_S):
        while True:
            if (await http_get(http, "/readyz"))[0] == 200:
                return
            await trio.sleep(0.05)


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log says of trouble with the database, without that it goes on."""
    events = [record.getMessage() for record in caplog.records if record.name == "ledger.books.outage"]
    return [event for event in events if event.startswith("database_") and not event.endswith("goes_on")]


async def test_without_postgres_the_answer_is_try_again_and_it_recovers_by_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Postgres down: "try again", never an approval; /readyz says so; redemptions stop; then all is well.

    The log has a line at the beginning of each outage and one at its end.
    """
    caplog.set_level(logging.INFO)
    directory = tmp_path / "pg"
    master = MasterKey.create(tmp_path / "master.key")
    earn = Earn(stan=2, terminal_time=0, card=CARD, entry=SWIPED, amount=10_000)
    redeem = Redeem(stan=4, terminal_time=0, card=CARD, entry=SWIPED, tier=100, amount=0)
    async with embedded_postgres(directory, settings=THROWAWAY) as server:
        await migrate(server.owner_dsn)
        async with open_database(server.owner_dsn) as owner:
            await seed(owner, master)
    # Started before Postgres: it waits.
    async with worker_beside(server.service_dsn, master, give_up_ms=200, feed_stale_after_s=0.5) as beside:
        with trio.fail_after(HANG_S):
            while not said(caplog):  # noqa: ASYNC110
                await trio.sleep(0.01)
        async with embedded_postgres(directory, settings=THROWAWAY):
            line = await beside.line()
            sale = Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=150_000)
            first = await until(line, sale, code=ResultCode.TRY_AGAIN, unlike=True)
            assert first.code == 0
        http = beside.told[0].http
        assert (await line.ask(earn)).code == ResultCode.TRY_AGAIN
        assert (
            await line.ask(Balance(stan=3, terminal_time=0, card=CARD, entry=SWIPED))
        ).code == ResultCode.TRY_AGAIN
        assert (
            await line.ask(SignOn(stan=9, terminal_time=0, software="t", language="pl", offers_after=0))
        ).code == ResultCode.TRY_AGAIN
        await until(line, redeem, code=ResultCode.FEED_STALE)
        status, body = await http_get(http, "/readyz")
        assert status == 503
        checks = msgspec.json.decode(body)["checks"]
        assert checks["postgres"] != "ok"
        assert "redemptions are refused" in checks["registry"]
        assert checks["switch"] == "ok"
        async with embedded_postgres(directory, settings=THROWAWAY):
            reply = await until(line, earn, code=ResultCode.TRY_AGAIN, unlike=True)
            assert isinstance(reply, TransactionReply)
            assert (reply.code, reply.points, reply.balance) == (0, 10, 160)
            await until_ready(http)
            redeemed = await until(line, redeem, code=0)
            assert isinstance(redeemed, TransactionReply)
            assert redeemed.balance == 60
            await line.stream.aclose()
            with trio.fail_after(HANG_S):
                # Whoever listens may come last. Two outages, and where the machine is slow another one.
                while len(said(caplog)) < 4 or len(said(caplog)) % 2:  # noqa: ASYNC110
                    await trio.sleep(0.05)
            lines = said(caplog)
            assert lines == ["database_trouble", "database_trouble_over"] * (len(lines) // 2)

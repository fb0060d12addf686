"""The same switch as one would write it first: asyncio streams, a pool of asyncpg, a transaction per request.

    python -m bench.peers.naive

It speaks the very protocol (the same `ServerSession`), knows cards and terminals from memory, and answers a
purchase when its own database transaction has committed: lock the account, journal, move the balance, post.
Left out, in its favour: reversals, status queries, replays, rules of a programme, limits, deadlines, metrics.

The first line of standard input is a `NaiveOrder`; prints its port and serves loopback until the input ends.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import msgspec

from bench.throughput.load_order import LINE_BYTES_MAX, NaiveOrder
from ledger.books.transaction_ids import TransactionIds
from ledger.registry.secrets import MasterKey
from protocol import Earn, Received, ResultCode, ServerSession, TransactionReply, parse_card, request_digest

READ_BYTES_MAX: Final = 8_192
NODE: Final = 999
STEP_GROSZE: Final = 1_000
RULES_VERSION: Final = 1

LOCK: Final = """select balance, last_terminal, last_stan from ledger.account
    where bucket = 0 and id = $1 for no key update"""
JOURNAL: Final = """insert into ledger.journal (bucket, terminal, stan, original_stan, transaction_id,
account, counter_account, points, balance, amount_grosze, digest, accepted_at_ms, terminal_time,
rules_version, previous_terminal, previous_stan, kind, code, last4)
values (0, $1, $2, 0, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, 0, 0)
on conflict do nothing returning true"""
MOVE: Final = """update ledger.account set balance = $2, last_terminal = $3, last_stan = $4
    where bucket = 0 and id = $1"""
POST: Final = """insert into ledger.posting (bucket, leg, transaction_id, debit, credit, points)
    values (0, 1, $1, $2, $3, $4)"""

PROGRAMME: Final = 1
"""The seeded city's."""


class Shop:
    """What the server holds in memory, and its pool."""

    def __init__(self, pool: Any, master: MasterKey) -> None:
        self.pool = pool
        self.master = master
        self.pepper = master.pepper(PROGRAMME)
        self.ids = TransactionIds(NODE)
        self.keys: dict[int, bytes] = {}
        self.counter_accounts: dict[int, int] = {}
        self.cards: dict[int, tuple[int, int]] = {}  # token -> (account, status)

    async def load(self) -> None:
        """Read keys, partners and cards."""
        for row in await self.pool.fetch("select terminal, generation, wrapped from registry.terminal_key"):
            terminal = row["terminal"]
            self.keys[terminal] = self.master.unwrap(terminal, row["generation"], row["wrapped"])
        for row in await self.pool.fetch("select id, partner from registry.terminal"):
            self.counter_accounts[row["id"]] = row["partner"] << 3 | 1
        for row in await self.pool.fetch("select token, account, status from registry.card"):
            self.cards[row["token"]] = (row["account"], row["status"])

    def find_key(self, terminal: int, _generation: int) -> bytes | None:
        """Return a terminal's key."""
        return self.keys.get(terminal)

    async def buy(self, terminal: int, request: Received) -> TransactionReply:
        """Post one purchase in a transaction of its own."""
        earn = request.message
        assert isinstance(earn, Earn)
        digits = parse_card(earn.card)
        account, status = self.cards.get(self.pepper.token(digits), (0, 0))
        now_ms = int(time.time() * 1_000)
        if not account:
            return _declined(earn, ResultCode.CARD_UNKNOWN, now_ms)
        if status:
            return _declined(earn, ResultCode.CARD_BLOCKED, now_ms)
        points = earn.amount // STEP_GROSZE
        counter_account = self.counter_accounts[terminal]
        transaction_id = self.ids.next(now_ms)
        digest = request_digest(request.type, request.body)
        async with self.pool.acquire() as connection, connection.transaction():
            balance, last_terminal, last_stan = await connection.fetchrow(LOCK, account)
            balance += points
            is_new = await connection.fetchval(
                JOURNAL, terminal, earn.stan, transaction_id, account, counter_account, points, balance,
                earn.amount, digest, now_ms, earn.terminal_time, RULES_VERSION, last_terminal, last_stan,
            )  # fmt: skip
            if not is_new:
                return _declined(earn, ResultCode.STAN_CONFLICT, now_ms)
            await connection.execute(MOVE, account, balance, terminal, earn.stan)
            await connection.execute(POST, transaction_id, counter_account, account, points)
        receipt = (
            f"Częstochowska Karta Mieszkańca\nKarta: ************{digits[-4:]}\n"
            f"Kwota zakupu: {earn.amount // 100},{earn.amount % 100:02d} zł\n"
            f"Przyznane punkty: {points}\nStan punktów: {balance}\nZapraszamy ponownie!"
        )
        return TransactionReply(
            earn.stan, 0, transaction_id, now_ms, earn.amount, 0, points, balance, -1, 0, receipt
        )


def _declined(earn: Earn, code: ResultCode, now_ms: int) -> TransactionReply:
    return TransactionReply(earn.stan, int(code), 0, now_ms, earn.amount, 0, 0, 0, -1, 0, code.name)


class NaiveServer:
    """Connections of one shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Shake hands, then a task for each request."""
        session = ServerSession(
            nonce=secrets.token_bytes(32),
            session_id=secrets.token_bytes(8),
            find_key=self._shop.find_key,
            dummy_key=bytes(32),
        )
        while data := await reader.read(READ_BYTES_MAX):
            for request in session.receive(data):
                task = asyncio.create_task(self._answer(session, writer, request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            if out := session.data_to_send():
                writer.write(out)
        writer.close()

    async def _answer(self, session: ServerSession, writer: asyncio.StreamWriter, request: Received) -> None:
        assert session.terminal is not None
        reply = await self._shop.buy(session.terminal, request)
        writer.write(session.seal(reply, request.type))


async def main() -> None:
    """Serve until standard input ends."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=NaiveOrder)
    pool = await asyncpg.create_pool(order.dsn, min_size=order.pool, max_size=order.pool)
    shop = Shop(pool, MasterKey.load(Path(order.master_key_file)))
    await shop.load()
    server = await asyncio.start_server(NaiveServer(shop).serve, "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())

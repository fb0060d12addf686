"""Batches posted straight into Postgres, without a switch: what the database itself can do.

    python -m bench.peers.direct

Flat out it is the Postgres limit (`post_batch`, batches of 500); with a batch of one at a fixed rate it is
the latency of one fsynced commit. The arguments are made before the window, so that the window holds little
but the server's work. Owns the making and sending of batches; the statement is the ledger's own, as the
committer sends it. Must not know the switch. Invariant: within a batch each card occurs once; no two
connections share a card.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from typing import Final

import asyncpg
import msgspec

from bench.throughput.load_order import LINE_BYTES_MAX, READY, DirectOrder, DirectReport, Window
from ledger.books.posting import POST_BATCH, Kind, Posting, columns
from ledger.books.transaction_ids import TransactionIds
from simulators.fleet.histogram import Histogram

NODE_FIRST: Final = 1_000
"""Transaction ids of these workers' nodes; a live switch may hold the same number only by rare chance."""
COUNTER_ACCOUNT: Final = 1_001 << 3 | 1
POINTS_MAX: Final = 60
GROSZE_PER_POINT: Final = 1_000

clock = time.monotonic


def batches(order: DirectOrder, number: int) -> Iterator[list[str]]:
    """Yield the arguments of one batch after the other for connection `number`."""
    rng = random.Random(order.stan_first + number)
    accounts = order.accounts[number :: order.connections]
    terminals = range(
        order.terminal_first + number, order.terminal_first + order.terminals, order.connections
    )
    stans = dict.fromkeys(terminals, order.stan_first)
    ids = TransactionIds(NODE_FIRST + number)
    while True:
        now_ms = int(time.time() * 1_000)
        postings = []
        for account in rng.sample(accounts, order.batch):
            terminal = rng.choice(terminals)
            points = rng.randint(1, POINTS_MAX)
            postings.append(
                _posting(
                    transaction_id=ids.next(now_ms),
                    terminal=terminal,
                    stan=stans[terminal],
                    account=account,
                    points=points,
                    now_ms=now_ms,
                )
            )
            stans[terminal] += 1
        yield columns(postings)


def _posting(
    *, transaction_id: int, terminal: int, stan: int, account: int, points: int, now_ms: int
) -> Posting:
    return Posting(
        transaction_id=transaction_id,
        terminal=terminal,
        stan=stan,
        kind=int(Kind.EARN),
        account=account,
        counter_account=COUNTER_ACCOUNT,
        points=points,
        amount_grosze=points * GROSZE_PER_POINT,
        digest=stan * 0x9E3779B97F4A7C15 % 2**63,
        code=0,
        original_stan=0,
        rules_version=1,
        accepted_at_ms=now_ms,
        terminal_time=now_ms // 1_000,
    )


class Poster:
    """One connection's share of an order."""

    def __init__(self, order: DirectOrder, number: int) -> None:
        self._order = order
        self._more = batches(order, number)
        self._made = [next(self._more) for _ in range(order.made_ahead)]
        self._made.reverse()
        self.postings = 0
        self.made_late = 0
        self.histogram = Histogram()

    async def post(self, connection: asyncpg.Connection, window: Window) -> None:
        """Post batch after batch until the window ends."""
        statement = await connection.prepare(POST_BATCH)
        order = self._order
        pause_s = 1 / order.rate_per_s if order.rate_per_s else 0.0
        due = window.start_s
        while (now := clock()) < window.end_s:
            if not self._made:
                self.made_late += 1
                self._made.append(next(self._more))
            if pause_s and now < due:
                # Blocking is right: nothing else is to be done before the next one is due, and the loop's own
                # timers are a millisecond late.
                time.sleep(due - now)  # noqa: ASYNC251
            answer = await statement.fetchrow(0, *self._made.pop())
            now = clock()
            assert len(answer[0]) == order.batch
            assert not any(answer[1])
            if window.begin_s <= now < window.end_s:
                self.postings += order.batch
            if pause_s:
                if window.begin_s <= due < window.end_s:
                    self.histogram.add(now - due)
                due += pause_s


async def run(order: DirectOrder) -> DirectReport:
    """Prepare, say ready, post during the window, report."""
    posters = [Poster(order, number) for number in range(order.connections)]
    connections = [await asyncpg.connect(order.dsn, server_settings={"jit": "off"}) for _ in posters]
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    window = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=Window)
    await asyncio.gather(
        *(poster.post(connection, window) for poster, connection in zip(posters, connections, strict=True))
    )
    for connection in connections:
        await connection.close()
    merged = Histogram()
    for poster in posters:
        merged.merge(poster.histogram)
    return DirectReport(
        postings=sum(poster.postings for poster in posters),
        seconds=window.end_s - window.begin_s,
        made_late=sum(poster.made_late for poster in posters),
        buckets=merged.buckets,
        latency_max_us=merged.max_us,
    )


def main() -> int:
    """Entry of the process."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=DirectOrder)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        report = runner.run(run(order))
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

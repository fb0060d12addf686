"""Batches posted straight into Postgres, without a switch: what the database itself can do.

    python -m bench.peers.direct

Flat out it is the Postgres limit (`post_batch`, batches of 500); with a batch of one at a fixed rate it is
the latency of one fsynced commit. The arguments are made before the window, so that the window holds little
but the server's work. Owns the sending and timing; what is sent is `batches`'. Must not know the switch.
Invariant: no two connections share a card.
"""

from __future__ import annotations

import asyncio
import sys
import time

import asyncpg
import msgspec

from bench.peers.batches import FUNCTIONS, batches
from bench.throughput.load_order import LINE_BYTES_MAX, READY, DirectOrder, DirectReport, Window
from simulators.fleet.histogram import Histogram

clock = time.monotonic


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
        order = self._order
        function = FUNCTIONS[order.function]
        statement = await connection.prepare(function.statement)
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
            codes = function.codes(answer)
            assert len(codes) == order.batch
            assert not any(codes)
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

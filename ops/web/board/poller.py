"""Looks at the switch once a second, for all who watch together, and at nothing while nobody does.

Owns when it is looked, what became of each worker, and the last minutes' curve. Must not know words nor
viewers. Invariants: one look at a time, whoever and how many watch; a worker that does not answer costs the
others no more than `SCRAPE_S_MAX`; what was not looked at is a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import trio

from ops.web.board.books import Books, Known
from ops.web.board.figures import NO_RATES, TYPES, Look, Looks, Rates
from ops.web.board.scrape import Reading, ScrapeFailed, fetch, parse
from switch.clock import clock_ms

EVERY_S: Final = 1.0
LINGER_S: Final = 5.0
"""So long after a page was asked for it is looked, even if its stream has not begun."""
FRESH_S: Final = 1.5
FRESH_WAIT_S: Final = 0.3
GAP_S: Final = 3.0
POINTS_MAX: Final = 300

Point = tuple[float | None, ...]
"""Unix time, the rate of each type, p50 and p99 in ms, batches a second, postings a batch."""


@dataclass
class WorkerSeen:
    """A worker as last looked at; `since_s`: since when (Unix time) it is as it is."""

    address: str
    since_s: float
    reading: Reading | None = None
    problem: str = ""


class Snapshot(NamedTuple):
    """One look."""

    number: int
    at_s: float
    workers: Sequence[WorkerSeen]
    rates: Rates
    known: Known
    points: Sequence[Point]

    @property
    def look(self) -> Look:
        """The figures of the workers that answered."""
        return {worker.address: worker.reading for worker in self.workers if worker.reading is not None}


class Poller:
    """Looks at all workers and the books."""

    def __init__(
        self,
        addresses: Callable[[], Sequence[str]],
        books: Books,
        *,
        is_watched: Callable[[], bool],
        on_look: Callable[[Snapshot], None],
        fetch: Callable[[str], Awaitable[str]] = fetch,
    ) -> None:
        self._addresses = addresses
        self._books = books
        self._is_watched = is_watched
        self._on_look = on_look
        self._fetch = fetch
        self._workers: dict[str, WorkerSeen] = {}
        self._looks = Looks()
        self._looked_s = -GAP_S
        self._linger_until_s = 0.0
        self._wanted = trio.Event()
        self._news = trio.Event()
        self.points: deque[Point] = deque(maxlen=POINTS_MAX)
        self.scrapes = 0
        """How many times a worker was asked, ever."""
        self.snapshot = Snapshot(0, clock_ms() / 1_000, (), NO_RATES, books.known, self.points)

    def want(self) -> None:
        """Somebody looks: go on looking for a while."""
        self._linger_until_s = trio.current_time() + LINGER_S
        self._wanted.set()
        self._wanted = trio.Event()

    async def fresh(self) -> Snapshot:
        """Return a look that is not old; the last one where the next does not come soon."""
        self.want()
        if trio.current_time() - self._looked_s > FRESH_S:
            with trio.move_on_after(FRESH_WAIT_S):
                await self._news.wait()
        return self.snapshot

    async def run(self) -> None:
        """Look for ever, while anybody watches."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._while_wanted, self.look)
            nursery.start_soon(self._while_wanted, self._books.look)

    async def _while_wanted(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            while not self._is_watched() and trio.current_time() >= self._linger_until_s:
                await self._wanted.wait()
            began_s = trio.current_time()
            await work()
            await trio.sleep_until(began_s + EVERY_S)

    async def look(self) -> None:
        """Look once at all workers at the same time."""
        addresses = list(self._addresses())
        async with trio.open_nursery() as nursery:
            for address in addresses:
                nursery.start_soon(self._scrape, address)
        self._workers = {address: self._workers[address] for address in addresses}
        now_s = trio.current_time()
        if now_s - self._looked_s > GAP_S:
            self._looks.forget()
        at_s = clock_ms() / 1_000
        workers = [self._workers[address] for address in addresses]
        self._looks.add({each.address: each.reading for each in workers if each.reading is not None})
        rates = self._looks.rates()
        if self.points and now_s - self._looked_s > GAP_S:
            self.points.append(_point(at_s - EVERY_S, NO_RATES))
        self.points.append(_point(at_s, rates))
        self._looked_s = now_s
        self.snapshot = Snapshot(
            self.snapshot.number + 1, at_s, workers, rates, self._books.known, self.points
        )
        self._on_look(self.snapshot)
        self._news.set()
        self._news = trio.Event()

    async def _scrape(self, address: str) -> None:
        self.scrapes += 1
        try:
            reading, problem = parse(await self._fetch(address), trio.current_time()), ""
        except ScrapeFailed as error:
            reading, problem = None, error.reason
        before = self._workers.get(address)
        if before is None or bool(before.problem) != bool(problem):
            self._workers[address] = WorkerSeen(address, clock_ms() / 1_000, reading, problem)
        else:
            self._workers[address] = WorkerSeen(address, before.since_s, reading, problem)


def _point(at_s: float, rates: Rates) -> Point:
    by_type = [None if rates.by_type is None else round(rates.by_type[kind], 1) for kind in TYPES]
    rest = (
        rates.p50_s and rates.p50_s * 1_000,
        rates.p99_s and rates.p99_s * 1_000,
        rates.batches,
        rates.batch_size,
    )
    return (round(at_s, 2), *by_type, *(None if each is None else round(each, 2) for each in rest))

"""Owns a differential run: requests by a seed to both sides, and the first difference, if there is one.

Two writers are at it at the same time. Now and then both sides are asked what they hold, shares of wide
quotas are moved, and ids are closed. At the end the books of both are compared whole, and proved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import trio

from ledger.books.posting import Kind, Posting
from ledger.books.quotas import uses_left
from ledger.books.rollup import roll_up
from ledger.books.shares import move_shares
from ledger.books.statements import (
    TrialRow,
    card_accounts,
    history,
    last_stan,
    partner_balance,
    terminal_totals,
    trial_balance,
)
from ledger.books.verify import verify
from ledger.postgres.database import Connection, Database
from simulators.world.differential.requests import Writer
from simulators.world.differential.sides import Answer, MemorySide, PostgresSide, State

WRITERS: Final = 2
ASK_EVERY: Final = 20
"""Rounds of batches between questions."""
MOVE_EVERY: Final = 7
CLOSE_EVERY: Final = 60
FLOOR_EVERY: Final = 9
"""Of so many cards one may go below zero by itself."""
_STANS_BACK: Final = 300
_PARTNERS: Final = range(1, 8)
_CLOSE_DELAY_MS: Final = 60_000


class Difference(Exception):
    """The two sides do not agree; the text says about what, after how many operations."""


class Told(msgspec.Struct):
    """What was done, to be printed."""

    operations: int = 0
    batches: int = 0
    errors: int = 0
    questions: int = 0
    codes: Counter[int] = msgspec.field(default_factory=Counter)
    kinds: Counter[int] = msgspec.field(default_factory=Counter)


async def run(
    owner: Database,
    service: Database,
    *,
    seed: int,
    operations: int,
    buckets: int,
    on_progress: Callable[[Told], object] = lambda _: None,
) -> Told:
    """Send `operations` requests to both. Raises Difference at the first one; returns what was done."""
    differential = _Differential(owner, service, seed, buckets)
    return await differential.run(operations, on_progress)


class _Differential:
    def __init__(self, owner: Database, service: Database, seed: int, buckets: int) -> None:
        self._seed = seed
        self._buckets = buckets
        self._owner = owner
        self._postgres = PostgresSide(owner, service, buckets)
        self._memory = MemorySide(buckets)
        self._writers = [Writer(seed, number) for number in range(WRITERS)]
        self._told = Told()

    async def run(self, operations: int, on_progress: Callable[[Told], object]) -> Told:
        accounts = [account for writer in self._writers for account in writer.accounts]
        floors = {account: -30 if n % FLOOR_EVERY == 0 else 0 for n, account in enumerate(accounts)}
        await self._postgres.begin(floors)
        self._memory.begin(floors)
        rounds = 0
        while self._told.operations < operations:
            rounds += 1
            await self._round()
            if rounds % MOVE_EVERY == 0:
                await self._both(move_shares)
            if rounds % ASK_EVERY == 0:
                await self._ask()
            if rounds % CLOSE_EVERY == 0:
                at_ms = min(writer.now_ms for writer in self._writers)
                await self._both(partial(roll_up, now_ms=at_ms, delay_ms=_CLOSE_DELAY_MS))
            on_progress(self._told)
        await self._both(move_shares)
        await self._ask()
        await self._compare_books()
        return self._told

    async def _round(self) -> None:
        """A batch of each writer; on the side of Postgres at the same time."""
        batches = [writer.batch() for writer in self._writers]
        there: list[Answer] = [Answer([], "")] * len(batches)

        async def post(writer: int, batch: list[Posting]) -> None:
            there[writer] = await self._postgres.post(writer, batch)

        async with trio.open_nursery() as nursery:
            for writer, batch in enumerate(batches):
                nursery.start_soon(post, writer, batch)
        for writer, batch in enumerate(batches):
            here = await self._memory.post(writer, batch)
            self._compare(batch, there[writer], here)

    def _compare(self, batch: Sequence[Posting], there: Answer, here: Answer) -> None:
        told = self._told
        told.batches += 1
        told.errors += bool(there.error)
        if there.error != here.error:
            self._differ(f"a batch of {len(batch)}", there.error or "no error", here.error or "no error")
        for posting, in_postgres, in_memory in zip(batch, there.outcomes, here.outcomes, strict=True):
            told.operations += 1
            told.kinds[posting.kind] += 1
            if in_postgres is not None:
                told.codes[in_postgres.code] += 1
            if in_postgres != in_memory:
                self._differ(posting, in_postgres, in_memory, batch)

    async def _ask(self) -> None:
        """Ask both sides for totals, last numbers, and what is left of quotas."""
        for writer in self._writers:
            await self._both(uses_left, self._buckets, writer.legs())
            for terminal in writer.terminals:
                last = await self._both(last_stan, terminal)
                await self._both(terminal_totals, terminal, max(last - _STANS_BACK, 1), last)

    async def _both(self, read: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
        """Ask both sides the same; it has to be answered the same."""

        async def job(connection: Connection) -> Any:
            return await read(connection, *arguments)

        self._told.questions += 1
        there, here = await self._postgres.ask(job), await self._memory.ask(job)
        if there != here:
            self._differ(f"{read} {arguments}", there, here)
        return there

    async def _compare_books(self) -> None:
        for partner in _PARTNERS:
            await self._both(partner_balance, partner)
        for writer in self._writers:
            for account in writer.accounts:
                await self._both(history, account)
        await self._both(_trial_rows)
        await self._both(card_accounts)
        there, here = await self._postgres.state(), await self._memory.state()
        for table in there:
            self._compare_table(table, there, here)
        for finding in await self._owner.run(verify, timeout_s=600.0):
            if finding.count:
                self._differ(f"the books of Postgres: {finding.invariant}", finding.example, "")
        if wrong := self._memory.ledger.check():
            self._differ("the books in memory", "", wrong[0])

    def _compare_table(self, table: str, there: State, here: State) -> None:
        only_there, only_here = there[table] - here[table], here[table] - there[table]
        if only_there or only_here:
            self._differ(f"{table}, {len(only_there)} and {len(only_here)} rows", only_there, only_here)

    def _differ(self, what: object, there: object, here: object, batch: Sequence[Posting] = ()) -> None:
        lines = [
            f"seed {self._seed}, about operation {self._told.operations}: {what}",
            f"  Postgres: {_shown(there)}",
            f"  memory:   {_shown(here)}",
        ]
        lines += [f"    in a batch with {posting}" for posting in batch if posting is not what]
        raise Difference("\n".join(lines))


async def _trial_rows(connection: Connection) -> set[tuple[Any, ...]]:
    rows: list[TrialRow] = await trial_balance(connection)
    return {msgspec.structs.astuple(row) for row in rows}


def _shown(found: object) -> object:
    if isinstance(found, set):
        return sorted(found, key=repr)[:3]
    return found


def figures(told: Told) -> list[str]:
    """What was done, in lines."""
    kinds = ", ".join(f"{Kind(kind).name} {count}" for kind, count in sorted(told.kinds.items()))
    codes = ", ".join(f"{code}: {count}" for code, count in sorted(told.codes.items()))
    return [
        f"{told.operations:,} operations in {told.batches:,} batches, {told.questions:,} questions, "
        f"{told.errors} batches refused",
        f"kinds: {kinds}",
        f"codes: {codes}",
    ]

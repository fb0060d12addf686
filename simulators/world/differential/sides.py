"""Owns the two sides that are compared: each posts a batch, is asked, and tells what it came to in the end.

Both by the same code of `ledger.books`, over a connection of their own kind. Invariant: neither side sees an
object of the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from ledger.books.batch import post_batch
from ledger.books.posting import NO_LIMIT, Answers, Outcome, Posting
from ledger.books.rebucket import rebucket
from ledger.postgres.database import Connection, Database
from ledger.postgres.errors import translate
from ledger.postgres.session import Session
from ledger.registry.audit import Actor
from simulators.world.memory.connection import MemoryConnection
from simulators.world.memory.entries import Account, parts_of
from simulators.world.memory.ledger import MemoryLedger
from simulators.world.memory.quotas import is_wide

T = TypeVar("T")
SIMULATION: Final = Actor("simulation")
_END_S: Final = 600.0
_ACCOUNTS: Final = """insert into ledger.account (bucket, id, floor)
    select ledger.bucket_of(id, $3), id, floor from unnest($1::bigint[], $2::bigint[]) as a(id, floor)"""
_BALANCES: Final = "select id, balance from ledger.account"
_QUOTAS: Final = """select bucket, owner, quota, period, allowed, balance, moved, is_short from ledger.quota
    where owner & 7 <> 0 or balance <> 0"""
_JOURNAL: Final = """select bucket, terminal, stan, account, digest, code, points, balance, transaction_id,
    amount_grosze, remaining, terminal_time, previous_terminal, previous_stan from ledger.journal"""
_LEGS: Final = """select bucket, unit, debit, credit, count(*), sum(points)::bigint from ledger.posting
    group by 1, 2, 3, 4"""
_REFUNDS: Final = """select distinct on (bucket, terminal, original_stan)
    bucket, terminal, original_stan, number, refunded_grosze, points from ledger.refund
    order by bucket, terminal, original_stan, number desc"""
_REVERSALS: Final = "select bucket, terminal, original_stan from ledger.reversal"
_CLAIMS: Final = "select bucket, terminal, stan, home, digest from ledger.claim"


class Answer(NamedTuple):
    """What a batch was answered: by place the outcome (None: none), and the error that ended it."""

    outcomes: list[Outcome | None]
    error: str


State = dict[str, set[tuple[Any, ...]]]
"""What the books hold in the end, by table."""


class Side(Protocol):
    """One of the two."""

    async def post(self, writer: int, postings: Sequence[Posting]) -> Answer:
        """Post a batch, as one of the writers."""

    async def ask(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a job."""

    async def state(self) -> State:
        """What the books hold."""


async def _posted(connection: Connection, buckets: int, postings: Sequence[Posting]) -> Answer:
    mine = [replace(posting) for posting in postings]  # posting a batch writes into it
    found: dict[int, Outcome] = {}
    error = ""

    def keep(answers: Answers) -> None:
        found.update((id(posting), outcome) for posting, outcome in answers)

    try:
        await post_batch(connection.fetchrow, buckets, mine, keep)
    except Exception as raised:
        closed = translate(raised)
        if closed is None:
            raise
        error = f"{type(closed).__name__} {getattr(raised, 'sqlstate', '')}"
    return Answer([found.get(id(posting)) for posting in mine], error)


class PostgresSide:
    """A migrated, empty database; `owner` and `service` are open on it."""

    def __init__(self, owner: Database, service: Database, buckets: int) -> None:
        self._owner = owner
        self._buckets = buckets
        self._service = service
        self._sessions: dict[int, Session] = {}

    async def begin(self, floors: dict[int, int]) -> None:
        """Lay the buckets out and open the accounts, each with its floor."""
        if self._buckets > 1:
            await self._owner.run(lambda c: rebucket(c, SIMULATION, self._buckets))
        accounts = list(floors), list(floors.values())
        await self._owner.run(lambda c: c.execute(_ACCOUNTS, *accounts, self._buckets))

    async def post(self, writer: int, postings: Sequence[Posting]) -> Answer:
        """Post a batch over the writer's connection."""
        session = self._sessions.get(writer)
        if session is None:
            session = self._sessions[writer] = self._service.session()
        return await session.run(lambda c: _posted(c, self._buckets, postings), timeout_s=_END_S)

    async def ask(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a job with the service's rights."""
        return await self._service.run(job, timeout_s=_END_S)

    async def state(self) -> State:
        """What the tables hold."""
        tables = {
            "balances": _BALANCES, "quotas": _QUOTAS, "journal": _JOURNAL, "legs": _LEGS, "refunds": _REFUNDS,
            "reversals": _REVERSALS, "claims": _CLAIMS,
        }  # fmt: skip
        return {name: await self._rows(query) for name, query in tables.items()}

    async def _rows(self, query: str) -> set[tuple[Any, ...]]:
        rows = await self._owner.run(lambda c: c.fetch(query), timeout_s=_END_S)
        return {tuple(row) for row in rows}


class MemorySide:
    """A store in memory."""

    def __init__(self, buckets: int) -> None:
        self.ledger = MemoryLedger(buckets, keeps_commits=False)
        self._connection = MemoryConnection(self.ledger, None, "differential")

    def begin(self, floors: dict[int, int]) -> None:
        """Open the accounts, each with its floor."""
        for account, floor in floors.items():
            self.ledger.bucket_of(account).accounts[account] = Account(floor=floor)

    async def post(self, _: int, postings: Sequence[Posting]) -> Answer:
        """Post a batch."""
        return await _posted(self._connection, len(self.ledger.buckets), postings)

    async def ask(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        """Run a job."""
        return await job(self._connection)

    async def state(self) -> State:
        """What the store holds, as rows of the tables."""
        buckets = self.ledger.buckets
        legs: dict[tuple[int, ...], list[int]] = {}
        for bucket in buckets:
            for entry in bucket.journal.values():
                for leg in entry.legs:
                    sums = legs.setdefault((bucket.number, int(leg.unit), leg.debit, leg.credit), [0, 0])
                    sums[0] += 1
                    sums[1] += leg.count
        return {
            "balances": {(number, a.balance) for bucket in buckets for number, a in bucket.accounts.items()},
            "quotas": {
                (bucket.number, *key, row.allowed, row.balance, row.moved, row.is_short)
                for bucket in buckets
                for key, row in bucket.quotas.rows.items()
                if is_wide(key[0]) or row.balance
            },
            "journal": set(_journal(self.ledger)),
            "legs": {(*key, *sums) for key, sums in legs.items()},
            "refunds": {
                (bucket.number, *parts_of(sale), *sums)
                for bucket in buckets
                for sale, sums in bucket.refunds.items()
            },
            "reversals": {
                (bucket.number, *parts_of(found)) for bucket in buckets for found in bucket.reversed
            },
            "claims": {
                (bucket.number, *parts_of(found), *claim)
                for bucket in buckets
                for found, claim in bucket.claims.items()
            },
        }


def _journal(ledger: MemoryLedger) -> Iterable[tuple[Any, ...]]:
    for bucket in ledger.buckets:
        for found, entry in bucket.journal.items():
            told = entry.outcome
            yield (
                *(bucket.number, *parts_of(found), entry.account, entry.digest, told.code, told.points),
                *(told.balance, told.transaction_id, told.amount_grosze),
                None if told.remaining == NO_LIMIT else told.remaining,
                *(entry.terminal_time, *parts_of(entry.previous)),
            )

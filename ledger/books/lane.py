"""Owns one connection of the committer: its prepared statements, whether it is good for postings, one batch
on it.

Knows nothing of queues, of other lanes or of what becomes of an error. What runs inside a job of the
connection says so.
"""

from collections.abc import Callable
from typing import Any, Final, Self

import trio

from ledger.books.batch import CLAIM, HOMES, post_batch
from ledger.books.layout import ANOTHER_LAYOUT, hold_layout
from ledger.books.posting import Answers, Posting
from ledger.books.rows import POST_BATCH
from ledger.books.turns import NEVER
from ledger.books.write_path import check_write_path
from ledger.errors import DatabaseMisconfigured
from ledger.postgres.database import Bell, Connection, Database
from ledger.postgres.session import PROBE, Session

PROBE_S_MAX: Final = 1.0


class Lane:
    """One connection, what it has taken and not yet answered, and the bell that wakes it.

    sent_at: when the newest statement of the batch on its way was sent, by trio's clock in seconds; NEVER
    while none is. asked: over which connection. doubted: the `sent_at` of what the server has been asked
    about. idle_since: when it last began to wait.
    """

    def __init__(self, session: Session) -> None:
        self.session = self.asked = session
        self.bell = Bell()
        self.batch: list[Posting] = []
        self.sent_at = NEVER
        self.doubted = NEVER
        self.idle_since = NEVER
        self.buckets: int | None = None
        """How many there are; None: not known yet."""
        self._begun_on: Connection = None

    @classmethod
    def of(cls, database: Database) -> Self:
        """Make one with a connection of its own."""
        return cls(database.session())

    async def begin(self, connection: Connection, limit_s: float) -> None:
        """Inside a job: see that the connection is good for postings, and make it ready for them."""
        if connection is self._begun_on:  # it was not made just now
            await self.session.limit(connection.execute(PROBE), min(PROBE_S_MAX, limit_s))
        await self.session.limit(self.prepare(connection), limit_s)
        await self.session.limit(self.check(connection), limit_s)
        self._begun_on = connection

    async def begin_once(self, connection: Connection, limit_s: float) -> None:
        """Inside a job: the same, unless it was done with this connection."""
        if connection is not self._begun_on:
            await self.begin(connection, limit_s)

    async def check(self, connection: Connection) -> None:
        """Inside a job: raise a LedgerError if a posting could not be committed now."""
        await check_write_path(connection)

    async def prepare(self, connection: Connection) -> None:
        """Inside a job: have the statements on this connection, and a hold on the number of buckets."""
        if POST_BATCH in self.session.state:
            return
        buckets = await hold_layout(connection)
        if buckets != (self.buckets or buckets):
            raise DatabaseMisconfigured(ANOTHER_LAYOUT)
        self.buckets = buckets
        for statement in [CLAIM, HOMES, POST_BATCH] if buckets > 1 else [POST_BATCH]:
            self.session.state[statement] = await connection.prepare(statement)

    async def post(
        self,
        connection: Connection,
        batch: list[Posting],
        limit_s: float,
        on_answers: Callable[[Answers], object],
    ) -> None:
        """Inside a job: post a batch; what has been answered is taken out of it."""

        def take_out(answers: Answers) -> None:
            if len(answers) == len(batch):
                batch.clear()
            else:
                answered = {id(posting) for posting, _ in answers}
                batch[:] = [posting for posting in batch if id(posting) not in answered]
            on_answers(answers)

        async def ask(statement: str, *arguments: object) -> Any:
            self.sent_at = trio.current_time()
            return await self.ask(connection, limit_s, statement, arguments)

        assert self.buckets is not None
        await post_batch(ask, self.buckets, list(batch), take_out)

    async def ask(
        self, connection: Connection, limit_s: float, statement: str, arguments: tuple[object, ...]
    ) -> Any:
        """Inside a job: put one statement of a batch and return its row."""

        async def put() -> Any:
            if statement not in self.session.state:
                await self.prepare(connection)
            return await self.session.state[statement].fetchrow(*arguments)

        return await self.session.limit(put(), limit_s)

"""Owns how the office's own hand posts: adjustments, expiry, points of campaigns, card and organiser.

A hand's row has an id like a till's: a terminal that none can have (one for each kind of work and programme),
and a STAN that says what it is for. It is posted inside a transaction of the caller's, under one lock of all
hands, with transaction ids reserved in that transaction; so it stands together with what the caller writes
down of it, or not at all. Knows nothing of why points change. Invariant: all accounts are locked before the
first is changed, by bucket and id as tills' batches lock theirs, so no hand and no till wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple, Self

from ledger.books.batch import post
from ledger.books.node import CLOSED, RESERVE
from ledger.books.posting import NO_DIGITS, AccountKind, Kind, Outcome, Posting, account_id, bucket_of
from ledger.books.statements import last_stan
from ledger.books.transaction_ids import NODES, SEQUENCES, TransactionIds, time_ms
from ledger.errors import DatabaseUnavailable
from ledger.postgres.database import Connection
from ledger.postgres.locks import HAND, LAYOUT, NODE_SPACE
from ledger.registry.reads import layout_buckets

TERMINAL_MIN: Final = 2_000_000_000
PROGRAMMES: Final = 10_000
ROWS_MAX: Final = 500
"""Of one transaction: what a card waits for behind it."""
_TAKE: Final = f"select pg_advisory_xact_lock({HAND})"
_LAYOUT: Final = f"select pg_advisory_xact_lock_shared({LAYOUT})"
_NODE: Final = "select pg_try_advisory_xact_lock($1, $2)"
_HOLD: Final = """select from ledger.account where bucket = $1 and id = any($2::bigint[])
  order by id for no key update"""


class Work(IntEnum):
    """What a hand does; with the programme it makes the number of its terminal."""

    ADJUSTMENT = 0
    EXPIRY = 1
    CAMPAIGN = 2


def hand_terminal(work: Work, programme: int) -> int:
    """The terminal number of a kind of work in a programme (1..9999): no till can have it."""
    return TERMINAL_MIN + work * PROGRAMMES + programme


def work_of(terminal: int) -> Work | None:
    """What a hand did, by the terminal of its row; None: a till's."""
    return Work((terminal - TERMINAL_MIN) // PROGRAMMES) if terminal >= TERMINAL_MIN else None


def is_hand_terminal(number: int) -> bool:
    """Whether a number is the terminal of some work in some programme."""
    at = number - TERMINAL_MIN
    return 0 <= at < len(Work) * PROGRAMMES and at % PROGRAMMES > 0


class HandRow(NamedTuple):
    """One change of a card's points, against the organiser's account; `last4` "": no plastic is named."""

    work: Work
    programme: int
    stan: int
    account: int
    points: int
    rules_version: int
    may_go_below: bool = False
    last4: str = ""


class Hand:
    """The right to post by hand until the end of a transaction."""

    def __init__(self, connection: Connection, ids: TransactionIds, buckets: int, now_ms: int) -> None:
        self._connection = connection
        self._ids = ids
        self._now_ms = now_ms
        self.buckets = buckets

    @classmethod
    async def take(cls, connection: Connection, now_ms: int, rows: int = ROWS_MAX) -> Self:
        """Inside a transaction: wait for other hands, and reserve the ids of so many rows.

        Raises DatabaseUnavailable where every node number is a worker's.
        """
        await connection.execute(_TAKE)
        await connection.execute(_LAYOUT)
        closed = await connection.fetchval(CLOSED)
        from_ms = max(now_ms, time_ms(closed) + 1 if closed else 0)
        for node in reversed(range(NODES)):
            if await connection.fetchval(_NODE, NODE_SPACE, node):
                reserve_ms = rows // SEQUENCES + 1
                reserved = await connection.fetchval(RESERVE, node, from_ms, reserve_ms)
                ids = TransactionIds(node, floor_ms=reserved - reserve_ms, ceiling_ms=reserved)
                return cls(connection, ids, await layout_buckets(connection), now_ms)
        raise DatabaseUnavailable("all node numbers are taken: too many workers on this database")

    async def last_stan(self, work: Work, programme: int) -> int:
        """The highest STAN of a kind of work, 0 if there is none."""
        return await last_stan(self._connection, hand_terminal(work, programme))

    async def post(self, rows: Sequence[HandRow]) -> list[Outcome]:
        """Post rows, each in double entry; one that stands already is told as it stands.

        A batch leaves a row whose account is not free for another call, which waits; this transaction keeps
        what it has locked until it ends, so nothing may be left to wait for by then.
        """
        by_bucket: dict[int, set[int]] = {}
        for row in rows:
            by_bucket.setdefault(bucket_of(row.account, self.buckets), set()).add(row.account)
        for bucket, accounts in sorted(by_bucket.items()):
            await self._connection.execute(_HOLD, bucket, sorted(accounts))
        postings = [
            self._posting(row, transaction_id)
            for row, transaction_id in zip(rows, self._ids.take(self._now_ms, len(rows)), strict=True)
        ]
        return await post(self._connection, postings, buckets=self.buckets)

    def _posting(self, row: HandRow, transaction_id: int) -> Posting:
        said = f"{row.work} {row.programme} {row.stan} {row.account} {row.points}".encode()
        return Posting(
            transaction_id,
            hand_terminal(row.work, row.programme),
            row.stan,
            Kind.ADJUSTMENT,
            row.account,
            account_id(row.programme, AccountKind.ORGANISER),
            row.points,
            0,
            int.from_bytes(hashlib.sha256(said).digest()[:8], "big", signed=True),
            0,
            0,
            row.rules_version,
            self._now_ms,
            self._now_ms // 1000,
            int(row.last4) if row.last4 else NO_DIGITS,
            may_go_below=row.may_go_below,
        )

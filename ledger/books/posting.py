"""Owns the ledger's one write: a batch of postings through `ledger.post_batch`, and the reading of its
answer.

A `Posting` is a request already decided by the switch; an `Outcome` is what stands in the books for its
id, now and for ever. Idempotency, floors, reversals and tombstones are decided in the database, under the
locks of the accounts (design, "The ledger"; `migrations/before/0003_post_batch.sql`). Knows nothing of
connections, batching or retries.
"""

from collections.abc import Sequence
from enum import IntEnum
from itertools import islice
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from ledger.postgres.database import Connection


class Kind(IntEnum):
    """What a request does. STATUS and BALANCE are answered but not journalled; ADJUSTMENT is for the desk.

    Prints as its number, so that it may stand in a column (`columns`).
    """

    __repr__ = int.__repr__

    TOMBSTONE = 0
    EARN = 1
    EARN_ADVICE = 2
    REDEEM = 3
    REVERSAL = 4
    STATUS = 5
    BALANCE = 6
    ADJUSTMENT = 7


class AccountKind(IntEnum):
    """The low three bits of an account id; the rest is the number of its owner."""

    CARD = 0
    PARTNER_ISSUED = 1
    PARTNER_REDEEMED = 2
    ORGANISER = 3


def account_id(owner: int, kind: AccountKind) -> int:
    """The account of a card account number, a partner or a programme (1..10**12)."""
    return owner << 3 | kind


def bucket_of(account: int, buckets: int) -> int:
    """The bucket of a card account, 0..buckets-1; the same arithmetic as `ledger.bucket_of` in the
    database.
    """
    return (((account >> 3 & 0x7FFFFFFF) * 1103515245) >> 15) % buckets


class Posting(msgspec.Struct, gc=False):
    """One request for the ledger.

    points is the signed change of the card account; code is 0 to post if the balance allows, else the
    decline the switch decided, which is journalled without posting. account is 0 when no card is known;
    digest is the signed 64-bit hash of the request; original_stan is 0 for none; context is the caller's
    own and never looked at. submitted_at is when the request came, by trio's clock, in seconds (0: when it
    is submitted).
    """

    transaction_id: int
    terminal: int
    stan: int
    kind: int
    account: int
    counter_account: int
    points: int
    amount_grosze: int
    digest: int
    code: int
    original_stan: int
    rules_version: int
    accepted_at_ms: int
    terminal_time: int
    context: object = None
    submitted_at: float = 0.0


class Outcome(msgspec.Struct, gc=False):
    """What stands in the books for one request.

    points is the change of the card account, balance the balance after it (0 when no account is known).
    transaction_id is 0 for what is not journalled (status, balance, a conflict). replayed: it stood there
    before. original: for a status query, the stored outcome of the original, unless that is another
    card's.
    """

    code: int
    transaction_id: int
    points: int
    balance: int
    amount_grosze: int
    accepted_at_ms: int
    rules_version: int
    kind: int
    counter_account: int
    replayed: bool
    original: "Outcome | None" = None


def no_effect(posting: Posting, code: int) -> Outcome:
    """The outcome of a posting that was refused or given up without an entry in the books."""
    return Outcome(
        code=code,
        transaction_id=0,
        points=0,
        balance=0,
        amount_grosze=posting.amount_grosze,
        accepted_at_ms=posting.accepted_at_ms,
        rules_version=posting.rules_version,
        kind=posting.kind,
        counter_account=posting.counter_account,
        replayed=False,
    )


# The columns are the first fields of `Posting`, in their order.
_TYPES: Final = {
    "transaction_id": "bigint",
    "terminal": "int",
    "stan": "int",
    "kind": "smallint",
    "account": "bigint",
    "counter_account": "bigint",
    "points": "bigint",
    "amount_grosze": "bigint",
    "digest": "bigint",
    "code": "smallint",
    "original_stan": "int",
    "rules_version": "int",
    "accepted_at_ms": "bigint",
    "terminal_time": "bigint",
}


# Arrays travel as text: asyncpg asks of every element of a list whether it is a list itself. In batches of
# 500 that is 1.4 us less for a posting on our side (6.2 -> 4.7), 0.4 us more in the backend (28.3 -> 28.6).
POST_BATCH: Final = (
    "select * from ledger.post_batch($1, "  # noqa: S608 fixed names
    + ", ".join(f"${number}::text::{kind}[]" for number, kind in enumerate(_TYPES.values(), start=2))
    + ")"
)
by_id: Final = attrgetter("terminal", "stan")


def columns(postings: Sequence[Posting]) -> list[str]:
    """The arguments of POST_BATCH after the bucket, as array literals; `postings` sorted by `by_id`.

    What does not print as an integer makes a literal that the server refuses.
    """
    rows = zip(*map(astuple, postings), strict=True)
    return ["{" + str(list(column))[1:-1] + "}" for column in islice(rows, len(_TYPES))]


def outcomes(postings: Sequence[Posting], answer: Sequence[Sequence[Any]]) -> list[Outcome]:
    """The outcomes of a sorted batch, in its order, from the one row POST_BATCH returned."""
    found = list(map(Outcome, *answer[:10]))
    if len(found) != len(postings):
        raise AssertionError(
            f"{len(postings)} requests, {len(found)} answers: an id occurs twice in the batch"
        )
    for index, posting in enumerate(postings):
        if posting.kind == Kind.STATUS:
            found[index] = _status_outcome(posting, found[index], answer[10][index])
    return found


def _status_outcome(posting: Posting, stored: Outcome, original_code: int | None) -> Outcome:
    code, stored.code, stored.replayed = stored.code, original_code or 0, True
    return Outcome(
        code=code,
        transaction_id=0,
        points=0,
        balance=0,
        amount_grosze=0,
        accepted_at_ms=posting.accepted_at_ms,
        rules_version=posting.rules_version,
        kind=Kind.STATUS,
        counter_account=posting.counter_account,
        replayed=False,
        original=None if original_code is None else stored,
    )


async def post(connection: Connection, bucket: int, postings: Sequence[Posting]) -> list[Outcome]:
    """Post one batch of one bucket and return the outcomes in the order given.

    At most one posting per card account and one per (terminal, STAN). For single use (desk, tests); the
    committer keeps a prepared statement instead. Raises what asyncpg raises; `Database.run` turns that
    into closed types.
    """
    ordered = sorted(postings, key=by_id)
    answer = await connection.fetchrow(POST_BATCH, bucket, *columns(ordered))
    found = dict(zip(map(by_id, ordered), outcomes(ordered, answer), strict=True))
    return [found[by_id(posting)] for posting in postings]

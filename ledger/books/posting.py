"""Owns the ledger's one write: a batch of postings through `ledger.post_batch`, and the reading of its
answer.

A `Posting` is a request already decided by the switch; an `Outcome` is what stands in the books for its
id, now and for ever. Idempotency, floors, reversals and tombstones are decided in the database, under the
locks of the accounts (`migrations/before/0003_post_batch.sql`). Knows nothing of
connections, batching or retries.
"""

from collections.abc import Sequence
from enum import IntEnum
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from ledger.errors import StatementRefused


class Kind(IntEnum):
    """What a request does. STATUS and BALANCE are answered but not journalled; ADJUSTMENT is for the desk."""

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


NOT_JOURNALLED: Final = frozenset({int(Kind.STATUS), int(Kind.BALANCE)})
"""Inquiries: they leave no row, and their ids may be used again."""
PUT_OFF: Final = range(10, 20)
"""Codes of class retry: nothing is decided yet, so nothing is kept and no id is used."""
ANY_ACCOUNT: Final = -1
"""The account of a reference whose card is not known here (yet): it takes its original's."""
NO_DIGITS: Final = -1
"""`last4` where no card number was read."""


class Posting(msgspec.Struct, gc=False):
    """One request for the ledger.

    points is the signed change of the card account; code is 0 to post if the balance allows, else the
    decline the switch decided, which is journalled without posting (a code of class retry, 10..19, decides
    nothing: it is told unless the id stands there already, and leaves no row). account is 0 when no card is
    known, or ANY_ACCOUNT for a reference; digest is the signed 64-bit hash of the request; original_stan is
    0 for none, else below stan, or the request names nothing; last4 is 0..9999 or NO_DIGITS; context is the
    caller's own and never looked at. submitted_at is when the request came, by trio's clock, in seconds (0:
    when it is submitted).
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
    last4: int = NO_DIGITS
    context: object = None
    submitted_at: float = 0.0


class Outcome(msgspec.Struct, gc=False):
    """What stands in the books for one request.

    points is the change of the card account, balance the balance after it (0 when no account is known, and
    where a reference names another card's original). transaction_id is 0 for what is not journalled
    (status, balance, a conflict). replayed: it stood there before. original: for a status query, the stored
    outcome of the original; None where it is another card's or was never executed.
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
    original_stan: int
    last4: int
    replayed: bool
    original: "Outcome | None" = None


Answers = list[tuple[Posting, Outcome]]


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
        original_stan=posting.original_stan,
        last4=posting.last4,
        replayed=False,
    )


# The columns: the first fields of `Posting`, in their order, and `journalled`, which follows from the kind.
_TYPES: Final = (
    "bigint", "int", "int", "smallint", "bigint", "bigint", "bigint", "bigint",
    "bigint", "smallint", "int", "int", "bigint", "bigint", "smallint", "boolean",
)  # fmt: skip
_KIND: Final = Posting.__struct_fields__.index("kind")

# Arrays travel as text: asyncpg asks of every element of a list whether it is a list itself. In batches of
# 500 that is 1.4 us less for a posting on our side (6.2 -> 4.7), 0.4 us more in the backend (28.3 -> 28.6).
POST_BATCH: Final = (
    "select places, codes, balances, array_to_json(others)::text from ledger.post_batch_v1($1, "  # noqa: S608 fixed names
    + ", ".join(f"${number}::text::{kind}[]" for number, kind in enumerate(_TYPES, start=2))
    + ")"
)
_encode: Final = msgspec.json.Encoder().encode


def array_literal(column: Sequence[object]) -> str:
    """A column of integers or booleans as Postgres reads an array. Raises StatementRefused."""
    try:
        encoded = _encode(column)
    except (OverflowError, TypeError) as error:
        raise StatementRefused(f"a value no column holds: {error}", "") from None
    if b"n" in encoded:  # the null of JSON is one of Postgres, too
        raise StatementRefused("a column has no value", "")
    return "{" + encoded[1:-1].decode() + "}"


def columns(postings: Sequence[Posting]) -> list[str]:
    """The arguments of POST_BATCH after the bucket, as array literals."""
    fields = list(islice(zip(*map(astuple, postings), strict=True), len(_TYPES) - 1))
    journalled = [kind not in NOT_JOURNALLED for kind in fields[_KIND]]
    return [*map(array_literal, fields), array_literal(journalled)]


class _Other(msgspec.Struct, gc=False):
    """One row of `ledger.outcome_v1`, as JSON: asyncpg would have to ask each new connection for the type."""

    n: int
    code: int | None
    transaction_id: int | None
    points: int | None
    balance: int | None
    amount_grosze: int | None
    accepted_at_ms: int | None
    rules_version: int | None
    kind: int | None
    counter_account: int | None
    original_stan: int | None
    last4: int | None
    replayed: bool | None
    original_code: int | None


_decode_others: Final = msgspec.json.Decoder(list[_Other]).decode


def outcomes(postings: Sequence[Posting], answer: Sequence[Any]) -> tuple[Answers, list[Posting]]:
    """What POST_BATCH answered: the outcomes of what was done, and what is to be sent again, by itself."""
    places, codes, balances, others = answer
    done = [
        (posting := postings[place - 1], _entered(posting, code, balance))
        for place, code, balance in zip(places or (), codes or (), balances or (), strict=True)
    ]
    again = []
    for other in _decode_others(others) if others else ():
        posting = postings[other.n - 1]
        if other.code is None:
            again.append(posting)
        else:
            done.append((posting, _stored(posting, other)))
    if len(done) + len(again) != len(postings):
        raise AssertionError(f"{len(postings)} requests, {len(done)} answers")
    return done, again


def _entered(posting: Posting, code: int, balance: int) -> Outcome:
    return Outcome(
        code,
        posting.transaction_id,
        0 if code else posting.points,
        balance,
        posting.amount_grosze,
        posting.accepted_at_ms,
        posting.rules_version,
        posting.kind,
        posting.counter_account,
        0,
        posting.last4,
        False,
    )


def _stored(posting: Posting, other: Any) -> Outcome:
    stored = Outcome(*astuple(other)[1:13])
    if posting.kind != Kind.STATUS:
        return stored
    told = no_effect(posting, stored.code)
    told.amount_grosze = 0
    if other.original_code is not None:
        stored.code = other.original_code
        told.original = stored
    return told

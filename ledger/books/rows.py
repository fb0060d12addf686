"""Owns how a batch of postings travels: the ledger's one write, `ledger.post_batch_v1`, with its columns, and
the reading of its answer.

Invariant: what the ledger answers for a posting it entered is made of the posting itself, and equals what is
told when it is asked again (a test holds it). Knows nothing of connections, batching or retries.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from ledger.books.posting import (
    NO_LIMIT,
    NOT_JOURNALLED,
    Answers,
    Kind,
    Outcome,
    Posting,
    QuotaLeg,
    no_effect,
)
from ledger.errors import StatementRefused

# The columns: the first fields of `Posting`, in their order; then what is made of the others.
_TYPES: Final = (
    "bigint", "int", "int", "smallint", "bigint", "bigint", "bigint", "bigint",
    "bigint", "smallint", "int", "int", "bigint", "bigint", "smallint", "bigint",
    # journalled, details, step_grosze; offer, discount_grosze, original_terminal, tier, basis; uses of quotas
    "boolean", "smallint", "int", "int", "bigint", "int", "bigint", "bigint",
    "int", "bigint", "int", "int", "int", "int",
)  # fmt: skip
_FIELDS: Final = Posting.__struct_fields__
_PLAIN: Final = _FIELDS.index("registry_number") + 1
_KIND, _STEP, _ENTRY, _OFFER, _QUOTAS = map(
    _FIELDS.index, ("kind", "step_grosze", "entry", "offer", "quotas")
)

# Arrays travel as text: asyncpg asks of every element of a list whether it is a list itself. In batches of
# 500 that is 1.4 us less for a posting on our side (6.2 -> 4.7), 0.4 us more in the backend (28.3 -> 28.6).
POST_BATCH: Final = (
    "select places, codes, balances, remainings, array_to_json(others)::text "
    "from ledger.post_batch_v1($1, $2, "
    + ", ".join(f"${number}::text::{kind}[]" for number, kind in enumerate(_TYPES, start=3))
    + ")"
)
_encode: Final = msgspec.json.Encoder().encode


def _literal(column: Sequence[object]) -> str:
    """As Postgres reads an array: the null of JSON is one of Postgres, too. Raises StatementRefused."""
    try:
        encoded = _encode(column)
    except (OverflowError, TypeError) as error:
        raise StatementRefused(f"a value no column holds: {error}", "") from None
    return "{" + encoded[1:-1].decode() + "}"


def array_literal(column: Sequence[object]) -> str:
    """A column of integers or booleans as Postgres reads an array. Raises StatementRefused."""
    literal = _literal(column)
    if "n" in literal:
        raise StatementRefused("a column has no value", "")
    return literal


def columns(postings: Sequence[Posting]) -> list[str | None]:
    """The arguments of POST_BATCH after the buckets, as array literals; None where no posting has any."""
    fields = list(zip(*map(astuple, postings), strict=True))
    journalled = [kind not in NOT_JOURNALLED for kind in fields[_KIND]]
    details = [
        entry | language << 3 | confirmed << 6 | checks << 9 | may_go_below << 12
        for entry, language, confirmed, checks, may_go_below in zip(*fields[_ENTRY : _ENTRY + 5], strict=True)
    ]
    dense = [*fields[:_PLAIN], journalled, details, fields[_STEP]]
    return [*map(array_literal, dense), *map(_sparse, fields[_OFFER:_QUOTAS]), *_uses(fields[_QUOTAS])]


def _sparse(column: Sequence[int]) -> str | None:
    """A column that is null where it is 0, and left out where it is 0 everywhere."""
    if not any(column):
        return None
    return _literal([value or None for value in column])


def _uses(column: Sequence[tuple[QuotaLeg, ...]]) -> list[str | None]:
    """The uses of all postings one after another, each with its posting's place; and where each's begin."""
    if not any(column):
        return [None] * 6
    uses = [(place, *leg) for place, legs in enumerate(column, start=1) for leg in legs]
    begins = list(accumulate(map(len, column), initial=1))
    return [*map(array_literal, zip(*uses, strict=True)), array_literal(begins)]


class Other(msgspec.Struct, gc=False):
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
    details: int | None
    step_grosze: int | None
    offer: int | None
    discount_grosze: int | None
    original_terminal: int | None
    remaining: int | None
    original_code: int | None


_decode_others: Final = msgspec.json.Decoder(list[Other]).decode


def outcomes(postings: Sequence[Posting], answer: Sequence[Any]) -> tuple[Answers, list[Posting]]:
    """What POST_BATCH answered: the outcomes of what was done, and what is to be sent again, by itself."""
    places, codes, balances, remainings, others = answer
    entered = zip(places or (), codes or (), balances or (), remainings or (), strict=True)
    done = [
        (posting := postings[place - 1], _entered(posting, code, balance, remaining))
        for place, code, balance, remaining in entered
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


def _entered(posting: Posting, code: int, balance: int, remaining: int | None) -> Outcome:
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
        posting.step_grosze,
        posting.entry,
        posting.language,
        posting.confirmed,
        posting.checks,
        posting.offer,
        posting.discount_grosze,
        0,
        NO_LIMIT if remaining is None else remaining,
    )


def _stored(posting: Posting, other: Any) -> Outcome:
    details = other.details
    fields = (
        *astuple(other)[1:13],
        other.step_grosze,
        details & 7,
        details >> 3 & 7,
        details >> 6 & 7,
        details >> 9 & 7,
        other.offer or 0,
        other.discount_grosze or 0,
        other.original_terminal or 0,
        NO_LIMIT if other.remaining is None else other.remaining,
    )
    stored = Outcome(*fields)
    if posting.kind != Kind.STATUS:
        return stored
    told = no_effect(posting, stored.code)
    told.amount_grosze = 0
    if other.original_code is not None:
        stored.code = other.original_code
        told.original = stored
    return told

"""Owns how a batch reaches the store and how its answers leave it: the arguments of POST_BATCH, and its row.

The other end of `ledger.books.rows`. Knows nothing of what a posting does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from ledger.books.posting import NO_LIMIT, Outcome, Posting, QuotaLeg
from ledger.books.rows import Other
from simulators.world.memory.books import Answered

_decode: Final = msgspec.json.Decoder(list[Any]).decode
_encode: Final = msgspec.json.Encoder().encode
_MAY_GO_BELOW: Final = 12
_DETAIL: Final = 7


def column(literal: str) -> list[Any]:
    """The values of a column that travels as text, an array as Postgres reads it."""
    return _decode(f"[{literal[1:-1]}]")


def postings_of(columns: Sequence[str | None]) -> list[Posting]:
    """The postings of a batch, of the arguments of POST_BATCH after the buckets."""
    *dense, _, details, steps = [column(literal) for literal in columns[:19] if literal is not None]
    count = len(details)
    return [
        Posting(*fields)
        for fields in zip(
            *dense,
            steps,
            [bits & _DETAIL for bits in details],
            [bits >> 3 & _DETAIL for bits in details],
            [bits >> 6 & _DETAIL for bits in details],
            [bits >> 9 & _DETAIL for bits in details],
            [bits >> _MAY_GO_BELOW != 0 for bits in details],
            *(_sparse(literal, count) for literal in columns[19:24]),
            _uses(columns[24:], count),
            strict=True,
        )
    ]


def _sparse(literal: str | None, count: int) -> list[int]:
    return [0] * count if literal is None else [value or 0 for value in column(literal)]


def _uses(columns: Sequence[str | None], count: int) -> list[tuple[QuotaLeg, ...]]:
    if columns[0] is None:
        return [()] * count
    _, owners, quotas, periods, limits, begins = [column(literal) for literal in columns if literal]
    uses = list(map(QuotaLeg, owners, quotas, periods, limits))
    return [tuple(uses[begins[n] - 1 : begins[n + 1] - 1]) for n in range(count)]


def answer_row(firsts: Sequence[Answered], others: Sequence[Answered]) -> tuple[Any, ...]:
    """The row that POST_BATCH answers: places, codes, balances, what remains of quotas; and all others."""
    told = _encode([_other(answered) for answered in others]).decode() if others else None
    if not firsts:
        return None, None, None, None, told
    places, outcomes = zip(*firsts, strict=True)
    return (
        places,
        [outcome.code for outcome in outcomes],
        [outcome.balance for outcome in outcomes],
        [None if outcome.remaining == NO_LIMIT else outcome.remaining for outcome in outcomes],
        told,
    )


_LEFT: Final = (None,) * 19


def _other(answered: Answered) -> Other:
    """A row of `ledger.outcome_v1`; of what was left, its place alone."""
    place, outcome = answered
    if outcome is None:
        return Other(place, *_LEFT)
    original = outcome.original
    if original is None:
        return _row(place, outcome, outcome.code, None)
    return _row(place, original, outcome.code, original.code)


def _row(place: int, outcome: Outcome, code: int, original_code: int | None) -> Other:
    details = outcome.entry | outcome.language << 3 | outcome.confirmed << 6 | outcome.checks << 9
    fields = (
        place,
        code,
        *astuple(outcome)[1:12],
        details,
        outcome.step_grosze,
        outcome.offer,
        outcome.discount_grosze,
        outcome.original_terminal or None,
        None if outcome.remaining == NO_LIMIT else outcome.remaining,
        original_code,
    )
    return Other(*fields)

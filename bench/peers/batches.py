"""The batches `direct` posts, in the form each batch function takes.

Owns the two forms: the ledger's own, and that of commit d5b569b (`ledger_d5b569b.sql`), which is kept as a
yardstick that does not move. Must not know connections. Invariant: within a batch each card occurs once, so
all rows take the ordinary way.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple

from msgspec.structs import astuple

from bench.throughput.load_order import DirectOrder
from ledger.books.posting import Kind, Posting
from ledger.books.rows import POST_BATCH, columns
from ledger.books.transaction_ids import TransactionIds

NODE_FIRST: Final = 1_000
"""Transaction ids of these workers' nodes; a live switch may hold the same number only by rare chance."""
COUNTER_ACCOUNT: Final = 1_001 << 3 | 1
POINTS_MAX: Final = 60
GROSZE_PER_POINT: Final = 1_000
LAST4: Final = 4_711

_TYPES_D5B569B: Final = (
    "bigint", "int", "int", "smallint", "bigint", "bigint", "bigint", "bigint", "bigint", "smallint", "int",
    "int", "bigint", "bigint",
)  # fmt: skip


class Function(NamedTuple):
    """A batch function: its statement, its arguments after the bucket, and its codes, one a posting."""

    statement: str
    arguments: Callable[[list[Posting]], Sequence[int | str | None]]
    codes: Callable[[Any], Sequence[int]]


def _columns_d5b569b(postings: list[Posting]) -> list[str]:
    ordered = sorted(postings, key=attrgetter("terminal", "stan"))
    fields = islice(zip(*map(astuple, ordered), strict=True), len(_TYPES_D5B569B))
    return ["{" + str(list(column))[1:-1] + "}" for column in fields]


FUNCTIONS: Final = {
    "in use": Function(POST_BATCH, lambda postings: [1, *columns(postings)], lambda answer: answer[1]),
    "d5b569b": Function(
        "select * from ledger.post_batch($1, "  # noqa: S608 fixed names
        + ", ".join(f"${number}::text::{kind}[]" for number, kind in enumerate(_TYPES_D5B569B, start=2))
        + ")",
        _columns_d5b569b,
        lambda answer: answer[0],
    ),
}


def batches(order: DirectOrder, number: int) -> Iterator[Sequence[int | str | None]]:
    """Yield the arguments of one batch after the other for connection `number`."""
    rng = random.Random(order.stan_first + number)
    accounts = order.accounts[number :: order.connections]
    terminals = range(
        order.terminal_first + number, order.terminal_first + order.terminals, order.connections
    )
    stans = dict.fromkeys(terminals, order.stan_first)
    ids = TransactionIds(NODE_FIRST + number)
    arguments = FUNCTIONS[order.function].arguments
    while True:
        now_ms = int(time.time() * 1_000)
        postings = []
        for account in rng.sample(accounts, order.batch):
            terminal = rng.choice(terminals)
            postings.append(
                _posting(
                    transaction_id=ids.next(now_ms),
                    terminal=terminal,
                    stan=stans[terminal],
                    account=account,
                    points=rng.randint(1, POINTS_MAX),
                    now_ms=now_ms,
                )
            )
            stans[terminal] += 1
        yield arguments(postings)


def _posting(
    *, transaction_id: int, terminal: int, stan: int, account: int, points: int, now_ms: int
) -> Posting:
    return Posting(
        transaction_id=transaction_id,
        terminal=terminal,
        stan=stan,
        kind=int(Kind.EARN),
        account=account,
        counter_account=COUNTER_ACCOUNT,
        points=points,
        amount_grosze=points * GROSZE_PER_POINT,
        digest=stan * 0x9E3779B97F4A7C15 % 2**63,
        code=0,
        original_stan=0,
        rules_version=1,
        accepted_at_ms=now_ms,
        terminal_time=now_ms // 1_000,
        last4=LAST4,
    )

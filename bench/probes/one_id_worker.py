"""One worker of `bench.probes.one_id`: random requests through a committer, and a log of what it was told.

    python -m bench.probes.one_id_worker < order.json

Ids come from a small window that moves on, the same for all workers, so that they use each other's ids with
other cards, repeat them, reverse and ask about them while they are on their way. Owns the requests. Must not
know what is done to it: it may be killed at any moment. Invariant: a line of the log is written only after
its outcome is known.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import trio

from bench.probes.fleet import Told, WorkerOrder
from ledger.books.committer import Committer
from ledger.books.posting import (
    ANY_ACCOUNT,
    NOT_JOURNALLED,
    AccountKind,
    Answers,
    Kind,
    Posting,
    account_id,
)
from ledger.postgres.database import Database, open_database

TERMINALS: Final = 6
WINDOW: Final = 12
"""So many STANs of a terminal are in use at once."""
USES_OF_A_STAN: Final = 5
REPEATED: Final = 0.75
IN_FLIGHT: Final = 60
PARTNER: Final = 7
KINDS: Final = (
    *[Kind.EARN] * 5,
    *[Kind.REDEEM] * 2,
    *[Kind.REVERSAL] * 3,
    Kind.STATUS,
    Kind.BALANCE,
)


Request: TypeAlias = Callable[[random.Random, int, list[int]], Posting]
"""Makes the request of an operation, for one of these accounts."""
Beside: TypeAlias = Callable[[Database], Awaitable[None]]


def request(rng: random.Random, operation: int, accounts: list[int]) -> Posting:
    """The operation-th request; each id has a body of its own, which three of four requests repeat."""
    base = operation // (TERMINALS * USES_OF_A_STAN)
    terminal, stan = rng.randint(1, TERMINALS), base + rng.randint(2, WINDOW)
    own = random.Random(terminal << 32 | stan)
    if rng.random() < REPEATED:
        rng = own
    kind, body = rng.choice(KINDS), rng.randrange(3)
    account = accounts[(terminal * 31 + stan * 7 + body) % len(accounts)]
    is_reference = kind in (Kind.REVERSAL, Kind.STATUS)
    if is_reference and rng.random() < 0.3:
        account = ANY_ACCOUNT
    points = {Kind.EARN: 5 + body, Kind.REDEEM: -3 - body}.get(kind, 0)
    original = max(1, stan - rng.randint(1, 5)) if is_reference else 0
    return Posting(
        transaction_id=0,
        terminal=terminal,
        stan=stan,
        kind=int(kind),
        account=account,
        counter_account=account_id(
            PARTNER, AccountKind.PARTNER_REDEEMED if points < 0 else AccountKind.PARTNER_ISSUED
        ),
        points=points,
        amount_grosze=1_000,
        digest=(int(kind) << 40) + (original << 8) + body + (1 << 60 if account == ANY_ACCOUNT else 0),
        code=0,
        original_stan=original,
        rules_version=1,
        accepted_at_ms=1_790_000_000_000 + operation,
        terminal_time=1_790_000_000,
        last4=body,
    )


async def nothing(_database: Database) -> None:
    """Do nothing beside the work."""


async def work(order: WorkerOrder, request: Request = request, beside: Beside = nothing) -> None:
    """Carry the order out: each operation is the `request` of its number. `beside` runs until it is done."""
    rng = random.Random(order.seed)
    encode = msgspec.json.Encoder().encode
    room = trio.Semaphore(IN_FLIGHT)
    with Path(order.log).open("ab", buffering=0) as log:  # noqa: ASYNC230 before anything is served

        def take(answers: Answers) -> None:
            lines = [
                encode(
                    Told(p.terminal, p.stan, p.digest, p.kind, o.code, o.transaction_id, o.points, o.balance)
                )
                for p, o in answers
                if p.kind not in NOT_JOURNALLED
            ]
            log.write(b"".join(line + b"\n" for line in lines))
            for _ in answers:
                room.release()

        async with open_database(order.dsn) as database, trio.open_nursery() as around:
            around.start_soon(beside, database)
            async with trio.open_nursery() as nursery:
                committer = Committer(database, on_outcomes=take, batch_max=40)
                await nursery.start(committer.run)
                for operation in range(order.first, order.last):
                    await room.acquire()
                    posting = request(rng, operation, order.accounts)
                    posting.transaction_id = 0
                    committer.submit_nowait(posting)
                committer.stop()
            around.cancel_scope.cancel()


def main() -> None:
    """Read the order from standard input and carry it out."""
    trio.run(work, msgspec.json.decode(sys.stdin.buffer.read(), type=WorkerOrder))


if __name__ == "__main__":
    main()

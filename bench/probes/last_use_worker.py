"""One worker of `bench.probes.last_use`: races for the last uses of quotas, and a log of what it was told.

    python -m bench.probes.last_use_worker < order.json

Each race has a quota of its own, a limit of one to three uses, and eight contenders, each from a terminal of
its own; every request is sent by several workers, so that they repeat each other's. Now and then a use of
an earlier race is undone. Beside that shares are moved, and left unfinished where the worker is killed. Owns
the requests. Must not know what is done to it: it may be killed at any moment.
"""

from __future__ import annotations

import random
import sys
from contextlib import suppress
from typing import Final

import msgspec
import trio

from bench.probes.fleet import WorkerOrder
from bench.probes.one_id_worker import work
from ledger.books.posting import ANY_ACCOUNT, AccountKind, Kind, Posting, QuotaLeg, account_id
from ledger.books.shares import move_shares
from ledger.errors import LedgerError
from ledger.postgres.database import Database

CONTENDERS: Final = 8
PARTNER: Final = 7
PROGRAMME: Final = 1
UNDONE_EVERY: Final = 5
PERIOD: Final = 20_000
MOVE_S: Final = 0.1


def is_wide(race: int) -> bool:
    """Whether all cards share the quota of this race, or one card has it for itself."""
    return race % 2 == 1


def uses_allowed(race: int) -> int:
    """The limit of a race."""
    return 1 + race % 3


def request(_rng: random.Random, operation: int, accounts: list[int]) -> Posting:
    """The operation-th request: one contender of one race; of each fifth race one undoes an earlier use."""
    race, contender = divmod(operation, CONTENDERS)
    is_undoing = contender == 0 and race % UNDONE_EVERY == UNDONE_EVERY - 1
    card = race * 7 + (contender if is_wide(race) else 0)
    account = accounts[card % len(accounts)]
    owner = account_id(PROGRAMME, AccountKind.ORGANISER) if is_wide(race) else account
    leg = QuotaLeg(owner, race, PERIOD, uses_allowed(race))
    return Posting(
        0,
        terminal=1 + contender,
        stan=1 + race,
        kind=int(Kind.REVERSAL if is_undoing else Kind.BENEFIT_USE),
        account=ANY_ACCOUNT if is_undoing else account,
        counter_account=account_id(PARTNER, AccountKind.PARTNER_USES),
        points=0,
        amount_grosze=1_000,
        digest=operation << 1 | is_undoing,
        code=0,
        original_stan=race - 1 if is_undoing else 0,
        rules_version=1,
        accepted_at_ms=1_790_000_000_000 + operation,
        terminal_time=1_790_000_000,
        discount_grosze=0 if is_undoing else 100,
        quotas=() if is_undoing else (leg,),
    )


async def keep_moving(database: Database) -> None:
    """Move shares for ever, as the keeper does, more often."""
    while True:
        # Where the connection is cut, what was begun is ended by whoever comes next.
        with suppress(LedgerError):
            await database.run(move_shares)
        await trio.sleep(MOVE_S)


def main() -> None:
    """Read the order from standard input and carry it out."""
    trio.run(work, msgspec.json.decode(sys.stdin.buffer.read(), type=WorkerOrder), request, keep_moving)


if __name__ == "__main__":
    main()

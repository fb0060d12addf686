"""Whether a ledger that moves from one bucket to eight and back still answers every request as at first.

    .venv/bin/python -m bench.probes.rebucket --transactions 10000

Posts so many requests of every kind, all a function of their number, and keeps a hash of the answers of each
batch. After each move the books are verified, every request is sent again, and each batch's answers must have
the hash of the first time; the sums of the books must be what they were. Owns the requests and the
comparison. Must not know how rows are moved.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec
import trio

from bench.command import Exit, Parser, dsn_option, run
from bench.local_switch import say
from bench.probes.fleet import ACCOUNTS, PROBE
from ledger.books.batch import post
from ledger.books.posting import ANY_ACCOUNT, AccountKind, Kind, Outcome, Posting, QuotaLeg, account_id
from ledger.books.rebucket import rebucket
from ledger.books.statements import trial_balance
from ledger.books.verify import verify
from ledger.postgres.database import Database, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.migrate import migrate

T = TypeVar("T")
BATCH: Final = 2_000
TERMINALS: Final = 1_000
CARDS_MAX: Final = 200_000
NOW_MS: Final = 1_790_000_000_000
PARTNER: Final = 7
PROGRAMME: Final = 1
BACK: Final = {Kind.REVERSAL: 5, Kind.REFUND: 7}
"""How many requests of its terminal ago the original came: no batch holds one id twice."""
HOURS_MAX: Final = 3_600.0


class Trade(NamedTuple):
    """Requests 0..transactions-1 of so many cards, each made of its number alone."""

    transactions: int
    cards: int

    def account(self, number: int) -> int:
        """The account of the card of a request."""
        return (1 + number * 2_654_435_761 % self.cards) << 3

    def kind(self, number: int) -> Kind:
        """Of a hundred: 66 purchases, 15 redemptions, 10 uses, 6 reversals and 3 refunds of purchases."""
        percent = (number * number * 40_503 >> 5) % 100
        for kind, share in ((Kind.REFUND, 3), (Kind.REVERSAL, 9), (Kind.BENEFIT_USE, 19), (Kind.REDEEM, 34)):
            if percent < share:
                return kind if number >= TERMINALS * BACK.get(kind, 0) else Kind.EARN
        return Kind.EARN

    def posting(self, number: int) -> Posting:
        """The request of a number. Some were declined by the switch already."""
        kind, account = self.kind(number), self.account(number)
        terminal, stan = 1 + number % TERMINALS, 1 + number // TERMINALS
        points = {Kind.EARN: number % 90, Kind.REDEEM: -(number % 30)}.get(kind, 0)
        side = AccountKind.PARTNER_REDEEMED if points < 0 else AccountKind.PARTNER_ISSUED
        made = Posting(
            (NOW_MS + number) << 22,
            terminal,
            stan,
            kind,
            account,
            account_id(PARTNER, side),
            points,
            number % 90 * 1_000,
            number * 1_000_003,
            45 if number % 97 == 96 else 0,
            0,
            1,
            NOW_MS + number,
            NOW_MS // 1_000 + number,
            number % 10_000,
            step_grosze=1_000 if kind is Kind.EARN else 0,
        )
        if kind is Kind.BENEFIT_USE:
            self._use(made, number)
        elif kind in BACK:
            made.account = ANY_ACCOUNT if number % 2 else self.account(number - TERMINALS * BACK[kind])
            made.original_stan = stan - BACK[kind]
            made.may_go_below = True
            made.amount_grosze = 1_000
            made.original_terminal = terminal if kind is Kind.REFUND else 0
        return made

    def _use(self, made: Posting, number: int) -> None:
        """Every third of a quota of all cards, with a discount; what is used up is refused."""
        owner = made.account if number % 3 else account_id(PROGRAMME, AccountKind.ORGANISER)
        allowed = 5 if number % 3 else self.transactions // 200
        made.quotas = (QuotaLeg(owner, 40 + number % 2, 20_000, allowed),)
        made.offer, made.discount_grosze = 5, number % 90 * 100

    def batches(self) -> Iterator[list[Posting]]:
        """All requests, in order."""
        for first in range(0, self.transactions, BATCH):
            yield [self.posting(n) for n in range(first, min(first + BATCH, self.transactions))]


_encode: Final = msgspec.msgpack.Encoder().encode


def _told(outcomes: list[Outcome]) -> bytes:
    """All that replies are made of, but whether it is told for the first time."""
    for outcome in outcomes:
        outcome.replayed = False
    return hashlib.sha256(_encode(outcomes)).digest()


class Probe:
    """One run: what was told at first, and what is wrong since."""

    def __init__(self, owner: Database, trade: Trade, tell: Callable[[str], None] = say) -> None:
        self._owner = owner
        self._trade = trade
        self._tell = tell
        self.codes: Counter[int] = Counter()
        self.wrong: list[str] = []

    async def run(self, buckets: list[int]) -> None:
        """Post, then move to each number of buckets in turn, and look."""
        ids = [(1 + card) << 3 for card in range(self._trade.cards)]
        await self._owner.run(lambda c: c.execute(ACCOUNTS, ids, 1), timeout_s=HOURS_MAX)
        first = await self._timed("posted", self._post_all(1))
        sums = await self._sums()
        await self._timed("verified", self._verify(1))
        for number in buckets:
            await self._timed(f"moved to {number} buckets", self._move(number))
            await self._timed("verified", self._verify(number))
            if await self._sums() != sums:
                self.wrong.append(f"{number} buckets: the sums of the books have changed")
            again = await self._timed("asked again", self._post_all(number))
            differing = sum(one != other for one, other in zip(first, again, strict=True))
            if differing:
                self.wrong.append(f"{number} buckets: {differing} batches were answered otherwise")
        await self._timed("verified", self._verify(buckets[-1]))

    async def _timed(self, what: str, step: Awaitable[T]) -> T:
        began = time.monotonic()
        found = await step
        self._tell(f"{what}: {time.monotonic() - began:.1f} s")
        return found

    async def _post_all(self, buckets: int) -> list[bytes]:
        told = []
        for batch in self._trade.batches():
            sending = partial(post, postings=batch, buckets=buckets)
            outcomes = await self._owner.run(sending, timeout_s=HOURS_MAX)
            self.codes.update(outcome.code for outcome in outcomes)
            told.append(_told(outcomes))
        return told

    async def _move(self, buckets: int) -> None:
        await self._owner.run(lambda c: rebucket(c, PROBE, buckets), timeout_s=HOURS_MAX)

    async def _verify(self, buckets: int) -> None:
        for finding in await self._owner.run(verify, timeout_s=HOURS_MAX):
            if finding.count:
                self.wrong.append(f"{buckets} buckets: {finding.invariant}: {finding.example}")

    async def _sums(self) -> dict[object, list[int]]:
        """Debit and credit by kind of account, of all buckets together."""
        sums: dict[object, list[int]] = {}
        for row in await self._owner.run(trial_balance, timeout_s=HOURS_MAX):
            of_kind = sums.setdefault((row.kind, row.unit), [0, 0])
            of_kind[0] += row.debit_points
            of_kind[1] += row.credit_points
        return sums


async def probe_dsn(owner_dsn: str, transactions: int, tell: Callable[[str], None] = say) -> Probe:
    """Run over a migrated database that holds nothing."""
    async with open_database(owner_dsn, connections_max=1, application_name="bench rebucket") as owner:
        probe = Probe(owner, Trade(transactions, min(CARDS_MAX, max(100, transactions // 20))), tell)
        await probe.run([8, 1])
        return probe


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(prog="python -m bench.probes.rebucket", description=__doc__.split("\n")[0])
    parser.add_argument("--transactions", type=int, default=10_000, help="requests posted (10000)")
    parser.add_argument(
        "--dsn", type=dsn_option, help="owner's DSN of a migrated and empty database (a Postgres of its own)"
    )
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, _stop: trio.Event) -> int:
    """Run once; status 1 if anything was wrong."""
    if options.dsn:
        probe = await probe_dsn(options.dsn, options.transactions)
    else:
        with tempfile.TemporaryDirectory(prefix="rebucket-") as folder:
            async with embedded_postgres(Path(folder) / "postgres") as postgres:
                await migrate(postgres.owner_dsn)
                probe = await probe_dsn(postgres.owner_dsn, options.transactions)
    for line in probe.wrong:
        say(f"  {line}")
    codes = dict(sorted(probe.codes.items()))
    say(f"{options.transactions} transactions, answers by code {codes}: wrong = {len(probe.wrong)}")
    return Exit.MISSED if probe.wrong else Exit.OK


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

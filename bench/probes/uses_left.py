"""How long a read of what is left takes, of a hundred VERIFYs together, by how many limits each has.

    .venv/bin/python -m bench.probes.uses_left --books DSN [--books DSN …]

Owners' DSNs of migrated databases that hold nothing or what this probe left there, on one Postgres or at
Citus' coordinator. Each round reads from all of them in turn, of other cards each time, as a worker reads;
printed are the median and the longest time. Owns the method. Must not know how a read travels.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from contextlib import AsyncExitStack
from typing import Final

import trio

from bench.command import Exit, Parser, dsn_option, run
from bench.errors import CannotRun
from bench.local_switch import say
from bench.probes.fleet import PROBE
from ledger.books.posting import AccountKind, QuotaLeg, account_id
from ledger.books.quotas import QuotaReader
from ledger.books.rebucket import change_buckets
from ledger.books.shard_map import ShardMap
from ledger.engine.shards import read_shards
from ledger.postgres.database import Database, open_database

CARDS: Final = 20_000
QUESTIONS: Final = 100
LIMITS: Final = (1, 4, 8)
PERIOD: Final = 20_000
LONG_S: Final = 3_600.0
WIDE: Final = QuotaLeg(account_id(1, AccountKind.ORGANISER), 3, PERIOD, 1_000_000)
_FILL: Final = """
insert into ledger.quota (bucket, period, quota, allowed, owner, balance)
  select ledger.bucket_of(id, $2), $3, quota, 9, id, -1
    from unnest($1::bigint[]) as a(id) cross join generate_series(0, 7) as l(quota)"""


def legs(number: int, *, is_wide: bool) -> list[QuotaLeg]:
    """So many limits each of a hundred cards drawn anew; with one of all cards besides."""
    cards = random.sample(range(1, CARDS + 1), QUESTIONS)
    found = [
        QuotaLeg(account_id(card, AccountKind.CARD), quota, PERIOD, 9)
        for card in cards
        for quota in range(number)
    ]
    return [*found, WIDE] if is_wide else found


async def prepare(owner: Database, buckets: int) -> None:
    """Have uses of every card in so many buckets, once."""
    if not await owner.run(lambda c: c.fetchval("select owner from ledger.quota limit 1")):
        await change_buckets(owner, PROBE, buckets, LONG_S)
        ids = [account_id(1 + card, AccountKind.CARD) for card in range(CARDS)]
        await owner.run(lambda c: c.execute(_FILL, ids, buckets, PERIOD), timeout_s=LONG_S)
        await owner.run(lambda c: c.execute("analyze ledger.quota"), timeout_s=LONG_S)


async def time_read(reader: QuotaReader, asked: list[QuotaLeg]) -> float:
    """Milliseconds that a read took. Raises CannotRun if it told less than all."""
    began = time.perf_counter()
    found = await reader.read(asked)
    took_ms = (time.perf_counter() - began) * 1_000
    if found.problem:
        raise CannotRun(found.problem)
    return took_ms


async def measure(options: argparse.Namespace, _stop: trio.Event) -> int:
    """Read from all in turn."""
    kinds = [(number, False) for number in LIMITS] + [(LIMITS[-1], True)]
    took: dict[tuple[str, int, bool], list[float]] = {}
    async with AsyncExitStack() as stack:
        readers: dict[str, QuotaReader] = {}
        for dsn in options.books:
            owner = await stack.enter_async_context(open_database(dsn, connections_max=2))
            await prepare(owner, options.buckets)
            readers[dsn] = QuotaReader(owner, ShardMap(await owner.run(read_shards)))
            await time_read(readers[dsn], legs(1, is_wide=True))
        for _ in range(options.rounds):
            for number, is_wide in kinds:
                for dsn, reader in readers.items():
                    took_ms = await time_read(reader, legs(number, is_wide=is_wide))
                    took.setdefault((dsn, number, is_wide), []).append(took_ms)
    for (dsn, number, is_wide), times in took.items():
        what = f"{QUESTIONS} questions of {number} limits{' and one of all cards' if is_wide else ''}"
        say(f"{dsn.rpartition('@')[2]}: {what}: {statistics.median(times):.1f} ms, at most {max(times):.1f}")
    return Exit.OK


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(prog="python -m bench.probes.uses_left", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--books", type=dsn_option, required=True, action="append", help="owner's DSN of books"
    )
    parser.add_argument("--buckets", type=int, default=8, help="of books that hold nothing yet (8)")
    parser.add_argument("--rounds", type=int, default=30, help="of reads of each kind (30)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

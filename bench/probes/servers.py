"""What a posting costs where the books lie on several servers under Citus, beside one Postgres; and what a
lost server costs.

    .venv/bin/python -m bench.probes.servers --plain DSN --citus DSN --rounds 5
    .venv/bin/python -m bench.probes.servers --citus DSN --lose

Both are owners' DSNs of migrated databases that hold nothing, every server on this machine, and all of them
over TLS or none: Citus turns it on, a Postgres by itself does not. One committer as
in a worker keeps `--in-flight` postings on their way, a round on each in turn; processor time is that of this
process and of all servers of the books. With `--lose` one worker's Postgres is killed (SIGKILL) in the
middle: what is answered is told apart by whether the request's terminal and card have their buckets
elsewhere. Owns the method. Must not know how a batch travels.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import trio

from bench.command import Exit, Parser, dsn_option, run
from bench.errors import CannotRun
from bench.local_switch import say
from bench.probes.fleet import ACCOUNTS, PROBE
from bench.throughput.processes import family_cpu_s
from ledger.books.posting import AccountKind, Answers, Kind, Posting, account_id, bucket_of
from ledger.books.rebucket import change_buckets
from ledger.books.result_codes import SYSTEM_ERROR, TRY_AGAIN
from ledger.books.shard_map import ShardMap
from ledger.books.sharded import make_committer
from ledger.books.verify import verify
from ledger.engine.citus import settle
from ledger.engine.shards import Server, Shards, at_server, read_shards
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.session import Session

CARDS: Final = 20_000
TERMINALS: Final = 1_000
PARTNER: Final = 7
LONG_S: Final = 3_600.0
WARM_UP_S: Final = 2.0


def posting(number: int) -> Posting:
    """The request of a number: four purchases and a redemption of one of many cards."""
    points = -1 if number % 5 == 4 else number % 90
    return Posting(
        0,
        1 + number % TERMINALS,
        1 + number // TERMINALS,
        Kind.REDEEM if points < 0 else Kind.EARN,
        (1 + number * 2_654_435_761 % CARDS) << 3,
        account_id(PARTNER, AccountKind.PARTNER_REDEEMED if points < 0 else AccountKind.PARTNER_ISSUED),
        points,
        number % 90 * 1_000,
        number * 1_000_003,
        0,
        0,
        1,
        time.time_ns() // 1_000_000,
        time.time_ns() // 1_000_000_000,
    )


class Load:
    """Keeps so many postings on their way, and counts the answers."""

    def __init__(self, shards: Shards, in_flight: int, first: int) -> None:
        self._shards = shards
        self._room = trio.Semaphore(in_flight)
        self.next = first
        self.done = 0
        self.is_over = False
        self.lost: Server | None = None
        self.codes: dict[bool, Counter[int]] = {False: Counter(), True: Counter()}
        """By whether the lost server has a part of it."""
        self.slowest_s = {False: 0.0, True: 0.0}

    def take(self, answers: Answers) -> None:
        """The committer's answers."""
        now_s = trio.current_time()
        self.done += len(answers)
        for each, outcome in answers:
            self._room.release()
            if self.lost is not None:
                is_touched = self._is_at(each, self.lost)
                self.codes[is_touched][outcome.code] += 1
                self.slowest_s[is_touched] = max(self.slowest_s[is_touched], now_s - each.submitted_at)

    def _is_at(self, each: Posting, server: Server) -> bool:
        homes = (bucket_of(number, len(self._shards)) for number in (each.terminal << 3, each.account))
        return any(self._shards[home].server == server for home in homes)

    async def submit(self, committer: Any) -> None:
        """Submit until the end; then let the committer answer what it has."""
        while not self.is_over:
            await self._room.acquire()
            committer.submit_nowait(posting(self.next))
            self.next += 1
        committer.stop()


async def postmasters(database: Database, shards: Shards) -> dict[Server | None, int]:
    """The process of each server of the books; None: of the one that the DSN names."""
    sessions: dict[Server | None, Session] = {None: database.session()}
    sessions |= {
        server: database.session(at_server(database.target, server))
        for server in {shard.server for shard in shards}
    }
    found: dict[Server | None, int] = {}
    for server, session in sessions.items():
        backend = await session.run(lambda c: c.fetchval("select pg_backend_pid()"))
        found[server] = _parent(backend)
        session.terminate()
    return found


async def prepare(owner: Database, buckets: int, *, is_citus: bool) -> Shards:
    """Open the accounts, once, in so many buckets."""
    if not await owner.run(lambda c: c.fetchval("select id from ledger.account limit 1")):
        await change_buckets(owner, PROBE, buckets, LONG_S)
        if is_citus:
            await settle(owner)
        ids = [(1 + card) << 3 for card in range(CARDS)]
        await owner.run(lambda c: c.execute(ACCOUNTS, ids, buckets), timeout_s=LONG_S)
    return await owner.run(read_shards)


async def over_tls(database: Database, shards: Shards) -> set[bool]:
    """How the servers of the books are reached."""
    asked = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    servers = {shard.server for shard in shards}
    targets = [at_server(database.target, server) for server in servers] or [database.target]
    found = set()
    for target in targets:
        with database.passing_session(target) as session:
            found.add(await session.run(lambda c: c.fetchval(asked)))
    return found


async def newest(connection: Connection) -> int:
    """The first number that nobody has used."""
    return int(await connection.fetchval("select coalesce(max(stan), 0) from ledger.journal")) * TERMINALS


class Side:
    """One ledger, and what a round on it came to."""

    def __init__(self, name: str, dsn: str, buckets: int) -> None:
        self.name, self.dsn, self.buckets = name, dsn, buckets
        self.rates: list[float] = []
        self.per_core: list[float] = []

    async def round(self, seconds: float, in_flight: int) -> None:
        """Post for so long."""
        async with open_database(self.dsn, connections_max=2) as owner:
            shards = await prepare(owner, self.buckets, is_citus=self.name == "citus")
            load = Load(shards, in_flight, await owner.run(newest, timeout_s=LONG_S))
            pids = await postmasters(owner, shards)
            committer = make_committer(owner, ShardMap(shards), on_outcomes=load.take)
            async with trio.open_nursery() as nursery:
                await nursery.start(committer.run)
                nursery.start_soon(load.submit, committer)
                await trio.sleep(WARM_UP_S)
                done, cpu_s, began = load.done, _cpu_s(pids), time.monotonic()
                await trio.sleep(seconds)
                done, cpu_s = load.done - done, _cpu_s(pids) - cpu_s
                self.rates.append(done / (time.monotonic() - began))
                self.per_core.append(done / cpu_s)
                load.is_over = True


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/status").read_text().split("PPid:")[1].split()[0])
    except OSError:
        raise CannotRun("a server of the books does not run on this machine") from None


def _cpu_s(pids: dict[Server | None, int]) -> float:
    return time.process_time() + sum(family_cpu_s(pid) for pid in set(pids.values()))


async def compare(options: argparse.Namespace) -> int:
    """Rounds on both in turn; the ratio of the medians, and of each pair."""
    sides = [Side("plain", options.plain, options.buckets), Side("citus", options.citus, options.buckets)]
    ways: set[bool] = set()
    for side in sides:
        async with open_database(side.dsn, connections_max=1) as owner:
            ways |= await over_tls(owner, await owner.run(read_shards))
    if len(ways) > 1:
        raise CannotRun("one side is over TLS and the other is not: add sslmode=disable, or turn ssl on")
    for number in range(options.rounds):
        for side in sides if number % 2 else reversed(sides):
            await side.round(options.seconds, options.in_flight)
    for side in sides:
        say(
            f"{side.name}, {side.buckets} buckets: {statistics.median(side.rates):,.0f} postings/s,"
            f" {statistics.median(side.per_core):,.0f} per second of a processor"
        )
    ratios = [b / a for a, b in zip(sides[0].per_core, sides[1].per_core, strict=True)]
    say(
        f"per processor, citus / plain: {statistics.median(ratios):.2f}"
        f" ({min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} pairs)"
    )
    return Exit.OK if statistics.median(ratios) >= options.least else Exit.MISSED


async def lose(options: argparse.Namespace) -> int:
    """Kill one worker's Postgres amid the load; status 1 if anybody else was refused."""
    async with open_database(options.citus, connections_max=2) as owner:
        shards = await prepare(owner, options.buckets, is_citus=True)
        pids = await postmasters(owner, shards)
        lost = max(server for server in pids if server is not None and pids[server] != pids[None])
        load = Load(shards, options.in_flight, await owner.run(newest, timeout_s=LONG_S))
        committer = make_committer(owner, ShardMap(shards), on_outcomes=load.take)
        async with trio.open_nursery() as nursery:
            await nursery.start(committer.run)
            nursery.start_soon(load.submit, committer)
            await trio.sleep(WARM_UP_S)
            load.lost = lost
            os.kill(pids[lost], signal.SIGKILL)
            await trio.sleep(options.seconds)
            load.is_over = True
    for is_touched, what in ((False, "the others"), (True, f"of {lost}")):
        codes = dict(sorted(load.codes[is_touched].items()))
        say(f"{what}: answers by code {codes}, the slowest after {load.slowest_s[is_touched]:.2f} s")
    refused = sum(load.codes[False][code] for code in (TRY_AGAIN, SYSTEM_ERROR))
    answered = sum(load.codes[False].values())
    say(
        f"{lost} killed under {options.in_flight} in flight: the others' {answered} answers, {refused} errors"
    )
    return Exit.MISSED if refused or not answered else Exit.OK


async def check(dsn: str) -> int:
    """Verify the books: after a lost server has come back."""
    async with open_database(dsn, connections_max=1) as owner:
        wrong = [each for each in await owner.run(verify, timeout_s=LONG_S) if each.count]
    say(f"verified: {len(wrong)} of the invariants broken")
    return Exit.MISSED if wrong else Exit.OK


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = Parser(prog="python -m bench.probes.servers", description=__doc__.split("\n")[0])
    parser.add_argument("--plain", type=dsn_option, help="owner's DSN of the books on one Postgres")
    parser.add_argument(
        "--citus", type=dsn_option, required=True, help="owner's DSN of the books at Citus' coordinator"
    )
    parser.add_argument("--buckets", type=int, default=8, help="of books that hold nothing yet (8)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of rounds (5)")
    parser.add_argument("--seconds", type=float, default=10, help="of a round, or after the kill (10)")
    parser.add_argument("--in-flight", type=int, default=2_000, help="postings on their way (2000)")
    parser.add_argument("--least", type=float, default=0.9, help="the ratio that is asked for (0.9)")
    parser.add_argument("--lose", action="store_true", help="kill one worker's Postgres on this machine")
    parser.add_argument("--check", action="store_true", help="only verify the books on Citus")
    return parser.parse_args(arguments)


async def measure(options: argparse.Namespace, _stop: trio.Event) -> int:
    """What the options ask for."""
    if options.check:
        return await check(options.citus)
    if options.lose:
        return await lose(options)
    if not options.plain:
        raise CannotRun("name the books on one Postgres as well: --plain DSN")
    return await compare(options)


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

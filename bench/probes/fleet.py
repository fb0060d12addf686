"""Worker processes that are killed in mid work and replaced, and backends that are terminated under them.

For the probes that hold the books against what workers noted. Owns the workers' lives, their orders and what
they noted. Must not know what they ask for. Invariant: no process is left.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import trio

from ledger.books.rebucket import rebucket
from ledger.books.result_codes import STAN_CONFLICT, SYSTEM_ERROR, TRY_AGAIN
from ledger.books.verify import verify
from ledger.postgres.database import Connection, Database, open_database
from ledger.postgres.embedded import embedded_postgres
from ledger.postgres.migrate import migrate
from ledger.registry.audit import Actor

PROBE: Final = Actor("bench")
WORKERS: Final = 4
CARDS: Final = 24
KILL_S: Final = (0.3, 1.2)
"""A backend is killed after a pause out of this range."""
KILLED_BEFORE_BYTES: Final = 25
"""A worker is killed before it has noted so much for each request of its share, a third of all it will."""
LOOK_S: Final = 0.005
UNDECIDED: Final = frozenset({TRY_AGAIN, SYSTEM_ERROR})
ACCOUNTS: Final = """insert into ledger.account (bucket, id)
    select ledger.bucket_of(id, $2), id from unnest($1::bigint[]) as a(id)"""


class WorkerOrder(msgspec.Struct, frozen=True):
    """What one worker does: so many operations from `first` on, of all that the run has."""

    dsn: str
    seed: int
    first: int
    last: int
    accounts: list[int]
    log: str


class Told(msgspec.Struct, array_like=True, frozen=True):
    """One line of the log: the id, the request's digest and kind, and what was answered."""

    terminal: int
    stan: int
    digest: int
    kind: int
    code: int
    transaction_id: int
    points: int
    balance: int


Compare = Callable[[Database, list[Told]], Awaitable[list[str]]]


class Torture(NamedTuple):
    """What is run: `operations` requests of `worker` (a module) over so many buckets."""

    worker: str
    operations: int
    buckets: int
    seed: int


class Result(NamedTuple):
    """What a run came to; `wrong` names each difference."""

    told: int
    conflicts: int
    undecided: int
    worker_kills: int
    backend_kills: int
    wrong: list[str]


class Fleet:
    """The workers, killed and replaced until all operations have been given out."""

    def __init__(self, torture: Torture, folder: Path, dsn: str, accounts: list[int]) -> None:
        self._worker = torture.worker
        self._folder = folder
        self._dsn = dsn
        self._accounts = accounts
        self._rng = random.Random(torture.seed)
        self._left = torture.operations
        self._share = max(torture.operations // (WORKERS * 10), 150)
        self._given = 0
        self.worker_kills = 0
        self.backend_kills = 0

    async def run(self) -> None:
        """Run the workers, several at a time; each does a share of the operations, unless it is killed."""
        async with trio.open_nursery() as nursery:
            for _ in range(WORKERS):
                nursery.start_soon(self._keep)

    async def _keep(self) -> None:
        while self._left > 0:
            share = min(self._share, self._left)
            self._left -= share
            self._given += 1
            # All workers are about the same operation, so that they use the same ids.
            first = self._given * self._share // WORKERS
            order = WorkerOrder(
                dsn=self._dsn,
                seed=self._rng.getrandbits(32),
                first=first,
                last=first + share,
                accounts=self._accounts,
                log=str(self._folder / f"told-{self._given}.log"),
            )
            await self._run_worker(order, dies=self._given % 2 == 0)

    async def _run_worker(self, order: WorkerOrder, *, dies: bool) -> None:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", self._worker], stdin=subprocess.PIPE
        )
        try:
            assert process.stdin is not None
            await process.stdin.send_all(msgspec.json.encode(order))
            await process.stdin.aclose()
            if dies:
                await self._kill_in_mid_work(process, Path(order.log), order.last - order.first)
            status = await process.wait()
            if status not in (0, -9):
                raise AssertionError(f"a worker ended with status {status}")
        finally:
            if process.returncode is None:
                process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()

    async def _kill_in_mid_work(self, process: trio.Process, log: Path, share: int) -> None:
        """Kill a worker once it has noted a part of its share, however long that takes here."""
        enough_bytes = self._rng.randrange(1, share * KILLED_BEFORE_BYTES)
        while process.returncode is None:
            if _size_bytes(log) >= enough_bytes:
                process.kill()
                self.worker_kills += 1
                return
            await trio.sleep(LOOK_S)

    async def kill_backends(self, owner: Database, done: trio.Event) -> None:
        """Terminate a busy backend of the workers now and then, until all is done."""
        while not done.is_set():
            with trio.move_on_after(self._rng.uniform(*KILL_S)):
                await done.wait()
            self.backend_kills += await owner.run(_terminate_one) or 0


def _size_bytes(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


async def _terminate_one(connection: Connection) -> int:
    found: int = await connection.fetchval(
        "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity"
        " where usename = 'cityswitch_service' and query ~ '^select (homes|places)' and state = 'active'"
        " order by random() limit 1) busy"
    )
    return found


def read_notes(folder: Path) -> Iterable[Told]:
    """Yield what all workers noted."""
    decode = msgspec.json.Decoder(Told).decode
    for log in sorted(folder.glob("told-*.log")):
        for line in log.read_bytes().split(b"\n")[:-1]:  # a killed worker may leave a line without its end
            yield decode(line)


async def differences(owner: Database, noted: list[Told]) -> list[str]:
    """Hold what was told against the journal: a final answer is what stands there, a conflict another's."""
    rows: list[Any] = await owner.run(
        lambda connection: connection.fetch(
            "select terminal, stan, digest, code, transaction_id, points, balance from ledger.journal"
        ),
        timeout_s=60,
    )
    journal = {(row["terminal"], row["stan"]): tuple(row)[2:] for row in rows}
    times = Counter((row["terminal"], row["stan"]) for row in rows)
    wrong = [f"terminal {id_[0]} stan {id_[1]} stands {n} times" for id_, n in times.items() if n > 1]
    for told in noted:
        stands = journal.get((told.terminal, told.stan))
        if told.code in UNDECIDED:
            continue
        if told.code == STAN_CONFLICT:
            if stands is not None and stands[0] == told.digest:
                wrong.append(f"{told}: a conflict with itself")
        elif stands is None:
            wrong.append(f"{told}: acknowledged, and not in the journal")
        elif stands[0] not in (None, told.digest) or stands[1:] != (
            told.code,
            told.transaction_id,
            told.points,
            told.balance,
        ):
            wrong.append(f"{told}: the journal holds {stands}")
    return wrong


async def run_workers(torture: Torture, folder: Path, compare: Compare) -> Result:
    """One run in `folder`, with a Postgres of its own."""
    async with embedded_postgres(folder / "postgres") as postgres:
        await migrate(postgres.owner_dsn)
        async with open_database(postgres.owner_dsn) as owner:
            accounts = [(1 + card) << 3 for card in range(CARDS)]
            if torture.buckets != 1:
                await owner.run(lambda connection: rebucket(connection, PROBE, torture.buckets))
            await owner.run(lambda connection: connection.execute(ACCOUNTS, accounts, torture.buckets))
            fleet = Fleet(torture, folder, postgres.service_dsn, accounts)
            async with trio.open_nursery() as nursery:
                done = trio.Event()
                nursery.start_soon(fleet.kill_backends, owner, done)
                await fleet.run()
                done.set()
            wrong = [
                f"{finding.invariant}: {finding.count}, e.g. {finding.example}"
                for finding in await owner.run(verify, timeout_s=300)
                if finding.count
            ]
            noted = list(read_notes(folder))
            wrong += await compare(owner, noted)
    codes = Counter(told.code for told in noted)
    return Result(
        len(noted),
        codes[STAN_CONFLICT],
        sum(codes[code] for code in UNDECIDED),
        fleet.worker_kills,
        fleet.backend_kills,
        wrong,
    )

"""Whether the last use of a quota is had once, whatever is done to the workers: races, kills, lost lines.

    .venv/bin/python -m bench.probes.last_use --races 1000 --buckets 1 8

For each number of buckets: several worker processes race for the last uses of quotas of a card and of the
whole programme. Meanwhile workers are killed (SIGKILL) and replaced, in mid batch and in the midst of moving
shares, and backends of Postgres are terminated. Afterwards the books are verified, every outcome that a
worker noted is held against the journal, and for each quota: used = approved less undone, never over the
limit, and where there are no shares never under it while somebody was refused.

Owns the method. Must not know how a quota is kept. Invariant: no process is left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import trio

from bench.command import Exit, run
from bench.local_switch import say
from bench.probes.fleet import WORKERS, Result, Told, Torture, differences, run_workers
from bench.probes.last_use_worker import CONTENDERS, is_wide, uses_allowed
from ledger.books.posting import Kind
from ledger.books.result_codes import QUOTA_USED_UP
from ledger.books.shares import move_shares
from ledger.books.verify import verify
from ledger.postgres.database import Connection, Database

JOURNAL = """
select j.stan - 1 as race, j.code, v.stan is not null as is_undone from ledger.journal j
  left join ledger.reversal v
    on v.bucket = j.bucket and v.terminal = j.terminal and v.original_stan = j.stan
  where j.kind = $1"""
USED = "select quota as race, -sum(balance)::int as used from ledger.quota group by quota"


class Judge:
    """Holds the quotas against the journal, and counts what was given away and what was left over."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets
        self.races = 0
        self.approved = 0
        self.left_over = 0
        """Wide quotas with something left in one bucket although somebody was refused in another."""

    async def differences(self, owner: Database, noted: list[Told]) -> list[str]:
        """What is wrong, one line each."""
        wrong = await differences(owner, noted)
        await owner.run(move_shares, timeout_s=60)
        wrong += [
            f"after the last move: {finding.invariant}: {finding.example}"
            for finding in await owner.run(verify, timeout_s=300)
            if finding.count
        ]
        return wrong + await owner.run(self._judge, timeout_s=60)

    async def _judge(self, connection: Connection) -> list[str]:
        rows: list[Any] = await connection.fetch(JOURNAL, int(Kind.BENEFIT_USE))
        used = {row["race"]: row["used"] for row in await connection.fetch(USED)}
        approved = Counter(row["race"] for row in rows if row["code"] == 0)
        undone = Counter(row["race"] for row in rows if row["is_undone"] and row["code"] == 0)
        refused = Counter(row["race"] for row in rows if row["code"] == QUOTA_USED_UP)
        wrong = []
        self.races, self.approved = len(approved), approved.total()
        for race in used.keys() | approved.keys() | refused.keys():
            limit, count = uses_allowed(race), approved[race] - undone[race]
            if used.get(race, 0) != count:
                wrong.append(f"quota {race}: {used.get(race, 0)} used, {count} approved and not undone")
            if count > limit:
                wrong.append(f"quota {race}: {count} used of {limit}")
            if refused[race] and approved[race] < limit:
                if is_wide(race) and self._buckets > 1:
                    self.left_over += 1
                else:
                    wrong.append(f"quota {race}: {refused[race]} refused, {approved[race]} used of {limit}")
        return wrong


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.probes.last_use", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--races", type=int, default=1_000, help="quotas raced for in a run (1000)")
    parser.add_argument("--buckets", type=int, nargs="+", default=[1, 8], help="a run each (1 8)")
    parser.add_argument("--seed", type=int, default=1, help="of kills (1)")
    return parser.parse_args(arguments)


async def torture(folder: Path, races: int, buckets: int, seed: int) -> tuple[Result, Judge]:
    """One run in `folder`, with a Postgres of its own: every request is sent by about four workers."""
    judge = Judge(buckets)
    orders = Torture("bench.probes.last_use_worker", races * CONTENDERS * WORKERS, buckets, seed)
    return await run_workers(orders, folder, judge.differences), judge


async def measure(options: argparse.Namespace, stop: trio.Event) -> int:
    """Run once for each number of buckets; status 1 if anything was wrong."""
    status = Exit.OK
    for buckets in options.buckets:
        if stop.is_set():
            return Exit.INTERRUPTED
        with tempfile.TemporaryDirectory(prefix="last-use-") as folder:
            result, judge = await torture(Path(folder), options.races, buckets, options.seed)
        say(
            f"{buckets} buckets, seed {options.seed}: {judge.races} races, {judge.approved} approved,"
            f" {judge.left_over} wide ones with some left in another bucket, {result.told} noted,"
            f" {result.undecided} undecided, {result.worker_kills} workers and {result.backend_kills}"
            f" backends killed: wrong = {len(result.wrong)}"
        )
        for line in result.wrong[:20]:
            say(f"  {line}")
        if result.wrong:
            status = Exit.MISSED
    return status


if __name__ == "__main__":
    _options = parse()
    sys.exit(run(lambda stop: measure(_options, stop)))

"""pgbench on the stage's database: the same purchase as one server-side function, one transaction a request.

Owns pgbench's command line and the reading of its answer. Must not know the other lanes. The function and the
script are in `peers/`. Invariant: every client is a terminal of its own and no STAN is used twice.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Final, NamedTuple

import trio

from bench.throughput.driver import DriverFailed
from ledger.books.transaction_ids import first_id
from ledger.postgres.database import Database
from ledger.postgres.embedded import DATABASE, OWNER, EmbeddedPostgres
from ledger.postgres.embedded_launcher import find_binaries

PEERS: Final = Path(__file__).parents[1] / "peers"
CLIENTS: Final = 16
TERMINAL_FIRST: Final = 50_000_001
RUN_S_MARGIN: Final = 60.0


class PgbenchRun(NamedTuple):
    """What pgbench said, and the CPU seconds it took itself."""

    transactions: int
    rate_per_s: float
    cpu_s: float


async def prepare_pgbench(owner: Database) -> None:
    """Make the function."""
    text = (PEERS / "post_one.sql").read_text()
    await owner.run(lambda connection: connection.execute(text))


def command(postgres: EmbeddedPostgres, accounts: int, stan_first: int, seconds: float) -> list[str]:
    """Return the command line; accounts are numbered 8, 16, … by the import of a fresh city."""
    now_ms = int(time.time() * 1_000)
    variables = {
        "accounts": accounts,
        "terminal_first": TERMINAL_FIRST,
        "stan_first": stan_first,
        "now_ms": now_ms,
        "time_s": now_ms // 1_000,
        "id_first": first_id(now_ms),
        "turn": 0,
    }
    words = [str(find_binaries()[0].bin / "pgbench"), "--no-vacuum", "--protocol=prepared"]
    words += [f"--client={CLIENTS}", "--jobs=1", f"--time={max(1, round(seconds))}"]
    words += [f"--file={PEERS / 'post_one.pgbench'}", f"--host={postgres.socket_directory}"]
    words += [f"--username={OWNER}"]
    words += [word for name, value in variables.items() for word in ("--define", f"{name}={value}")]
    return [*words, DATABASE]


def read_answer(text: str) -> tuple[int, float]:
    """Return transactions and rate from what pgbench printed. Raises `DriverFailed`."""
    done = re.search(r"transactions actually processed: (\d+)", text)
    rate = re.search(r"tps = ([0-9.]+) \(without initial connection time\)", text)
    failed = re.search(r"number of failed transactions: (\d+)", text)
    if done is None or rate is None or (failed is not None and int(failed[1])):
        raise DriverFailed(f"pgbench failed: {text.strip()[:300]}")
    return int(done[1]), float(rate[1])


async def run_pgbench(
    postgres: EmbeddedPostgres, accounts: int, stan_first: int, seconds: float
) -> PgbenchRun:
    """Run it for about `seconds`. Raises `DriverFailed`."""
    words = command(postgres, accounts, stan_first, seconds)
    return await trio.to_thread.run_sync(_run, words, seconds + RUN_S_MARGIN)


def _run(words: list[str], seconds_max: float) -> PgbenchRun:
    before = os.times()
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds_max)
    except subprocess.TimeoutExpired:
        raise DriverFailed(f"pgbench did not end within {seconds_max:g} s") from None
    after = os.times()
    transactions, rate_per_s = read_answer(done.stdout + done.stderr)
    # No other child of ours ends while a lane runs, so what the ended ones took is pgbench's.
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return PgbenchRun(transactions, rate_per_s, cpu_s)

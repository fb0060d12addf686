"""A command of its own process, killed in its midst."""

import os
import signal
import sys
from pathlib import Path

import trio

from ledger.postgres.database import open_database
from tests.patience import HANG_S
from tests.switch.test_worker import Running


async def run_and_kill(
    running: Running, dsn: str, key: Path, words: list[str], done: str, *, last: str
) -> int:
    """Run a command until the query `done` counts something, kill it with -9, and return what it counted.

    `last`: a query for the last row the command comes to. The row is locked: whoever is slow to look still
    finds the command in its midst.
    """
    line = [sys.executable, "-m", "ops.cli", *words, "--reason", "test"]
    line += ["--dsn", dsn, "--master-key-file", str(key), "--state-dir", str(key.parent / "state")]
    async with open_database(dsn) as beside:
        holder = beside.session()
        with trio.fail_after(HANG_S):
            await holder.run(lambda c: c.execute(f"begin; {last} for update"))
            process = await trio.lowlevel.open_process(line)
            while not (count := await running.owner.run(lambda c: c.fetchval(done))):
                assert process.poll() is None, "it ended before it was killed"
                await trio.sleep(0.002)
            os.kill(process.pid, signal.SIGKILL)
            assert await process.wait() == -signal.SIGKILL
            await holder.run(lambda c: c.execute("rollback"))
    return int(count)

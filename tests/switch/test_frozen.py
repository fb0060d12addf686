"""Workers that stand still: noticed, killed, replaced; and never older than their supervisor."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import trio

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from protocol import Earn
from switch.config import Config
from switch.process.lines import EXIT_CRASHED, Beat, Lines, WorkerOrder
from switch.process.supervisor import serve, serving
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import seed
from tests.switch.memory import CARD
from tests.switch.test_supervisor import connect, gone, make_config

BLOCKED = """
import sys, time
from switch.process import worker_process

class Blocked:
    def __init__(self, *_, **__): pass
    def reload(self, _): pass
    async def run(self, *_):
        worker_process._say(worker_process.WorkerReady(0, "blocked"))
        time.sleep(3_600)

worker_process.Worker = Blocked
worker_process.ORPHAN_S_MAX = 0.1
sys.exit(worker_process.main())
"""
"""A worker whose event loop stands still once it is ready."""


async def test_a_frozen_worker_is_replaced(fresh: FreshDatabase, owner: Database, tmp_path: Path) -> None:
    """A worker that says nothing any more is killed and another one serves; the log says so."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    config = msgspec.structs.replace(make_config(fresh, tmp_path, 1), worker_silent_s=2)
    async with serving(config, ready_s_max=HANG_S) as running:
        (frozen,) = running.pids
        os.kill(frozen, signal.SIGSTOP)
        with trio.fail_after(HANG_S):
            await gone(frozen)
            # What takes its place may be slow.
            running._supervisor.reload(msgspec.structs.replace(config, worker_silent_s=HANG_S))
            while True:
                try:
                    line = await connect(running, 1)
                    break
                except OSError:
                    await trio.sleep(0.05)
        assert running.pids != (frozen,)
        assert (
            await line.ask(Earn(stan=1, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))
        ).code == 0
        await line.stream.aclose()


async def test_a_drain_that_needed_a_kill_is_no_clean_end(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """A worker that cannot drain is killed, and the exit status says so."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    config = msgspec.structs.replace(make_config(fresh, tmp_path, 2), worker_silent_s=2)
    stop, statuses = trio.Event(), []
    async with trio.open_nursery() as nursery:

        def freeze_and_stop(_: object) -> None:
            worker = min(children_of_this_process())
            os.kill(worker, signal.SIGSTOP)
            stop.set()

        async def run() -> None:
            statuses.append(await serve(config, stop, on_ready=freeze_and_stop))

        nursery.start_soon(run)
    assert statuses == [EXIT_CRASHED]


def children_of_this_process() -> list[int]:
    pids = []
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"switch.process.worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                pids.append(int(child))
    return pids


async def test_an_orphan_that_stands_still_ends_itself(tmp_path: Path) -> None:
    """The supervisor is gone and the worker's event loop blocked: the process ends all the same."""
    MasterKey.create(tmp_path / "master.key")
    pipe = subprocess.PIPE
    process = await trio.lowlevel.open_process([sys.executable, "-c", BLOCKED], stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    order = msgspec.json.encode(WorkerOrder(0, Config(state_dir=str(tmp_path))))
    async with process.stdin, process.stdout:
        await process.stdin.send_all(order + b"\n")
        with trio.fail_after(HANG_S):
            while b"blocked" not in bytes(await process.stdout.receive_some()):
                pass
            await process.stdin.aclose()
            assert await process.wait() == EXIT_CRASHED


def test_lines_are_put_together_and_one_without_end_is_dropped() -> None:
    """Bytes come in any pieces; a line nobody ends costs a bounded amount of memory."""
    lines = Lines()
    said = msgspec.json.encode(Beat()) + b"\n"
    got = [line for byte in said * 2 for line in lines.feed(bytes([byte]))]
    assert got == [said[:-1], said[:-1]]
    assert list(lines.feed(b"x" * 100_000)) == []
    assert list(lines.feed(b"\n" + said)) == [b"", said[:-1]]

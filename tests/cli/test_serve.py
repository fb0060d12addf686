"""`cityswitch serve` as an operator runs it: a process, its signals and its exit status."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import trio

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from ops.place.running import RunningNote, read_note
from protocol import Earn
from tests.entries import SWIPED
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import seed
from tests.switch.memory import CARD, Line


def start(fresh: FreshDatabase, state: Path, stderr: int, *options: str) -> subprocess.Popen[bytes]:
    """Start `cityswitch serve` on free ports, its DSN in the environment as its unit has it."""
    ports = options or ["--listen-port", "0", "--http-port", "0"]
    command = [sys.executable, "-m", "ops.cli", "serve", "--state-dir", str(state), *ports]
    return subprocess.Popen(command, stderr=stderr, env={**os.environ, "CITYSWITCH_DSN": fresh.service_dsn})


async def until_serving(state: Path, process: subprocess.Popen[bytes]) -> RunningNote:
    with trio.fail_after(HANG_S):
        while (note := read_note(state)) is None or note.pid != process.pid:
            assert process.poll() is None
            await trio.sleep(0.02)
    return note


async def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end; return the exit status."""
    return await trio.to_thread.run_sync(process.wait, HANG_S)


def workers(process: subprocess.Popen[bytes]) -> list[int]:
    return [
        int(child)
        for task in Path(f"/proc/{process.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]


async def sell(note: RunningNote, stan: int) -> int:
    """One sale by terminal 1, over a new connection; return its result code."""
    async with await trio.open_tcp_stream(note.host, note.port) as stream:
        line = Line(stream, 1)
        assert await line.sign_in()
        return (await line.ask(Earn(stan=stan, terminal_time=0, card=CARD, entry=SWIPED, amount=1_000))).code


async def test_a_full_disk_under_the_log_ends_nothing(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """The log's disk is full: a dead worker is started again, sales post, SIGTERM drains with status 0."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    full = os.open("/dev/full", os.O_WRONLY)
    with start(fresh, tmp_path, full) as process:
        os.close(full)
        try:
            note = await until_serving(tmp_path, process)
            assert await sell(note, 1) == 0
            (first,) = workers(process)
            os.kill(first, signal.SIGKILL)
            with trio.fail_after(HANG_S):
                while True:
                    try:
                        assert await sell(note, 2) == 0
                        break
                    except (OSError, AssertionError, trio.BrokenResourceError):  # it dies just now
                        await trio.sleep(0.05)
            assert workers(process) != [first]
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == 0
        finally:
            process.kill()


async def test_a_new_start_takes_over_from_one_that_was_killed(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """kill -9 of the supervisor, and its worker still holds the ports: the new start waits, then serves."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    log_path = tmp_path / "serve.log"
    with log_path.open("wb") as log, start(fresh, tmp_path, log.fileno()) as first:
        try:
            note = await until_serving(tmp_path, first)
            (worker,) = workers(first)
            os.kill(worker, signal.SIGSTOP)
        finally:
            first.kill()
    http_port = note.http[0].rpartition(":")[2]
    ports = ("--listen-port", str(note.port), "--http-port", http_port)
    with log_path.open("wb") as log, start(fresh, tmp_path, log.fileno(), *ports) as second:
        try:
            with trio.fail_after(HANG_S):
                while b"waiting_for_port" not in log_path.read_bytes():
                    assert second.poll() is None, log_path.read_text()
                    await trio.sleep(0.02)
            os.kill(worker, signal.SIGCONT)
            assert (await until_serving(tmp_path, second)).port == note.port
            assert await sell(note, 1) == 0
            second.send_signal(signal.SIGTERM)
            assert await ended(second) == 0
        finally:
            second.kill()


async def test_sighup_reads_settings_again_and_ends_nothing(
    fresh: FreshDatabase, owner: Database, tmp_path: Path
) -> None:
    """SIGHUP: the log says what has changed and what needs a restart; a bad file changes nothing."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    settings, log_path = tmp_path / "cityswitch.toml", tmp_path / "serve.log"
    settings.write_text("idle_s = 100\n")
    options = ("--listen-port", "0", "--http-port", "0", "--config", str(settings))

    async def until_logged(text: str) -> None:
        with trio.fail_after(HANG_S):
            while text not in log_path.read_text():
                assert process.poll() is None, log_path.read_text()
                await trio.sleep(0.02)

    with log_path.open("wb") as log, start(fresh, tmp_path, log.fileno(), *options) as process:
        try:
            note = await until_serving(tmp_path, process)
            settings.write_text("idle_s = 50\nworkers = 2\n")
            process.send_signal(signal.SIGHUP)
            await until_logged('"changed":{"idle_s":50.0},"need_restart":["workers"]')
            settings.write_text("idle_s = -1\n")
            process.send_signal(signal.SIGHUP)
            await until_logged('"event":"not_reloaded"')
            assert await sell(note, 1) == 0
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == 0
        finally:
            process.kill()

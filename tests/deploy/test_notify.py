"""What systemd is told, heard on a real datagram socket: ready, reloading, stopping, all alive."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from ledger.postgres.database import Database
from ledger.registry.secrets import MasterKey
from ops.place.running import read_note
from switch.process.notify import SILENT, Notifier, watch
from tests.cli.test_serve import ended
from tests.patience import HANG_S
from tests.postgres import FreshDatabase
from tests.switch.city import http_get, seed


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.heard: list[str] = []

    async def until(self, text: str) -> list[str]:
        """Hear until a message has a line; return the lines heard since the last call, this one the last."""
        self.heard = []
        with trio.fail_after(HANG_S):
            while True:
                data = await trio.to_thread.run_sync(self.socket.recv, 4_096, abandon_on_cancel=True)
                for line in data.decode().split("\n"):
                    self.heard.append(line)
                    if line.startswith(text):
                        return self.heard


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager that listens."""
    made = Manager(str(tmp_path / "notify"))
    with made.socket:
        yield made


@contextmanager
def serving(fresh: FreshDatabase, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`cityswitch serve` with two workers, as systemd would start it."""
    environment = {**os.environ, "NOTIFY_SOCKET": str(state / "notify"), "WATCHDOG_USEC": "1000000"}
    settings = state / "cityswitch.toml"
    settings.write_text("workers = 2\nworker_silent_s = 600\nlisten_port = 0\nhttp_port = 0\n")
    command = [sys.executable, "-m", "ops.cli", "serve", "--config", str(settings)]
    command += ["--dsn", fresh.service_dsn, "--state-dir", str(state)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


async def until_ready(address: str) -> None:
    """Wait until a worker says that it is ready: it is not while Postgres is slow to answer."""
    with trio.fail_after(HANG_S):
        while (await http_get(address, "/readyz"))[0] != 200:  # noqa: ASYNC110 - another process'
            await trio.sleep(0.05)


async def test_a_unit_s_life_is_told(
    fresh: FreshDatabase, owner: Database, tmp_path: Path, manager: Manager
) -> None:
    """READY when both workers serve; no WATCHDOG while one stands still; RELOADING, STOPPING, status 0."""
    await seed(owner, MasterKey.create(tmp_path / "master.key"))
    with serving(fresh, tmp_path) as process:
        before = await manager.until("READY=1")
        assert before == ["READY=1"]
        note = read_note(tmp_path)
        assert note is not None
        assert len(note.http) == 2
        for address in note.http:
            await until_ready(address)
        await manager.until("STATUS=2 workers serve 127.0.0.1:")
        await manager.until("WATCHDOG=1")
        second = note.pids[1]
        assert second is not None
        os.kill(second, signal.SIGSTOP)
        await manager.until("STATUS=worker 1 says nothing")
        process.send_signal(signal.SIGHUP)
        reloading = await manager.until("READY=1")
        os.kill(second, signal.SIGCONT)
        silent = [*reloading, *await manager.until("STATUS=2 workers serve")]
        assert "WATCHDOG=1" not in silent
        assert "RELOADING=1" in reloading
        await manager.until("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        await manager.until("STOPPING=1")
        assert await ended(process) == 0


async def test_the_watchdog_is_fed_only_while_all_is_alive(
    manager: Manager, tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Not before it serves, not while somebody is silent; three times in an interval otherwise."""
    notifier = Notifier(str(tmp_path / "notify"), watchdog_s=3.0)
    silent, serving_now = "", ""
    manager.socket.setblocking(False)

    def heard() -> list[str]:
        found = []
        try:
            while True:
                found.append(manager.socket.recv(4_096).decode())
        except BlockingIOError:
            return found

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch, notifier, lambda: silent, lambda: serving_now)
        await trio.sleep(10.5)
        assert heard() == []
        serving_now = "all serve"
        await trio.sleep(3)
        assert heard() == ["STATUS=all serve", *["WATCHDOG=1"] * 3]
        silent = "worker 1 says nothing"
        await trio.sleep(60)
        assert heard() == ["STATUS=worker 1 says nothing"]
        silent = ""
        await trio.sleep(1)
        assert heard() == ["STATUS=all serve", "WATCHDOG=1"]
        nursery.cancel_scope.cancel()


def test_what_the_manager_gave_is_taken_out_of_the_environment() -> None:
    """No worker tells anything; a watchdog that is meant for another process is none of ours."""
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "6000000", "PATH": "/bin"}
    notifier = Notifier.of(environment)
    assert environment == {"PATH": "/bin"}
    assert (notifier.is_heard, notifier.has_watchdog, notifier.look_s) == (True, True, 1.0)
    others = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"}
    assert not Notifier.of(others).has_watchdog
    assert Notifier.of({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "300000"}).look_s == pytest.approx(0.1)
    assert not Notifier.of({"WATCHDOG_USEC": "300000"}).is_heard


def test_nobody_who_listens_is_no_harm(tmp_path: Path) -> None:
    """Without a manager, or with one that is gone, nothing is told and nothing fails."""
    assert not SILENT.is_heard
    SILENT.tell(READY=1)
    gone = Notifier(str(tmp_path / "gone"))
    assert gone.is_heard
    gone.tell(READY=1)
    assert list(tmp_path.iterdir()) == []


def test_an_abstract_name_is_understood() -> None:
    """NOTIFY_SOCKET may begin with @: a name that is no file."""
    name = f"cityswitch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + name)
        Notifier("@" + name).tell(READY=1, STATUS="all well")
        assert listening.recv(4_096) == b"READY=1\nSTATUS=all well"

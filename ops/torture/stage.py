"""What is tortured: Postgres, the switch as an operator starts it, and lines that can be broken between them.

Owns the folder, the processes and who starts them again: what systemd does on a real machine, this does here,
at once. Every process is known by its number. Must not know why one ends, nor what the terminals do.

Invariants: only loopback and Unix sockets are listened on; when the block is left no process of ours is; only
processes that were started here are ever signalled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from ledger.errors import LedgerError
from ledger.postgres.database import open_database
from ledger.postgres.embedded import EmbeddedPostgres, embedded_postgres
from ledger.postgres.embedded_launcher import SOCKET_FILE
from ops.monitoring.drill.hands import children_of, signal_all
from ops.monitoring.prometheus import free_port
from ops.place.running import read_note
from ops.torture.papers import Papers
from ops.torture.place import Clock, Disk, small_disk
from ops.torture.plan import Plan, populations
from simulators.city.seeding import seed_city
from switch.config import Config
from switch.process.installation import prepare

ROOT: Final = Path(__file__).resolve().parents[2]
READY_S_MAX: Final = 60.0
STOP_S_MAX: Final = 40.0
POLL_S: Final = 0.02
NICE: Final = 5
"""The switch gives way to the terminals, so that what is in flight waits in it and not before it."""
POSTGRES: Final = {"max_wal_size": "1GB", "max_connections": "120"}


class StageError(Exception):
    """What is to be tortured did not come up; one readable line."""


class Proxy:
    """A line that can be broken, by a process of its own."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process

    async def order(self, *words: str | int) -> None:
        """Tell it what to do, and wait until it does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        await self._process.stdin.send_all((" ".join(map(str, words)) + "\n").encode())
        await self._process.stdout.receive_some(1)


class Serve:
    """One `cityswitch serve`: its state directory and its process."""

    def __init__(self, state: Path, process: trio.Process) -> None:
        self.state, self.process = state, process

    @property
    def is_serving(self) -> bool:
        """Whether it has said that all its workers serve."""
        note = read_note(self.state)
        return note is not None and note.pid == self.process.pid


class Stage:
    """The tortured switch. `serve` and `postgres` are the ones that run now."""

    def __init__(self, plan: Plan, folder: Path, disk: Disk, nursery: trio.Nursery) -> None:
        self.plan, self.folder, self.disk = plan, folder, disk
        self.clock = Clock(folder)
        self.papers = Papers(folder)
        self.port = free_port()
        self.line_port = free_port()
        self.postgres: EmbeddedPostgres
        self.line: Proxy
        self.store: Proxy
        self.serve: Serve
        self.restarts = 0
        self._nursery = nursery
        self._serves = 0
        self.has_postgres = False
        self._is_ending = False

    @property
    def address(self) -> str:
        """Where the terminals connect."""
        return f"{'tls' if self.plan.tls else 'tcp'}://127.0.0.1:{self.line_port}"

    @property
    def master_key(self) -> Path:
        """The installation's master key."""
        return self.folder / "master.key"

    @property
    def supervisor(self) -> int:
        """The process of `cityswitch serve`."""
        return self.serve.process.pid

    @property
    def workers(self) -> list[int]:
        """The processes of the workers that live, the oldest first."""
        return sorted(children_of(self.supervisor), key=_started)

    def between(self) -> int:
        """Return how many lines have bytes that wait outside of the switch: not come yet, or not taken."""
        waiting = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, near, far, _, queues, *_ = line.split()
            ports = int(near[-4:], 16), int(far[-4:], 16)
            is_ours = self.line_port in ports or ports[1] == self.port
            waiting += is_ours and not queues.endswith("00000000")
        return waiting

    def backends(self) -> list[int]:
        """The processes of Postgres that serve the switch."""
        found = []
        for pid in children_of(self.postgres.pid):
            try:
                title = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if b"cityswitch_service" in title:
                found.append(pid)
        return found

    # Postgres

    async def keep_postgres(self) -> None:
        """Run Postgres, and start it again as soon as it has ended."""
        while True:
            try:
                async with embedded_postgres(self.disk.path / "postgres", settings=POSTGRES) as server:
                    self.postgres = server
                    self.has_postgres = True
                    while is_alive(server.pid):  # noqa: ASYNC110 another process ends without a word
                        await trio.sleep(POLL_S)
                    self.has_postgres = False
            except LedgerError:
                await trio.sleep(POLL_S)
            self.restarts += 1

    async def sql(self, statement: str, *values: object) -> Any:
        """Run a statement as the owner; return the first value of its first row."""
        name = "cityswitch torture"
        async with open_database(self.postgres.owner_dsn, connections_max=1, application_name=name) as owner:
            return await owner.run(lambda connection: connection.fetchval(statement, *values))

    async def seed(self) -> None:
        """Make the installation and its three cities."""
        while not self.has_postgres:  # noqa: ASYNC110 it comes and goes
            await trio.sleep(POLL_S)
        config = Config(state_dir=str(self.folder / "state"), master_key_file=str(self.master_key))
        master = (await prepare(config, self.postgres.owner_dsn)).master_key
        async with open_database(self.postgres.owner_dsn, connections_max=1) as owner:
            for population in populations(self.plan):
                await seed_city(owner, population, master)

    # Lines

    async def open_lines(self) -> None:
        """Put a line that can be broken between terminals and switch, and between switch and Postgres."""
        folder = self.folder / "line"
        folder.mkdir(mode=0o700)
        line = (f"127.0.0.1:{self.line_port}", f"127.0.0.1:{self.port}")
        store = (str(folder / SOCKET_FILE), str(self.postgres.socket_directory / SOCKET_FILE))
        self.line = await self._proxy(*line, 0)
        self.store = await self._proxy(*store, self.plan.far_ms)

    async def _proxy(self, listen: str, target: str, far_ms: int) -> Proxy:
        command = [sys.executable, "-m", "ops.torture.proxy", listen, target, str(far_ms)]
        pipe = subprocess.PIPE
        run = partial(trio.run_process, command, stdin=pipe, stdout=pipe, cwd=ROOT, check=False)
        return Proxy(await self._nursery.start(run))

    # The switch

    async def start_switch(self) -> None:
        """Start `cityswitch serve`, keep it, and wait until every worker serves."""
        self.serve = await self._open()
        self._nursery.start_soon(self._keep, self.serve)
        await self.wait_serving(self.serve)

    async def wait_serving(self, serve: Serve) -> None:
        """Wait until a switch says that it serves."""
        with trio.move_on_after(READY_S_MAX):
            while not serve.is_serving:  # noqa: ASYNC110 another process knows
                await trio.sleep(POLL_S)
            return
        raise StageError(f"the switch did not come up: {(self.folder / 'switch.log')} says why")

    async def upgrade(self) -> int:
        """Start a switch beside the one that serves, drain the older one, and return its status."""
        older, newer = self.serve, await self._open()
        try:
            await self.wait_serving(newer)
        except BaseException:
            signal_all([newer.process.pid, *children_of(newer.process.pid)], signal.SIGKILL)
            raise
        self.serve = newer
        self._nursery.start_soon(self._keep, newer)
        older.process.terminate()
        with trio.move_on_after(STOP_S_MAX):
            return await older.process.wait()
        older.process.kill()
        return await older.process.wait()

    async def _keep(self, serve: Serve) -> None:
        """Start a switch again that ended by itself or was killed."""
        await serve.process.wait()
        if self.serve is serve and not self._is_ending:
            self.restarts += 1
            self.serve = await self._open(serve.state)
            self._nursery.start_soon(self._keep, self.serve)

    async def _open(self, state: Path | None = None) -> Serve:
        if state is None:
            self._serves += 1
            state = self.folder / f"serve-{self._serves}"
            state.mkdir()
        settings = self._settings(state)
        command = ["nice", "-n", str(NICE), sys.executable, "-m", "ops.cli", "serve"]
        with (self.folder / "switch.log").open("ab") as log:
            process = await trio.lowlevel.open_process(
                [*command, "--config", str(settings)],
                cwd=self.plan.switch_root or ROOT,
                env={**os.environ, **self.clock.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return Serve(state, process)

    def _settings(self, state: Path) -> Path:
        told: dict[str, object] = {
            "listen_host": "127.0.0.1",
            "listen_port": self.port,
            "port_shared": True,
            "http_host": "127.0.0.1",
            "http_port": 0,
            "workers": self.plan.workers,
            "dsn": self.postgres.service_dsn.partition("?")[0] + f"?host={self.folder / 'line'}",
            "state_dir": str(state),
            "master_key_file": str(self.master_key),
            "tls": "on" if self.plan.tls else "off",
            "tls_certificate": str(self.papers.certificate) if self.plan.tls else "",
            "tls_key": str(self.papers.key) if self.plan.tls else "",
            "log_level": "warning",
        }
        if self.plan.held_ms:  # a switch that is patient, so that what is held is in flight and not put off
            told |= {"give_up_ms": 20 * self.plan.held_ms, "shed_after_ms": 20 * self.plan.held_ms}
        file = state / "cityswitch.toml"
        file.write_text(
            "".join(f"{name} = {msgspec.json.encode(value).decode()}\n" for name, value in told.items())
        )
        return file

    async def stop_switch(self) -> None:
        """Drain it; what does not end is killed."""
        self._is_ending = True
        process = self.serve.process
        if process.returncode is None:
            process.terminate()
            with trio.move_on_after(STOP_S_MAX):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()

    async def command(self, *words: str) -> str:
        """Run a command of the operator as the owner; return what it printed. Raises StageError."""
        line = [sys.executable, "-m", "ops.cli", *words, "--dsn", self.postgres.owner_dsn]
        run = partial(trio.run_process, [*line, "--master-key-file", str(self.master_key)], cwd=ROOT)
        done = await run(capture_stdout=True, capture_stderr=True, check=False)
        if done.returncode:
            raise StageError(f"{' '.join(words[:3])}: {done.stderr.decode().strip()}")
        return done.stdout.decode()


@asynccontextmanager
async def staged(plan: Plan, folder: Path) -> AsyncIterator[Stage]:
    """Run a switch with three cities in a new folder for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(small_disk(folder, plan.disk_gib))
        async with trio.open_nursery() as nursery:
            stage = Stage(plan, folder, disk, nursery)
            nursery.start_soon(stage.keep_postgres)
            await stage.seed()
            await stage.open_lines()
            await stage.start_switch()
            try:
                yield stage
            finally:
                with trio.CancelScope(shield=True):
                    await stage.stop_switch()
                nursery.cancel_scope.cancel()


def is_alive(pid: int) -> bool:
    """Return whether a child of ours runs: one that has ended and was not waited for does not."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return False


def _started(pid: int) -> int:
    """When a process began, in ticks of the machine."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0


__all__: Sequence[str] = ("Stage", "StageError", "is_alive", "staged")

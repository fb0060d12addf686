"""N worker processes on one port: starts them, restarts a dead one, drains them all.

Owns child processes and the reservation of the port. A worker gets its settings as one JSON line on its
standard input, which then stays open: when this process dies, in whatever way, the workers read the end of it
and drain by themselves. Must not know transactions. Invariants: when `serve` returns, or the block of
`serving` is left in whatever way, no worker is left.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import IO

import msgspec
import structlog
import trio

from switch.config import Config
from switch.wire.listener import PortInUse

log = structlog.get_logger()

RESTART_FIRST_S = 0.5
RESTART_MAX_S = 10.0
KILL_MARGIN_S = 10.0
READY_S_MAX = 60.0
EXIT_CONFIGURATION, EXIT_PORT_IN_USE = 3, 5
FINAL_EXITS = frozenset({EXIT_CONFIGURATION, EXIT_PORT_IN_USE})
"""Exits a restart cannot mend: the supervisor gives up with the same status."""


class SwitchFailed(Exception):
    """The switch of a `serving` block did not come up, or ended by itself; `status` is its exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Running(msgspec.Struct, frozen=True):
    """Where a ready switch listens: the terminals' port and each worker's HTTP address."""

    host: str
    port: int
    http: list[str]


class WorkerOrder(msgspec.Struct, frozen=True):
    """The line a worker reads first."""

    worker: int
    config: Config


class WorkerReady(msgspec.Struct, frozen=True):
    """The line a worker prints when it serves."""

    worker: int
    http: str


def reserve_port(host: str, port: int) -> socket.socket:
    """Bind the terminals' port without listening, so that it stays ours while workers come and go.

    Port 0 takes any free one. Raises `PortInUse`, also when another switch shares the port by SO_REUSEPORT.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
        reserved = socket.socket(family, socket.SOCK_STREAM)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError as error:
        raise PortInUse(
            f"cannot listen on {host}:{port}: {error.strerror or error}."
            " Stop what holds it, or choose another port with --listen-port."
        ) from None
    return reserved


class Supervisor:
    """Keeps `config.workers` workers running until told to stop."""

    def __init__(
        self, config: Config, on_ready: Callable[[Running], None], log_file: IO[bytes] | None = None
    ) -> None:
        self._config = config
        self._on_ready = on_ready
        self._log_file = log_file
        self._http: dict[int, str] = {}
        self._pids: dict[int, int] = {}
        self._stopping = trio.Event()
        self._status = 0

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that live now, in the order of their numbers."""
        return tuple(pid for _, pid in sorted(self._pids.items()))

    async def run(self, stop: trio.Event) -> int:
        """Run until `stop` is set; return the exit status (0 after a clean drain)."""
        config = self._config
        with reserve_port(config.listen_host, config.listen_port) as reserved:
            port = int(reserved.getsockname()[1])
            self._config = msgspec.structs.replace(config, listen_port=port)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._wait_stop, stop)
                async with trio.open_nursery() as keepers:
                    for worker in range(config.workers):
                        keepers.start_soon(self._keep, worker)
                nursery.cancel_scope.cancel()
        return self._status

    async def _wait_stop(self, stop: trio.Event) -> None:
        await stop.wait()
        self._stopping.set()

    def _worker_ready(self, ready: WorkerReady) -> None:
        first = len(self._http) < self._config.workers
        self._http[ready.worker] = ready.http
        if first and len(self._http) == self._config.workers:
            http = [self._http[worker] for worker in range(self._config.workers)]
            running = Running(self._config.listen_host, self._config.listen_port, http)
            self._on_ready(running)
            log.info("serving", host=running.host, port=running.port, http=http)

    async def _keep(self, worker: int) -> None:
        """Start a worker again and again, with growing pauses while it dies young."""
        pause_s = RESTART_FIRST_S
        while not self._stopping.is_set():
            started_at = trio.current_time()
            status = await self._run_once(worker)
            if self._stopping.is_set():
                self._status = self._status or max(status, 0)
                return
            if status in FINAL_EXITS:
                self._status = status
                self._stopping.set()
                return
            log.error("worker_died", worker=worker, status=status, restart_in_s=pause_s)
            with trio.move_on_after(pause_s):
                await self._stopping.wait()
            young = trio.current_time() - started_at < RESTART_MAX_S
            pause_s = min(pause_s * 2, RESTART_MAX_S) if young else RESTART_FIRST_S

    async def _run_once(self, worker: int) -> int:
        """Run one worker process to its end; return its exit status (negative: the signal that ended it)."""
        command = [sys.executable, "-m", "switch.process.worker"]
        process = await trio.lowlevel.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
            start_new_session=True,  # Ctrl-C at the terminal is for us: we drain the workers when it is time
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._pids[worker] = process.pid
        order = WorkerOrder(worker, self._config)
        try:
            with trio.CancelScope(shield=True):
                await process.stdin.send_all(msgspec.json.encode(order) + b"\n")
        except trio.BrokenResourceError:
            log.debug("worker_died_at_once", worker=worker)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_ready, process)
            nursery.start_soon(self._stop_process, process)
            try:
                status = await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    with trio.CancelScope(shield=True):
                        await process.wait()
                del self._pids[worker]
                await process.stdin.aclose()
            nursery.cancel_scope.cancel()
        return status

    async def _read_ready(self, process: trio.Process) -> None:
        assert process.stdout is not None
        line = b""
        async for chunk in process.stdout:
            line += chunk
            if b"\n" in line:
                self._worker_ready(msgspec.json.decode(line.partition(b"\n")[0], type=WorkerReady))
                line = b""

    async def _stop_process(self, process: trio.Process) -> None:
        await self._stopping.wait()
        process.send_signal(signal.SIGTERM)
        await trio.sleep(self._config.drain_s + self._config.write_s + KILL_MARGIN_S)
        log.error("worker_killed", pid=process.pid)
        process.kill()


async def serve(
    config: Config,
    stop: trio.Event,
    *,
    on_ready: Callable[[Running], None] = lambda _: None,
    log_file: IO[bytes] | None = None,
) -> int:
    """Serve with `config.workers` processes until `stop`; return the exit status.

    `on_ready` is called once, when every worker serves. The workers' logs go to `log_file`, else to our
    standard error. Raises `PortInUse`.
    """
    return await Supervisor(config, on_ready, log_file).run(stop)


class Switch:
    """A switch that runs for a block: where it listens, and its processes."""

    def __init__(self, running: Running, supervisor: Supervisor) -> None:
        self.host = running.host
        self.port = running.port
        self.http = running.http
        self._supervisor = supervisor

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that live now, in the order of their numbers."""
        return self._supervisor.pids


class _Task:
    """The supervisor as a task beside a block; shielded, for workers drain even when all is cancelled."""

    def __init__(self, config: Config, log_file: IO[bytes] | None) -> None:
        self.supervisor = Supervisor(config, self._on_ready, log_file)
        self.stop, self.decided = trio.Event(), trio.Event()
        self.running: Running | None = None
        self.status: int | None = None
        self.error: Exception | None = None

    async def run(self, block: trio.CancelScope) -> None:
        with trio.CancelScope(shield=True):
            try:
                self.status = await self.supervisor.run(self.stop)
            except Exception as error:  # raised where the block is
                self.error = error
        self.decided.set()
        if not self.stop.is_set():
            block.cancel()

    def _on_ready(self, running: Running) -> None:
        self.running = running
        self.decided.set()

    def failure(self) -> Exception | None:
        """Return what to raise where the block has ended without an error of its own."""
        if self.error is None and self.status:
            return SwitchFailed(f"the switch ended with status {self.status}: see its log", self.status)
        return self.error


@asynccontextmanager
async def serving(
    config: Config, *, log_file: IO[bytes] | None = None, ready_s_max: float = READY_S_MAX
) -> AsyncIterator[Switch]:
    """Serve `config` for as long as the block lasts: it begins when every worker serves.

    Leaving it drains the switch. Raises `PortInUse`, or `SwitchFailed` when the switch does not come up in
    time, ends by itself (the block is cancelled then) or does not drain cleanly.
    """
    failure: Exception | None = None
    block = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        task = _Task(config, log_file)
        nursery.start_soon(task.run, block)
        try:
            with trio.move_on_after(ready_s_max):
                await task.decided.wait()
            if task.running is not None:
                with block:
                    yield Switch(task.running, task.supervisor)
            elif not task.decided.is_set():
                failure = SwitchFailed(f"the switch was not ready within {ready_s_max:g} s: see its log", 70)
        except Exception as error:  # carried around the nursery, which would wrap it into a group
            failure = error
        finally:
            task.stop.set()
    if failure := failure or task.failure():
        raise failure

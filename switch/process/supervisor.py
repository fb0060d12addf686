"""N worker processes on one port: starts them, restarts one that is dead or stands still, drains them all.

Owns how many children there are (child.py has each) and the reservation of the port. When this process dies,
in whatever way, the workers read the end of their input and end by themselves. Must not know transactions.
Invariants: when `serve` returns, or the block of `serving` is left in whatever way, no worker is left; the
exit status is 0 only if every worker drained.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import IO

import msgspec
import structlog
import trio

from switch.config import Changes, Config
from switch.logs import configure_logs
from switch.process.checks import check_start, warn_of_certificate
from switch.process.child import Child
from switch.process.lines import (
    EXIT_CONFIGURATION,
    EXIT_CRASHED,
    EXIT_PORT_IN_USE,
    FINAL_EXITS,
    WorkerOrder,
    WorkerReady,
)
from switch.process.notify import SILENT, Notifier, watch
from switch.process.ports import bind_patiently, reserve_port

log = structlog.get_logger()

RESTART_FIRST_S = 0.5
RESTART_MAX_S = 10.0
READY_S_MAX = 60.0


class SwitchFailed(Exception):
    """The switch of a `serving` block did not come up, or ended by itself; `status` is its exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Running(msgspec.Struct, frozen=True):
    """Where a ready switch listens: the terminals' port and each worker's HTTP address; and each worker's
    process, None: there is none just now.
    """

    host: str
    port: int
    http: list[str]
    pids: list[int | None]


class Supervisor:
    """Keeps `config.workers` workers running until told to stop."""

    def __init__(
        self,
        config: Config,
        on_ready: Callable[[Running], None],
        log_file: IO[bytes] | None = None,
        port_wait_s: float = 0.0,
        notifier: Notifier = SILENT,
    ) -> None:
        self._config = config
        self._notifier = notifier
        self._where = ""
        self._port_wait_s = port_wait_s
        self._on_ready = on_ready
        self._log_file = log_file
        self._http: dict[int, str] = {}
        self._children: dict[int, Child] = {}
        self._stopping = trio.Event()
        self._status = 0

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes that live now, in the order of their numbers."""
        pids = (self._children[worker].pid for worker in sorted(self._children))
        return tuple(pid for pid in pids if pid is not None)

    @property
    def http(self) -> list[str]:
        """Where each worker's pages are now, in the order of their numbers."""
        return [self._http[worker] for worker in sorted(self._http)]

    def reload(self, config: Config) -> Changes:
        """Take over other settings as far as a running switch can; return what became of them, and log it.

        The certificate is read anew in any case. Raises `ConfigError` where it cannot be used; then nothing
        has changed.
        """
        self._notifier.tell(RELOADING=1)
        try:
            return self._reload(config)
        finally:
            self._notifier.tell(READY=1)

    def _reload(self, config: Config) -> Changes:
        warn_of_certificate(config)
        if not config.listen_port:  # any free one: we have one
            config = msgspec.structs.replace(config, listen_port=self._config.listen_port)
        changes = self._config.adopt(config)
        if "log_level" in changes.taken:
            configure_logs(self._config.log_level)
        for child in self._children.values():
            child.tell_settings()
        log.info("reloaded", changed=changes.taken, need_restart=changes.need_restart)
        return changes

    async def run(self, stop: trio.Event) -> int:
        """Run until `stop` is set; return the exit status (0 after a clean drain).

        Raises `PortInUse`, `ConfigError`, `SecretsError` or OSError before anything listens.
        """
        config = self._config
        check_start(config)
        reserve = partial(reserve_port, config.listen_host, config.listen_port, is_shared=config.port_shared)
        with await bind_patiently(reserve, self._port_wait_s) as reserved:
            port = int(reserved.getsockname()[1])
            self._config = msgspec.structs.replace(config, listen_port=port)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._wait_stop, stop)
                nursery.start_soon(watch, self._notifier, self._silent, lambda: self._where)
                async with trio.open_nursery() as keepers:
                    for worker in range(config.workers):
                        keepers.start_soon(self._keep, worker)
                nursery.cancel_scope.cancel()
        return self._status

    async def _wait_stop(self, stop: trio.Event) -> None:
        await stop.wait()
        self._where = "draining"
        self._notifier.tell(STOPPING=1, STATUS=self._where)
        self._stopping.set()

    def _silent(self) -> str:
        """Who says nothing, although it should."""
        silent = [str(worker) for worker, child in sorted(self._children.items()) if child.is_silent]
        return f"worker {', '.join(silent)} says nothing" if silent and not self._stopping.is_set() else ""

    def _worker_ready(self, ready: WorkerReady) -> None:
        has_moved = self._http.get(ready.worker) != ready.http
        self._http[ready.worker] = ready.http
        if has_moved and len(self._http) == self._config.workers:
            self._tell_running()
            host, port = self._config.listen_host, self._config.listen_port
            self._where = f"{self._config.workers} workers serve {host}:{port}"
            self._notifier.tell(READY=1, STATUS=self._where)
            log.info("serving", host=host, port=port, http=self.http)

    def _tell_running(self) -> None:
        """Say where the switch listens and by which processes, once every worker has served."""
        if len(self._http) == self._config.workers:
            pids = [self._children[worker].pid for worker in sorted(self._children)]
            self._on_ready(Running(self._config.listen_host, self._config.listen_port, self.http, pids))

    async def _keep(self, worker: int) -> None:
        """Start a worker again and again, with growing pauses while it dies young."""
        pause_s, restarts = RESTART_FIRST_S, 0
        while not self._stopping.is_set():
            started_at = trio.current_time()
            order = WorkerOrder(worker, self._config, self._port_wait_s, restarts)
            child = self._children[worker] = Child(
                order, self._tell_running, self._worker_ready, self._log_file
            )
            status = await child.run(self._stopping)
            if self._stopping.is_set():
                self._status = self._status or status
                return
            if status in FINAL_EXITS:
                self._status = status
                self._stopping.set()
                return
            if status == 0:  # somebody had it drained, and wants another in its place
                log.info("worker_drained", worker=worker, restart_in_s=pause_s)
            else:
                restarts += 1
                log.error("worker_died", worker=worker, status=child.returncode, restart_in_s=pause_s)
            with trio.move_on_after(pause_s):
                await self._stopping.wait()
            young = trio.current_time() - started_at < RESTART_MAX_S
            pause_s = min(pause_s * 2, RESTART_MAX_S) if young else RESTART_FIRST_S


async def serve(
    config: Config,
    stop: trio.Event,
    *,
    on_ready: Callable[[Running], None] = lambda _: None,
    log_file: IO[bytes] | None = None,
    port_wait_s: float = 0.0,
) -> int:
    """Serve with `config.workers` processes until `stop`; return the exit status: 0 after a clean drain.

    `on_ready` is called when every worker serves, and again when one has another process or came back at
    another address. The workers' logs go to `log_file`, else to our standard error. `port_wait_s` is how long
    to wait for ports that are taken. Raises `PortInUse`.
    """
    return await Supervisor(config, on_ready, log_file, port_wait_s).run(stop)


class Switch:
    """A switch that runs for a block: where it listens, and its processes."""

    def __init__(self, running: Running, supervisor: Supervisor) -> None:
        self.host = running.host
        self.port = running.port
        self._supervisor = supervisor

    @property
    def http(self) -> list[str]:
        """Where each worker's pages are now: a worker that is started again may get another port."""
        return self._supervisor.http

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
                failure = SwitchFailed(
                    f"the switch was not ready within {ready_s_max:g} s: see its log", EXIT_CRASHED
                )
        except Exception as error:  # carried around the nursery, which would wrap it into a group
            failure = error
        finally:
            task.stop.set()
    if failure := failure or task.failure():
        raise failure


__all__ = [
    "EXIT_CONFIGURATION",
    "EXIT_PORT_IN_USE",
    "Running",
    "Supervisor",
    "Switch",
    "SwitchFailed",
    "WorkerReady",
    "reserve_port",
    "serve",
    "serving",
]

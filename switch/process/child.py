"""One worker process, as the supervisor sees it: started, listened to, ended.

Owns the process from its start to its end. Must not know why it is wanted. Invariants: a worker that says
nothing for `worker_silent_s` is killed, for an event loop that stands still answers nobody; when `run`
returns or is cancelled, the process is gone.
"""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO, Final

import msgspec
import structlog
import trio

from switch.process.lines import BEAT_S, EXIT_CRASHED, Beat, Lines, WorkerOrder, WorkerReady

log = structlog.get_logger()

FIRST_WORD_S_MAX: Final = 60.0
"""From the start of the process to its first line: Python and its modules, on a busy machine."""
KILL_MARGIN_S: Final = 10.0
MISSED_BEATS: Final = 3


class Child:
    """A worker process. `on_start` is called when there is one, `on_ready` when it serves."""

    def __init__(
        self,
        order: WorkerOrder,
        on_start: Callable[[], None],
        on_ready: Callable[[WorkerReady], None],
        log_file: IO[bytes] | None,
    ) -> None:
        self._order = order
        self._on_start = on_start
        self._on_ready = on_ready
        self._log_file = log_file
        self._process: trio.Process | None = None
        self._has_news = trio.Event()
        self._was_killed = False
        self._heard_at = -math.inf

    @property
    def pid(self) -> int | None:
        """The process, while it lives."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def returncode(self) -> int | None:
        """How the process ended, negative by a signal; None before."""
        return self._process.returncode if self._process is not None else None

    @property
    def is_silent(self) -> bool:
        """Whether the process has missed some beats: it is starting, dead, or its event loop stands still."""
        return trio.current_time() - self._heard_at > MISSED_BEATS * BEAT_S

    def tell_settings(self) -> None:
        """Send the order's settings, which have changed, to the process."""
        self._has_news.set()

    async def run(self, stopping: trio.Event) -> int:
        """Run the process to its end, which it is told to come to at `stopping`; return its exit status.

        One that had to be killed, or was, has crashed, whatever else it did.
        """
        self._process = process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "switch.process.worker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log_file,
            start_new_session=True,  # Ctrl-C at the terminal is for us: we drain the workers when it is time
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._on_start()
        async with process.stdin, process.stdout, trio.open_nursery() as nursery:
            try:
                nursery.start_soon(self._order_work, process.stdin)
                nursery.start_soon(self._listen, process.stdout)
                nursery.start_soon(self._stop, process, stopping)
                status = await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    with trio.CancelScope(shield=True):
                        await process.wait()
            nursery.cancel_scope.cancel()
        if status == -signal.SIGTERM:  # before it could have taken anything: later SIGTERM drains
            return 0
        return EXIT_CRASHED if self._was_killed or status < 0 else status

    async def _order_work(self, stdin: trio.abc.SendStream) -> None:
        """Send the order, and the settings again whenever they change."""
        try:
            await stdin.send_all(msgspec.json.encode(self._order) + b"\n")
            while True:
                await self._has_news.wait()
                self._has_news = trio.Event()
                await stdin.send_all(msgspec.json.encode(self._order.config) + b"\n")
        except trio.BrokenResourceError:
            log.debug("worker_died", worker=self._order.worker)

    async def _listen(self, stdout: trio.abc.ReceiveStream) -> None:
        """Read the worker's lines for as long as it says something."""
        lines, patience_s = Lines(), FIRST_WORD_S_MAX
        while True:
            with trio.move_on_after(patience_s) as scope:
                data = bytes(await stdout.receive_some())  # what has come while we slept counts
            if scope.cancelled_caught:
                log.error("worker_silent", worker=self._order.worker, pid=self.pid, silent_s=patience_s)
                self._kill()
                return
            if not data:
                return
            patience_s = self._order.config.worker_silent_s
            self._heard_at = trio.current_time()
            for line in lines.feed(data):
                self._heard(line)

    def _heard(self, line: bytes) -> None:
        try:
            said = msgspec.json.decode(line, type=WorkerReady | Beat)
        except msgspec.DecodeError:
            log.warning("worker_said", worker=self._order.worker, text=line.decode(errors="replace"))
            return
        if isinstance(said, WorkerReady):
            self._on_ready(said)

    async def _stop(self, process: trio.Process, stopping: trio.Event) -> None:
        await stopping.wait()
        process.send_signal(signal.SIGTERM)
        config = self._order.config
        await trio.sleep(config.drain_s + config.write_s + KILL_MARGIN_S)
        log.error(
            "worker_killed", worker=self._order.worker, pid=self.pid, problem="it did not drain in time"
        )
        self._kill()

    def _kill(self) -> None:
        assert self._process is not None
        self._was_killed = True
        self._process.kill()

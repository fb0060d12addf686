"""The process of a worker: its order, its signals, its supervisor's pipe, its heartbeat and its exit status.

Owns standard input and output. Must not know what a worker does. Invariants: the worker says every `BEAT_S`
that its event loop turns; when the supervisor is gone, in whatever way, the process drains and is gone within
`ORPHAN_S_MAX`, also if its event loop stands still.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import structlog
import trio

from ledger.errors import DatabaseMisconfigured, SecretsError
from ledger.registry.secrets import MasterKey
from switch.config import Config, ConfigError
from switch.logs import FLUSH_S_MAX, configure_logs, log_whole_process
from switch.logs import writer as log_writer
from switch.process.descriptors import raise_descriptor_limit
from switch.process.lines import (
    BEAT_S,
    EXIT_CONFIGURATION,
    EXIT_CRASHED,
    EXIT_PORT_IN_USE,
    ORPHAN_S_MAX,
    Beat,
    Lines,
    WorkerOrder,
    WorkerReady,
)
from switch.process.priority import SHORTEST_NS, set_slice
from switch.process.worker import Worker
from switch.wire.listener import PortInUse

log = structlog.get_logger()

STDIN, STDOUT = 0, 1


async def run_worker(order: WorkerOrder, words: Iterator[bytes]) -> int:
    """Run one worker until SIGTERM, SIGINT or the end of `words`; return its exit status."""
    stop = trio.Event()
    raise_descriptor_limit()
    set_slice(SHORTEST_NS)  # it wakes often and is soon done: behind another's slice all its terminals wait
    os.set_blocking(STDOUT, False)  # a supervisor that stands still must not make us stand still
    status = 0
    try:
        master_key = MasterKey.load(order.config.master_key_path)
        worker = Worker(
            order.config,
            order.worker,
            master_key,
            port_wait_s=order.port_wait_s,
            restarts=order.restarts,
        )
        _watch_supervisor(words, trio.lowlevel.current_trio_token(), stop.set, worker.reload)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch_signals, stop)
            nursery.start_soon(_beat)
            await worker.run(stop, _ready)
            nursery.cancel_scope.cancel()
    except* PortInUse as group:
        status = _fail(group, EXIT_PORT_IN_USE)
    except* (DatabaseMisconfigured, SecretsError, ConfigError) as group:
        status = _fail(group, EXIT_CONFIGURATION)
    return status


def _fail(group: BaseExceptionGroup[BaseException], status: int) -> int:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    log.error("cannot_serve", problem=str(error))
    return status


def _ready(line: WorkerReady) -> None:
    """The registry is in memory: a collection that walked its millions of cards would stop us for as long."""
    gc.collect()
    gc.freeze()
    _say(line)


def _say(line: WorkerReady | Beat) -> None:
    with contextlib.suppress(OSError):  # nobody reads: then nobody waits for it either
        os.write(STDOUT, msgspec.json.encode(line) + b"\n")


async def _beat() -> None:
    while True:
        _say(Beat())
        await trio.sleep(BEAT_S)


async def _watch_signals(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            stop.set()


def _words() -> Iterator[bytes]:
    """The supervisor's lines, as they come, to the end of standard input."""
    lines = Lines()
    while data := os.read(STDIN, 65_536):
        yield from lines.feed(data)


def _watch_supervisor(
    words: Iterator[bytes],
    token: trio.lowlevel.TrioToken,
    stop: Callable[[], None],
    reload: Callable[[Config], None],
) -> None:
    """Read the supervisor's lines in a thread, which also ends a process whose event loop stands still."""

    def watch() -> None:
        with contextlib.suppress(trio.RunFinishedError):
            for word in words:
                try:
                    token.run_sync_soon(reload, msgspec.json.decode(word, type=Config))
                except msgspec.DecodeError as error:
                    log.error("supervisor_said", problem=str(error))
            token.run_sync_soon(stop)
        time.sleep(ORPHAN_S_MAX)
        log.error("orphan_ended", problem=f"not drained {ORPHAN_S_MAX:g} s after the supervisor's end")
        log_writer.flush(FLUSH_S_MAX)
        os._exit(EXIT_CRASHED)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()


def main() -> int:
    """Entry of a worker process: read the order from standard input and serve."""
    words = _words()
    line = next(words, None)
    if line is None:  # the supervisor has gone already
        return EXIT_CRASHED
    order = msgspec.json.decode(line, type=WorkerOrder)
    configure_logs(order.config.log_level, worker=order.worker)
    log_whole_process()
    try:
        return trio.run(run_worker, order, words)
    except Exception as error:  # the process' boundary
        log.critical("worker_crashed", exc_info=error)
        return EXIT_CRASHED


if __name__ == "__main__":
    sys.exit(main())

"""The way of a log line out of the process: a bounded queue, and one thread that writes.

Owns the descriptor of the log. Must not know what a line says. Invariants: `write` never waits and never
raises, whatever becomes of the log (a full disk, a reader that is gone, one that does not read); what could
not be written is counted, and told in the log itself once it takes lines again; a line torn by a full disk is
ended before the next one begins.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

LINES_WAITING_MAX: Final = 2_000


class LogWriter:
    """Writes lines to a file descriptor. `notice` makes the line that tells of `count` lost ones."""

    def __init__(self, descriptor: int, notice: Callable[[int], bytes]) -> None:
        self._descriptor = descriptor
        self._notice = notice
        self._queue: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._overflown = 0
        self._told = 0
        self._is_torn = False

    @property
    def dropped(self) -> int:
        """Lines that were not written, since the start."""
        return self._lost + self._overflown

    def write(self, line: bytes) -> None:
        """Take a line (without its end). Full: it is dropped."""
        if self._queue.qsize() >= LINES_WAITING_MAX or not self._is_running():
            self._overflown += 1
        else:
            self._queue.put(line)

    def lose(self) -> None:
        """Count a line that could not even be made."""
        self._overflown += 1

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was taken so far is written or lost; False after `timeout_s`."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._queue.put(done)
        return done.wait(timeout_s)

    def _is_running(self) -> bool:
        """Whether there is a thread; it is started with the first line."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="log", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # as many threads as there may be, or the interpreter is ending
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
            elif self._put(item) and (count := self.dropped - self._told):
                self._told += count
                self._put(self._notice(count))

    def _put(self, line: bytes) -> bool:
        data = memoryview(b"\n" * self._is_torn + line + b"\n")
        while data:
            try:
                written = os.write(self._descriptor, data)
            except BlockingIOError:  # whoever shares the descriptor has made it so
                select.select((), (self._descriptor,), ())
            except OSError:
                self._lost += 1
                return False
            else:
                data = data[written:]
                self._is_torn = bool(data)
        return True

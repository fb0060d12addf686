"""What trio serves in a thread of its own, for tests that run without it: those that drive a browser.

Owns the thread, its beginning and its end. Must not know what is served. Invariant: what fails before it
serves is raised to whoever began it, and no thread is left behind.
"""

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import trio

S = TypeVar("S", bound="TrioThread")


class TrioThread(ABC):
    """Serves what `serve` opens, from its `yield` on until it is told to end."""

    def __init__(self) -> None:
        self._started: queue.Queue[BaseException | None] = queue.Queue()
        self._token: trio.lowlevel.TrioToken
        self._ended: trio.Event

    @abstractmethod
    def serve(self) -> AsyncGenerator[None, None]:
        """Open what is to be served, yield once, close it."""

    @contextmanager
    def running(self: S) -> Iterator[S]:
        thread = threading.Thread(target=self._run, name=f"{type(self).__name__} for tests")
        thread.start()
        error = self._started.get()
        try:
            if error is not None:
                raise error
            yield self
        finally:
            if error is None:
                trio.from_thread.run_sync(self._ended.set, trio_token=self._token)
            thread.join()

    def call(self, function: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
        """Run an async function where it is served from; from another thread."""
        return trio.from_thread.run(function, *arguments, trio_token=self._token)

    def _run(self) -> None:
        try:
            trio.run(self._serve)
        except BaseException as error:  # handed to the thread of the tests, which raises it
            self._started.put(error)

    async def _serve(self) -> None:
        self._token, self._ended = trio.lowlevel.current_trio_token(), trio.Event()
        async with asynccontextmanager(self.serve)():
            self._started.put(None)
            await self._ended.wait()

"""Who watches: each with a line of messages of its own, bounded; and how they are told (server-sent events).

Owns the viewers and the event stream (HTML Living Standard, section 9.2). Must not know what is told.
Invariants: at most `viewers_max` watch; telling never waits: a viewer whose line is full does not read,
and is dropped; when the board ends, so do all streams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

VIEWERS_MAX: Final = 20
LINE_MAX: Final = 8
"""So many messages wait for a viewer that is behind: as many seconds."""
AGAIN_MS: Final = 2_000
FULL_AGAIN_MS: Final = 30_000


def event(name: str, data: bytes, *, again_ms: int | None = None) -> bytes:
    """Return one event; `data` is a line. `again_ms`: how soon to come again when the stream ends."""
    retry = b"" if again_ms is None else b"retry: %d\n" % again_ms
    return b"%sevent: %s\ndata: %s\n\n" % (retry, name.encode(), data)


class Viewer:
    """One who watches, in a language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._send, self.messages = trio.open_memory_channel[bytes](LINE_MAX)

    def tell(self, message: bytes) -> bool:
        """Add a message to the line; False if it is full."""
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            return False
        return True

    def end(self) -> None:
        """Let the stream end when it has sent what waits."""
        self._send.close()


class Viewers:
    """All who watch."""

    def __init__(self, viewers_max: int = VIEWERS_MAX) -> None:
        self._viewers_max = viewers_max
        self._viewers: set[Viewer] = set()
        self.dropped = 0
        """How many did not read, ever."""

    def __len__(self) -> int:
        return len(self._viewers)

    def languages(self) -> set[str]:
        """Return the languages that anybody watches in."""
        return {viewer.language for viewer in self._viewers}

    @contextmanager
    def watching(self, language: str) -> Iterator[Viewer | None]:
        """Have a viewer for as long as the block lasts; None where there are too many."""
        if len(self._viewers) >= self._viewers_max:
            yield None
            return
        viewer = Viewer(language)
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)
            viewer.end()

    def tell(self, language: str, message: bytes) -> None:
        """Tell all who watch in a language; whoever does not read is dropped."""
        for viewer in [each for each in self._viewers if each.language == language]:
            if not viewer.tell(message):
                self.dropped += 1
                self._viewers.discard(viewer)
                viewer.end()

    def end(self) -> None:
        """End all streams."""
        for viewer in self._viewers:
            viewer.end()
        self._viewers.clear()


class EventStream(Response):
    """The answer to one who watches."""

    def __init__(self, viewers: Viewers, language: str, greet: Callable[[], bytes], full: bytes) -> None:
        super().__init__(media_type="text/event-stream")
        self._viewers = viewers
        self._language = language
        self._greet = greet
        self._full = full

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side ends."""
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with self._viewers.watching(self._language) as viewer:
            if viewer is None:
                await send({"type": "http.response.body", "body": self._full})
                return
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
                await send({"type": "http.response.body", "body": self._greet(), "more_body": True})
                async for message in viewer.messages:
                    await send({"type": "http.response.body", "body": message, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
                nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()

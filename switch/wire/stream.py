"""Connections over an ordinary trio stream: memory streams, and machines without epoll.

Owns one reader and one writer task per connection. Same `Transport` calls as the pump, so nothing else in the
switch knows the difference. Invariant: both tasks end when the connection is closed.
"""

from __future__ import annotations

import trio

from switch.flow.connection import Connection
from switch.wire.hub import Hub

READ_BYTES_MAX = 8_192


class StreamTransport:
    """Carries one connection over a `trio.abc.Stream`."""

    def __init__(self, hub: Hub, stream: trio.abc.Stream) -> None:
        self._hub = hub
        self._stream = stream
        self._to_write = trio.Event()
        self._to_read = trio.Event()
        self._scope = trio.CancelScope()

    async def run(self, connection: Connection) -> None:
        """Serve the connection until it is closed. Closing the stream is the caller's."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, connection)
                await self._read(connection)

    async def _read(self, connection: Connection) -> None:
        while not connection.closed:
            await self._to_read.wait()
            await self._hub.wait_room()
            if connection.may_take:
                self._hub.take_waiting(connection, trio.current_time())
                await trio.lowlevel.checkpoint()
            elif connection.may_read:
                try:
                    data = await self._stream.receive_some(READ_BYTES_MAX)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._hub.lost(connection, "peer_closed")
                    return
                self._hub.bytes_received(connection, bytes(data), trio.current_time())

    async def _write(self, connection: Connection) -> None:
        while True:
            await self._to_write.wait()
            self._to_write = trio.Event()
            while connection.outbox:
                chunk = bytes(connection.outbox[:READ_BYTES_MAX])
                try:
                    await self._stream.send_all(chunk)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self._hub.lost(connection, "write_error")
                    return
                del connection.outbox[: len(chunk)]
            self._hub.written(connection)

    def flush(self, connection: Connection) -> bool:
        """Wake the writer; it tells when all has been taken."""
        if connection.outbox:
            self._to_write.set()
            return False
        return True

    def watch(self, connection: Connection) -> None:
        """Let the reader go on, or wait; a read that waits already is still served."""
        if connection.may_read or connection.may_take:
            self._to_read.set()
        elif self._to_read.is_set():
            self._to_read = trio.Event()

    def drop(self, connection: Connection) -> None:
        """End both tasks, and so `run`."""
        self._scope.cancel()

"""A middlebox between a worker and its Postgres: passes bytes on, until it silently forgets the connections.

What it has forgotten stays open at both ends, and nothing that is sent arrives: no reset, no end.
"""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from ledger.postgres.embedded import SERVICE, EmbeddedPostgres

SOCKET = ".s.PGSQL.5432"


class Middlebox:
    """Passes connections on to a server's socket."""

    def __init__(self, directory: Path, server: EmbeddedPostgres) -> None:
        self._directory = directory
        self._server = server
        self._forgotten = trio.Event()
        self.connections = 0

    def dsn(self, database: str) -> str:
        """The service's way to a database through this box."""
        return f"postgresql://{SERVICE}@/{database}?host={self._directory}"

    def forget(self) -> None:
        """Of the connections there are now, nothing arrives any more; new ones are passed on."""
        self._forgotten.set()
        self._forgotten = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        listening = trio.socket.socket(trio.socket.AF_UNIX, trio.socket.SOCK_STREAM)
        with listening:
            await listening.bind(str(self._directory / SOCKET))
            listening.listen()
            task_status.started()
            async with trio.open_nursery() as nursery:
                while True:
                    client, _ = await listening.accept()
                    self.connections += 1
                    nursery.start_soon(self._pass_on, trio.SocketStream(client), self._forgotten)

    async def _pass_on(self, client: trio.SocketStream, forgotten: trio.Event) -> None:
        server = await trio.open_unix_socket(str(self._server.socket_directory / SOCKET))
        async with client, server, trio.open_nursery() as nursery:
            scope = nursery.cancel_scope
            nursery.start_soon(_copy, client, server, scope)
            nursery.start_soon(_copy, server, client, scope)
            await forgotten.wait()
            scope.cancel()
            with trio.CancelScope(shield=True):
                await self._swallow(client)

    async def _swallow(self, client: trio.SocketStream) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            while await client.receive_some(65_536):
                pass


async def _copy(source: trio.SocketStream, sink: trio.SocketStream, scope: trio.CancelScope) -> None:
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await source.receive_some(65_536):
            await sink.send_all(data)
    scope.cancel()


@asynccontextmanager
async def middlebox(directory: Path, server: EmbeddedPostgres) -> AsyncIterator[Middlebox]:
    """Run one, with its socket in `directory`."""
    async with trio.open_nursery() as nursery:
        box = Middlebox(directory, server)
        await nursery.start(box.run)
        yield box
        nursery.cancel_scope.cancel()

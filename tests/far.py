"""Postgres at the end of a long line: what it answers arrives in rounds, and rounds can be counted.

A round brings all answers there are, once nobody has anything left to ask: so many round trips one after
another does something take, however far away the server is. Connections are what a test makes of `dsn`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import trio
import trio.testing

_FLUSH = b"H\x00\x00\x00\x04"
_ENDS = {True: b"TnE", False: b"Z"}
"""By what message an answer ends: RowDescription, NoData or an error where the question ends with Flush, as
that of a statement that is prepared does; else ReadyForQuery.
"""
CUSHION_S = 0.005


class FarLine:
    """One connection: whether the server owes an answer, and what it has said that has not arrived."""

    def __init__(self, near: trio.SocketStream, server: trio.SocketStream) -> None:
        self.near, self.server = near, server
        self.is_owed = False
        self.held = b""
        self._ends = b""

    def ask(self, asked: bytes) -> None:
        """Something is asked."""
        self.is_owed, self._ends = True, _ENDS[asked.endswith(_FLUSH)]

    def hold(self, said: bytes) -> bool:
        """Something is said; whether that is all."""
        self.held += said
        at, last = 0, b""
        while at < len(self.held):
            last = self.held[at : at + 1]
            at += 1 + int.from_bytes(self.held[at + 1 : at + 5], "big")
        if at == len(self.held) and last in self._ends and self.is_owed:
            self.is_owed = False
            return True
        return False


class FarPostgres:
    """The server; `answers` and `rounds` count from its start."""

    def __init__(self, dsn: str, directory: Path) -> None:
        parts = urlsplit(dsn)
        self._target = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self._place = directory / ".s.PGSQL.5432"
        self.dsn = parts._replace(query=f"host={directory}").geturl()
        self.answers = self.rounds = 0
        self._lines: list[FarLine] = []

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled."""
        with trio.socket.socket(trio.socket.AF_UNIX) as listener:
            await listener.bind(str(self._place))
            listener.listen()
            task_status.started()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._bring)
                while True:
                    near, _ = await listener.accept()
                    nursery.start_soon(self._carry, trio.SocketStream(near))

    async def _carry(self, near: trio.SocketStream) -> None:
        async with near, await trio.open_unix_socket(self._target) as server:
            line = FarLine(near, server)
            self._lines.append(line)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._hold, line, nursery.cancel_scope)
                with suppress(trio.BrokenResourceError):
                    async for asked in near:
                        line.ask(asked)
                        await server.send_all(asked)
                nursery.cancel_scope.cancel()
            self._lines.remove(line)

    async def _hold(self, line: FarLine, scope: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError):
            async for said in line.server:
                self.answers += line.hold(said)
        scope.cancel()

    async def _bring(self) -> None:
        while True:
            await trio.testing.wait_all_tasks_blocked(CUSHION_S)
            if any(line.is_owed for line in self._lines) or not any(line.held for line in self._lines):
                await trio.sleep(CUSHION_S)
                continue
            self.rounds += 1
            for line in list(self._lines):
                said, line.held = line.held, b""
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    await line.near.send_all(said)


@asynccontextmanager
async def far_postgres(dsn: str, directory: Path) -> AsyncIterator[FarPostgres]:
    """Put a server far away for as long as the block lasts; `directory` for its socket."""
    far = FarPostgres(dsn, directory)
    async with trio.open_nursery() as nursery:
        await nursery.start(far.run)
        yield far
        nursery.cancel_scope.cancel()

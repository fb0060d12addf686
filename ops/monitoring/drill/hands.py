"""What a fault is made with: programs run and ended, processes stopped, sessions of Postgres held open.

Owns the ending of whatever it starts. Must not know alerts. Invariant: only processes that the drill itself
started are signalled.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

STOP_S_MAX: Final = 40.0
SAID: Final = b"held\n"


def children_of(pid: int) -> list[int]:
    """Return the processes that a process, any thread of it, has started and that live, by their numbers."""
    lists = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return sorted(int(child) for found in lists for child in found.split())


def signal_all(pids: Sequence[int], number: int) -> None:
    """Send a signal to each; one that is gone needs none."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


@asynccontextmanager
async def frozen(pids: Sequence[int]) -> AsyncIterator[None]:
    """Hold processes still for as long as the block lasts."""
    signal_all(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(pids, signal.SIGCONT)


@asynccontextmanager
async def psql_session(
    program: Path, dsn: str, commands: str, environment: Mapping[str, str]
) -> AsyncIterator[None]:
    """A psql somebody has left open: it has run `commands` when the block begins, and ends with it."""
    process = await trio.lowlevel.open_process(
        [str(program), "-qAtX", "-v", "ON_ERROR_STOP=1", dsn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(environment),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdin.send_all(f"{commands}\n\\echo {SAID.decode()}".encode())
        said = b""
        while SAID not in said:
            data = await process.stdout.receive_some()
            if not data:
                raise RuntimeError(f"psql ended instead of holding: {commands}")
            said += data
        yield
    finally:
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()
            with trio.move_on_after(STOP_S_MAX):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()


@asynccontextmanager
async def strangers(port: int, number: int, words: bytes, pause_s: float) -> AsyncIterator[None]:
    """Keep so many sockets open at a port that say `words` and no more; a closed one is opened again."""

    async def one() -> None:
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
                async with stream:
                    if words:
                        await stream.send_all(words)
                    await stream.receive_some()
            except (OSError, trio.BrokenResourceError):
                pass
            await trio.sleep(pause_s)

    async with trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(one)
        yield
        nursery.cancel_scope.cancel()


def is_listening(port: int) -> bool:
    """Return whether somebody listens at a port of loopback."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


async def is_ready(port: int) -> bool:
    """Return whether the worker with its pages at this port of loopback says that it is ready."""
    try:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            await stream.send_all(b"GET /readyz HTTP/1.0\r\n\r\n")
            return b" 200 " in await stream.receive_some()
    except (OSError, trio.BrokenResourceError):
        return False

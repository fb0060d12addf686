"""Starts the processes of a bench and measures through a window: drivers that load, servers that are loaded.

Owns child processes, the talk with them (`load_order`) and the snapshots of CPU clocks at both ends of a
window. Must not know lanes. Invariant: when a call returns or raises, the process it started has ended and is
reaped; a server's block leaves none behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

import msgspec
import trio

from bench.errors import CannotRun
from bench.throughput.load_order import READY, Window
from bench.throughput.processes import cpu_s

LEAD_S: Final = 0.1
READY_S_MAX: Final = 120.0
END_S_MAX: Final = 60.0

Report = TypeVar("Report")
Clock = Callable[[], float]


class DriverFailed(CannotRun):
    """A process of the bench did not do its work; its own line above says why."""


class Timing(NamedTuple):
    """How long the load runs before the window opens, and how long the window is."""

    warm_up_s: float
    seconds: float


class Driven(NamedTuple, Generic[Report]):
    """What a driver reported, and the CPU seconds each clock advanced within the window."""

    report: Report
    cpu_s: dict[str, float]


class Program(NamedTuple):
    """A module to run as a process, and the checkout it comes from (None: this one)."""

    module: str
    root: Path | None = None


GENERATOR: Final = Program("bench.throughput.generator_process")
DIRECT: Final = Program("bench.peers.direct")


async def nothing() -> None:
    """What happens beside a load as a rule."""


async def drive(
    program: Program,
    order: object,
    report: type[Report],
    timing: Timing,
    clocks: Mapping[str, Clock],
    *,
    on_ready: Callable[[], Awaitable[None]] = nothing,
) -> Driven[Report]:
    """Run a driver process through one window; its own clock is "driver". Raises `DriverFailed`.

    `on_ready` is awaited when all of its connections are there, before the load begins.
    """
    module = program.module
    async with running(["-m", module], module, root=program.root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdin.send_all(msgspec.json.encode(order) + b"\n")
        with trio.move_on_after(READY_S_MAX):
            if await process.stdout.receive_some(len(READY)) != READY:
                raise DriverFailed(f"{module} could not begin")
        await on_ready()
        all_clocks: dict[str, Clock] = {**clocks, "driver": partial(cpu_s, process.pid)}
        begin_s = time.monotonic() + LEAD_S + timing.warm_up_s
        window = Window(begin_s - timing.warm_up_s, begin_s, begin_s + timing.seconds)
        await process.stdin.send_all(msgspec.json.encode(window) + b"\n")
        await _sleep_until(window.begin_s)
        before = {name: clock() for name, clock in all_clocks.items()}
        await _sleep_until(window.end_s)
        used = {name: clock() - before[name] for name, clock in all_clocks.items()}
        line = b""
        with trio.move_on_after(END_S_MAX):
            async for chunk in process.stdout:
                line += chunk
            await process.wait()
        if process.returncode != 0 or not line:
            raise DriverFailed(f"{module} failed in the middle of a lane")
        return Driven(msgspec.json.decode(line, type=report), used)


async def _sleep_until(at_s: float) -> None:
    await trio.sleep(max(0.0, at_s - time.monotonic()))


class Server(NamedTuple):
    """A server under load: its port on loopback and its processes."""

    port: int
    pids: tuple[int, ...]
    http: tuple[str, ...] = ()
    """Base URL of each worker's pages, where it has any."""

    def clock(self) -> float:
        """Return the CPU seconds of all its processes."""
        return sum(map(cpu_s, self.pids))


@asynccontextmanager
async def peer(module: str, order: object = None) -> AsyncIterator[Server]:
    """Run a peer of `bench.peers` until the block is left. Raises `DriverFailed`."""
    async with running(["-m", module], module) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if order is not None:
            await process.stdin.send_all(msgspec.json.encode(order) + b"\n")
        line = b""
        with trio.move_on_after(READY_S_MAX):
            while not line.endswith(b"\n") and (chunk := await process.stdout.receive_some(64)):
                line += chunk
        if not line.strip().isdigit():
            raise DriverFailed(f"{module} did not start")
        yield Server(int(line), (process.pid,))


@asynccontextmanager
async def running(
    arguments: Sequence[str], name: str, *, root: Path | None = None, grace_s: float = 0
) -> AsyncIterator[trio.Process]:
    """Run Python as a child, out of the checkout `root`; it ends with the block, at the latest.

    With `grace_s` the end of its standard input tells it to leave, and it has so long to do it.
    """
    process = await trio.lowlevel.open_process(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=root,
        env=None if root is None else {**os.environ, "PYTHONPATH": str(root)},
        start_new_session=True,  # Ctrl-C is for the bench, which ends its children in order
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    except trio.BrokenResourceError:
        raise DriverFailed(f"{name} ended before its time") from None
    finally:
        with trio.CancelScope(shield=True):
            await process.stdin.aclose()
            with trio.move_on_after(grace_s):
                await process.wait()
            if process.returncode is None:
                process.kill()
            await process.wait()
            await process.stdout.aclose()

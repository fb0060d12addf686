"""Lines that can be broken: what is not swallowed arrives whole, in order; a cut is felt at both ends."""

import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import trio

from ops.torture.stage import Proxy
from tests.patience import HANG_S

DATA = bytes(range(256)) * 40


class Bench:
    """A proxy between Unix sockets; `near` and `far` are the two ends of one line over it."""

    def __init__(self, process: trio.Process, near: trio.SocketStream, far: trio.SocketStream) -> None:
        self._process, self.near, self.far = process, near, far

    async def order(self, *words: str | int) -> None:
        """Tell it what to do from now on."""
        await Proxy(self._process).order(*words)


async def _all(stream: trio.SocketStream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive_some()
        assert more
        data += bytes(more)
    return data


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    listener = trio.socket.socket(trio.socket.AF_UNIX)
    await listener.bind(str(tmp_path / "far"))
    listener.listen()
    command = [sys.executable, "-m", "ops.torture.proxy", str(tmp_path / "near"), str(tmp_path / "far"), "0"]
    pipe = subprocess.PIPE
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, command, stdin=pipe, stdout=pipe, check=False)
        process = await nursery.start(run)
        with listener, trio.fail_after(HANG_S):
            near = await _connected(tmp_path / "near")
            far, _ = await listener.accept()
            async with trio.SocketStream(near) as near_end, trio.SocketStream(far) as far_end:
                yield Bench(process, near_end, far_end)
        nursery.cancel_scope.cancel()


async def _connected(path: Path) -> trio.socket.SocketType:
    """Connect as soon as somebody listens there."""
    while True:
        near = trio.socket.socket(trio.socket.AF_UNIX)
        try:
            await near.connect(str(path))
        except OSError:
            near.close()
            await trio.sleep(0.01)
        else:
            return near


async def test_slices_and_delays_keep_the_order(bench: Bench) -> None:
    """Sliced, then delayed, then passed: all of it arrives, nothing overtakes."""
    for words in (("slice", 3), ("delay", 30), ("pass",)):
        await bench.order(*words)
        await bench.far.send_all(DATA)
    assert await _all(bench.near, 3 * len(DATA)) == 3 * DATA


async def test_answers_are_swallowed_until_the_cut(bench: Bench) -> None:
    """What is asked arrives, what is answered does not, and then the line is gone at both ends."""
    await bench.order("swallow")
    await bench.near.send_all(DATA)
    assert await _all(bench.far, len(DATA)) == DATA
    await bench.far.send_all(DATA)
    await bench.order("cut")
    for end in (bench.near, bench.far):
        try:
            assert await end.receive_some() == b""
        except trio.BrokenResourceError:
            continue

"""The peers: each serves, ends with its block, and runs as its own users run it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

import bench.peers
from bench.throughput.driver import DriverFailed, peer
from bench.throughput.processes import children


@pytest.mark.parametrize("name", ["echo_trio", "echo_asyncio"])
async def test_an_echo_peer_serves_and_ends_with_its_block(name: str) -> None:
    """A peer says where it listens, answers whole frames, and is gone when the block is left."""
    async with peer(f"bench.peers.{name}") as server:
        async with await trio.open_tcp_stream("127.0.0.1", server.port) as stream:
            await stream.send_all(b"\0\x02ab\0\x02c")
            assert await stream.receive_some(64) == b"\0\x02ab"
            await stream.send_all(b"d")
            assert await stream.receive_some(64) == b"\0\x02cd"
        assert server.clock() > 0
    assert children(os.getpid()) == [] or server.pids[0] not in children(os.getpid())


async def test_a_peer_that_does_not_start_is_one_line() -> None:
    """A module that ends at once is a DriverFailed that names it."""
    with pytest.raises(DriverFailed, match="no_such_module"):
        async with peer("bench.peers.no_such_module"):
            pass


@pytest.mark.parametrize("name", ["echo_trio", "echo_asyncio", "naive", "direct"])
def test_a_peer_runs_on_a_loop_of_its_own(name: str) -> None:
    """No peer's process imports trio_asyncio, which would replace asyncio's loop by one on top of trio."""
    module = f"bench.peers.{name}"
    names = "('trio_asyncio', 'ledger.postgres.database')"
    program = f"import sys, {module}; print([name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_peer_of_asyncio_names_its_loop() -> None:
    """Whoever runs asyncio here chooses asyncio's own loop, not whatever policy an import has left behind."""
    peers = Path(bench.peers.__file__).parent
    runners = [path for path in peers.glob("*.py") if "import asyncio" in path.read_text()]
    assert {path.stem for path in runners} == {"echo_asyncio", "naive", "direct"}
    for path in runners:
        assert "asyncio.run(" not in path.read_text()
        assert "asyncio.Runner(loop_factory=asyncio.SelectorEventLoop)" in path.read_text()

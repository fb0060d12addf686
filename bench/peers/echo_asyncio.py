"""A bare echo server as an asyncio Protocol: frames with a two-byte length, nothing else.

    python -m bench.peers.echo_asyncio

Prints its port and serves loopback until standard input ends. Must not know the protocol beyond the length.
"""

from __future__ import annotations

import asyncio
import sys

from bench.peers.frames import whole_frames


class Echo(asyncio.Protocol):
    """One connection."""

    _transport: asyncio.Transport
    _rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Send back what is whole."""
        data = self._rest + data if self._rest else data
        end = whole_frames(data)
        self._rest = data[end:]
        if end:
            self._transport.write(data[:end])


async def main() -> None:
    """Listen on a free port of loopback, print it, echo until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(main())

"""A bare echo server on trio's raw sockets: a task per connection, frames with a length, nothing else.

    python -m bench.peers.echo_trio

Prints its port and serves loopback until standard input ends. It answers whole frames only, as any server of
this protocol must. Must not know the protocol beyond the length.
"""

from __future__ import annotations

import os
import sys

import trio

from bench.peers.frames import whole_frames

READ_BYTES_MAX = 8_192


async def serve(sock: trio.socket.SocketType) -> None:
    """Echo until the peer closes."""
    rest = b""
    with sock:
        sock.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        while data := await sock.recv(READ_BYTES_MAX):
            data = rest + data if rest else data
            end = whole_frames(data)
            rest = data[end:]
            out = memoryview(data)[:end]
            while out:
                out = out[await sock.send(out) :]


async def serve_or_forget(sock: trio.socket.SocketType) -> None:
    """Serve one connection; a peer that breaks it off is none of our business."""
    try:
        await serve(sock)
    except OSError:
        return


async def main() -> None:
    """Listen on a free port of loopback, print it, echo until standard input ends."""
    with trio.socket.socket() as listening:
        await listening.bind(("127.0.0.1", 0))
        listening.listen(1_024)
        print(listening.getsockname()[1], flush=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_with_input, nursery.cancel_scope)
            while True:
                sock, _ = await listening.accept()
                nursery.start_soon(serve_or_forget, sock)


async def end_with_input(scope: trio.CancelScope) -> None:
    """Cancel everything when standard input ends: whoever started us is gone."""
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        while await stream.receive_some(64):
            pass
    scope.cancel()


if __name__ == "__main__":
    trio.run(main)

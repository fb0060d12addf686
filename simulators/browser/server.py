"""The page's server: a port on loopback, and Hypercorn's trio worker on it.

Owns the port and the bounds of a connection. Must not know pages. Invariants: it listens on 127.0.0.1 and
nowhere else, for the page hands out keys; a peer that does not read loses its connection after `WRITE_S_MAX`,
by the kernel: Hypercorn would wait for it for ever, also when it should end.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from simulators.browser.bridge import MESSAGE_BYTES_MAX, application
from simulators.till.channel import Connector

HOST: Final = "127.0.0.1"
PORT: Final = 9181
BACKLOG: Final = 32
SEND_BUFFER_BYTES: Final = 65_536
WRITE_S_MAX: Final = 10
IDLE_S_MAX: Final = 15
END_S_MAX: Final = 1


def bind(port: int) -> socket.socket:
    """Bind and listen on loopback; port 0 takes any free one. Raises OSError."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, WRITE_S_MAX * 1_000)
        sock.bind((HOST, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def serving_page(
    connect: Connector, documents: Mapping[str, bytes], sock: socket.socket
) -> AsyncIterator[str]:
    """Serve the page on a bound socket, which is taken over, while the block lasts; yield its address.

    `connect` opens a connection to the switch that all bytes go to; `documents` are JSON by path.
    """
    port = int(sock.getsockname()[1])
    config = Config()
    config.accesslog = config.errorlog = None
    config.include_server_header = False
    config.alpn_protocols = ["http/1.1"]
    config.backlog = BACKLOG
    config.keep_alive_timeout = IDLE_S_MAX
    config.graceful_timeout = END_S_MAX
    # Beyond this the server itself hangs up; up to it the bridge says why.
    config.websocket_max_message_size = 2 * MESSAGE_BYTES_MAX
    config.bind = [f"fd://{sock.detach()}"]
    site: Any = application(connect, documents, port)  # Starlette and Hypercorn type the same call apart
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, site, config, shutdown_trigger=stop.wait, mode="asgi"))
        try:
            yield f"http://{HOST}:{port}/"
        finally:
            stop.set()

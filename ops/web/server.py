"""The server under a site: a socket, and Hypercorn's trio worker on it.

Owns the port and the bounds of a connection. Must not know pages. Invariants: on anything but loopback a
site has a token (`check_access`); what a peer leaves unread costs `SEND_BUFFER_BYTES` and ends its
connection after `WRITE_S_MAX`, by the kernel: Hypercorn itself waits for a peer for ever, also when it
should end.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple, cast

import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.trio import serve
from hypercorn.typing import Framework
from starlette.types import ASGIApp

from ops.errors import CommandError
from ops.exit_codes import Exit
from switch.config import is_loopback
from switch.wire.listener import PortInUse

BACKLOG: Final = 64
SEND_BUFFER_BYTES: Final = 65_536
WRITE_S_MAX: Final = 10
IDLE_S_MAX: Final = 15
HEAD_BYTES_MAX: Final = 16_384
END_S_MAX: Final = 1


class Tls(NamedTuple):
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


def check_access(host: str, token_file: Path | None) -> None:
    """Raise `CommandError` where a page would be open to everybody who can reach this machine."""
    if token_file is None and not is_loopback(host):
        raise CommandError(
            Exit.CONFIGURATION,
            f"on {host} others than this machine could look, and nothing would ask who they are.",
            "Give --token-file FILE (openssl rand -hex 32 > FILE; chmod 600 FILE), or stay on 127.0.0.1.",
        )


def bind_site(host: str, port: int) -> socket.socket:
    """Bind and listen; port 0 takes any free one. Raises `PortInUse`."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, WRITE_S_MAX * 1_000)
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise PortInUse(
            f"cannot listen on {host}:{port}: {error.strerror}."
            " Stop what holds it, or choose another with --port."
        ) from None
    sock.setblocking(False)
    return sock


def url_of(sock: socket.socket, tls: Tls | None) -> str:
    """Return the address to type into a browser on this machine."""
    host, port = sock.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - what it listens on is what somebody asked for
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}/"


@asynccontextmanager
async def serving_site(app: ASGIApp, sock: socket.socket, tls: Tls | None = None) -> AsyncIterator[None]:
    """Serve a site on a bound socket for as long as the block lasts. Takes the socket over."""
    config = HypercornConfig()
    config.accesslog = config.errorlog = None  # `application.Caught` logs what fails
    config.include_server_header = False
    config.alpn_protocols = ["http/1.1"]
    config.backlog = BACKLOG
    config.keep_alive_timeout = IDLE_S_MAX
    config.ssl_handshake_timeout = IDLE_S_MAX
    config.graceful_timeout = END_S_MAX
    config.h11_max_incomplete_size = HEAD_BYTES_MAX
    if tls is not None:
        config.certfile, config.keyfile = str(tls.certificate), str(tls.key)
    config.bind = [f"fd://{sock.detach()}"]
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(
            partial(serve, cast(Framework, app), config, shutdown_trigger=stop.wait, mode="asgi")
        )
        try:
            yield
        finally:
            stop.set()

"""Ports: reserving the terminals' one, and waiting for one that a switch before us is about to give back.

Owns how ports are bound before anybody listens. Must not know who serves them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

import structlog
import trio

from switch.wire.listener import PortInUse

log = structlog.get_logger()

TRY_S: Final = 0.1


def reserve_port(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Bind the terminals' port without listening, so that it stays ours while workers come and go.

    Port 0 takes any free one. `is_shared`: another switch may have it, too (SO_REUSEPORT), so that one can
    take over from the other. Raises `PortInUse`, without that also when another switch has it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if not is_shared:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        reserved = socket.socket(family, socket.SOCK_STREAM)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError as error:
        raise PortInUse(
            f"cannot listen on {host}:{port}: {error.strerror or error}."
            " Stop what holds it, or choose another port with --listen-port."
        ) from None
    return reserved


async def bind_patiently(bind: Callable[[], socket.socket], wait_s: float) -> socket.socket:
    """Return what `bind` returns; while it raises `PortInUse`, try again for `wait_s`. Raises `PortInUse`."""
    give_up_at = trio.current_time() + wait_s
    said = False
    while True:
        try:
            return bind()
        except PortInUse as error:
            if trio.current_time() >= give_up_at:
                raise
            if not said:
                log.warning("waiting_for_port", problem=str(error), wait_s=wait_s)
                said = True
        await trio.sleep(TRY_S)

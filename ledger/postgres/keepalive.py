"""Owns how a socket finds by itself that its peer has vanished. Knows nothing of what is sent over it."""

import socket
from typing import Final

# Seconds of silence, seconds between probes, probes.
KEEPALIVE: Final = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


def watch_socket(found: socket.socket | None) -> None:
    """Let the system probe the connection while it is idle, so that a vanished peer is found by itself and a
    middlebox between sees traffic. No socket, or one of this machine: nothing to do.
    """
    if found is None or found.family == socket.AF_UNIX:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        if number := getattr(socket, option, None):
            found.setsockopt(socket.IPPROTO_TCP, number, value)

"""The requests of a load, sealed ahead of time: only sending and counting are left for the window.

Owns the handshake on a blocking socket, and blocks of sealed frames. Must not know what is asked
(`requests`) or when frames are sent. Invariants: all frames of a load have one size, so the n-th begins at
n times that size; the frames of a connection carry its STANs and its sequence numbers in order.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from bench.throughput.load_order import Load
from bench.throughput.requests import Draw
from protocol import ClientSession, ServerSession
from simulators.city.population import Population

STAN_FIRST_MIN: Final = 65_536
"""msgpack writes integers from here on in five bytes."""
CONNECT_S_MAX: Final = 10.0
HANDSHAKE_READ_BYTES: Final = 256


class LoadFailed(Exception):
    """The server did not behave as a server under load must: one line says how."""


class Socket(Protocol):
    """What a load needs of a connection: a socket, or what has its calls."""

    def fileno(self) -> int:
        """Return the descriptor."""

    def setblocking(self, flag: bool, /) -> None:
        """Let calls wait, or not."""

    def recv(self, size: int, /) -> bytes:
        """Read; b"" at the end."""

    def send(self, data: bytes | memoryview, /) -> int:
        """Write some; return how much."""

    def sendall(self, data: bytes, /) -> None:
        """Write all of it."""

    def close(self) -> None:
        """Close."""


Connect: TypeAlias = Callable[[str, int], Socket]
"""Returns a connected blocking socket. Raises `LoadFailed`."""


class Block:
    """The sealed frames of one connection; grows when told to."""

    def __init__(
        self,
        session: ClientSession,
        draw: Draw,
        stan_first: int,
        frames: int,
        wrap: Callable[[bytes], bytes] = bytes,
    ) -> None:
        if stan_first < STAN_FIRST_MIN:
            raise ValueError(f"stan_first must be at least {STAN_FIRST_MIN}, not {stan_first}")
        self._session = session
        self._wrap = wrap
        """What the line makes of a frame: nothing, or a record of TLS."""
        self._draw = draw
        self._stan = stan_first
        self.frame_bytes = 0
        self.data = memoryview(b"")
        self.grow(frames)

    def grow(self, frames: int) -> None:
        """Seal so many frames more."""
        seal, wrap = self._session.seal, self._wrap
        asked = map(self._draw, range(self._stan, self._stan + frames))
        made = [wrap(seal(message, repeat=is_repeat)) for message, is_repeat in asked]
        self._stan += frames
        if made:
            self.frame_bytes = len(made[0])
            assert all(len(frame) == self.frame_bytes for frame in made)
            self.data = memoryview(bytes(self.data) + b"".join(made))


def connect(host: str, port: int) -> socket.socket:
    """Return a connected blocking socket. Raises `LoadFailed`."""
    try:
        sock = socket.create_connection((host, port), CONNECT_S_MAX)
    except OSError as error:
        raise LoadFailed(f"no connection to {host}:{port}: {error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def shake_hands(sock: Socket, terminal: int, key: bytes) -> ClientSession:
    """Return the open session of a terminal on a fresh socket. Raises `LoadFailed`."""
    session = ClientSession(terminal=terminal, generation=1, key=key, nonce=secrets.token_bytes(32))
    while not session.is_open:
        try:
            sock.sendall(session.data_to_send())
            data = sock.recv(HANDSHAKE_READ_BYTES)
        except OSError as error:
            raise LoadFailed(f"terminal {terminal} cannot shake hands: {error}") from None
        if not data:
            raise LoadFailed(f"terminal {terminal} was refused")
        session.receive(data)
    return session


def unconnected_session(terminal: int, key: bytes) -> ClientSession:
    """Return a session opened against a switch's half in memory: frames for a server that only echoes."""

    def find_key(_terminal: int, _generation: int) -> bytes:
        return key

    client = ClientSession(terminal=terminal, generation=1, key=key, nonce=secrets.token_bytes(32))
    server = ServerSession(
        nonce=secrets.token_bytes(32),
        session_id=secrets.token_bytes(8),
        find_key=find_key,
        dummy_key=bytes(32),
    )
    while not client.is_open:
        server.receive(client.data_to_send())
        client.receive(server.data_to_send())
    return client


def population_of(load: Load) -> Population:
    """Return the city an order speaks of."""
    return Population(load.seed, load.cards, load.partners)

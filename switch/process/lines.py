"""What supervisor and worker say to each other: lines of JSON over the worker's standard input and output.

Owns the lines and the exit statuses of a worker. Must not know processes. The input stays open for as long as
the supervisor lives: its end means that the supervisor is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from switch.config import Config

EXIT_CONFIGURATION, EXIT_PORT_IN_USE, EXIT_CRASHED = 3, 5, 70
FINAL_EXITS: Final = frozenset({EXIT_CONFIGURATION, EXIT_PORT_IN_USE})
"""Exits a restart cannot mend: the supervisor gives up with the same status."""
LINE_BYTES_MAX: Final = 65_536
BEAT_S: Final = 1.0
"""How often a worker says that its event loop turns."""


ORPHAN_S_MAX: Final = 10.0
"""How long a worker may take to end after its supervisor has gone."""
TAKE_OVER_S_MAX: Final = ORPHAN_S_MAX + 5.0
"""How long a new supervisor waits for the ports of the workers of one that was killed."""


class WorkerOrder(msgspec.Struct, frozen=True):
    """The line a worker reads first.

    port_wait_s: how long to wait for its HTTP port if it is taken; restarts: how many died in its place.
    """

    worker: int
    config: Config
    port_wait_s: float = 0.0
    restarts: int = 0


class WorkerReady(msgspec.Struct, frozen=True, tag="ready"):
    """The line a worker prints when it serves."""

    worker: int
    http: str


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """The line a worker prints every `BEAT_S`."""


class Lines:
    """Takes bytes as they come and yields whole lines. One without end is dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield the lines that are whole now, without their ends."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= LINE_BYTES_MAX else b""
        yield from lines

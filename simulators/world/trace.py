"""What happened in a world, in order: a hash of every event, so that two runs can be compared.

Owns the hash and the last few events as text. Must not know what an event means. Invariant: what is noted is
the same in every process: no address, no hash of a text, no wall time of the machine.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Final

import trio

REMEMBERED: Final = 200
"""So many of the last events are kept as they were, to be shown with a failure."""


class Trace:
    """All events of one run; `keep_all`: every one is kept as text, to find where two runs part."""

    def __init__(self, *, keep_all: bool = False) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self.events: deque[str] = deque(maxlen=None if keep_all else REMEMBERED)
        self.count = 0

    def note(self, event: str, data: bytes = b"") -> None:
        """Take note of an event at this moment of virtual time, with the bytes it moved."""
        line = f"{trio.current_time():.6f} {event}"
        self._hash.update(line.encode())
        self._hash.update(data)
        self.events.append(f"{line} {len(data)} bytes" if data else line)
        self.count += 1

    @property
    def digest(self) -> str:
        """The hash of all events so far."""
        return self._hash.hexdigest()

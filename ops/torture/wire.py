"""What one terminal put on its line and took from it, on disk and at a glance: its own log, and its slot.

Owns the record of a terminal's line (one file a terminal, one `write` a record, before the bytes go out and
before the terminal acts on what came) and the slot in a shared board that says whether a request of it is on
its way. Frames are found by `simulators.till.tapped`.

Must not know: what a message means, who breaks the line.

Invariants: a record survives the death of its process; a torn one can only be the last and is ignored; no
card number is written down, for a body is kept as its digest.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import time
from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from protocol import ResultClass, ResultCode, result_class
from simulators.till.channel import Channel, Connector
from simulators.till.tapped import Frame, Tapped

POSTING: Final = frozenset({0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x30})
"""EARN, EARN_ADVICE, REDEEM, BENEFIT_USE, BENEFIT_ADVICE, REFUND, REVERSAL (SPEC.md, section 5)."""
_DONE: Final = frozenset({ResultClass.APPROVE, ResultClass.DECLINE, ResultClass.PICK_UP})
KEPT_MAX: Final = 200
"""So many answered requests a terminal can ask again, byte for byte."""
_RECORD: Final = struct.Struct("<QBBhI16s")
_SLOT: Final = struct.Struct("<QQQ")
_DIGEST_BYTES: Final = 16


def is_done(code: int) -> bool:
    """Return whether a code is the end of a request that may post: the same bytes are told so for ever."""
    return result_class(code) in _DONE and code != ResultCode.STAN_CONFLICT


class Event(IntEnum):
    """What happened on a line."""

    SENT = 1
    CAME = 2
    LOST = 3
    OPENED = 4


class Record(NamedTuple):
    """One thing that happened: `at_ns` on the machine's monotonic clock; code -1 where there is none."""

    at_ns: int
    event: int
    type: int
    code: int
    stan: int
    digest: bytes


class Exchanged(NamedTuple):
    """A request and the reply to it, both byte for byte."""

    type: int
    stan: int
    code: int
    request: bytes
    reply: bytes


class Board:
    """Slots that several processes see at once: when a terminal sent last, was answered last, and was last
    told what is final.
    """

    def __init__(self, path: Path, slots: int) -> None:
        with path.open("a+b") as file:
            file.truncate(slots * _SLOT.size)
            self._map = mmap.mmap(file.fileno(), slots * _SLOT.size)
        self._slots = slots

    def put(self, slot: int, sent_ns: int, answered_ns: int, final_ns: int) -> None:
        """Say where a terminal stands."""
        _SLOT.pack_into(self._map, slot * _SLOT.size, sent_ns, answered_ns, final_ns)

    def in_flight(self) -> int:
        """Return how many terminals have sent what is not answered yet, their line still standing."""
        return sum(sent > answered for sent, answered, _ in _SLOT.iter_unpack(self._map))

    def last_final_ns(self) -> int:
        """Return when any terminal was last told what is final; 0: never."""
        return max(int(final) for _, _, final in _SLOT.iter_unpack(self._map))

    def close(self) -> None:
        """Let go of it."""
        self._map.close()


class Wire:
    """One terminal's line as it sees it. `connect` opens channels that are written down."""

    def __init__(self, path: Path, board: Board, slot: int, connect: Connector) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._board, self._slot, self._connect = board, slot, connect
        self.kept: deque[Exchanged] = deque(maxlen=KEPT_MAX)
        self._asked: dict[tuple[int, int], bytes] = {}
        self._sent_ns = self._final_ns = 0

    def close(self) -> None:
        """Close the log; everything is written."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    async def connect(self) -> Channel:
        """Open a channel."""
        channel = await self._connect()
        self._note(Event.OPENED)
        self._asked.clear()
        return Tapped(channel, self)

    def sends(self, frame: Frame) -> None:
        """Take down a frame before it goes out."""
        if not frame.is_data:
            return
        kind, body = frame
        stan = int(msgspec.msgpack.decode(body)[0])
        self._asked[kind, stan] = body
        self._sent_ns = self._note(Event.SENT, kind, stan=stan, body=body)
        self._board.put(self._slot, self._sent_ns, 0, self._final_ns)

    def came(self, frame: Frame) -> None:
        """Take down a reply before the terminal sees it."""
        if not frame.is_data:
            return
        kind, body = frame
        stan, code, *_ = msgspec.msgpack.decode(body)
        at_ns = self._note(Event.CAME, kind, int(code), int(stan), body)
        if kind in POSTING and is_done(code):
            self._final_ns = at_ns
        self._board.put(self._slot, self._sent_ns, max(at_ns, self._sent_ns), self._final_ns)
        request = self._asked.pop((kind, stan), None)
        if request is not None:
            self.kept.append(Exchanged(kind, stan, code, request, body))

    def lost(self) -> None:
        """Take down that the line is gone, whoever ended it."""
        if self._fd >= 0:
            self._note(Event.LOST)
        self._board.put(self._slot, 0, 0, self._final_ns)

    def _note(self, event: Event, kind: int = 0, code: int = -1, stan: int = 0, body: bytes = b"") -> int:
        digest = hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
        at_ns = time.monotonic_ns()
        os.write(self._fd, _RECORD.pack(at_ns, event, kind, code, stan, digest))
        return at_ns


def read_wire(path: Path) -> Iterator[Record]:
    """Yield what a terminal wrote down."""
    data = path.read_bytes()
    whole = len(data) // _RECORD.size * _RECORD.size
    for record in _RECORD.iter_unpack(memoryview(data)[:whole]):
        yield Record(*record)

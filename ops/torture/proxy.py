"""Lines that can be broken from outside: `python -m ops.torture.proxy LISTEN TARGET MS`, told on its input.

Owns the copying between who connects and the target, and what is done to it: answers swallowed until the
line is cut (so what was done is done, and nobody hears of it), all of it cut, held back, or cut into slices.
LISTEN and TARGET are `host:port` or the path of a Unix socket; orders come one a line: `pass`, `swallow`,
`cut`, `delay MS`, `slice BYTES`; an empty line answers one that is in force. What the target says always
takes MS, as if it were far away. A process of its own, one plain loop: it must not be what the terminals
wait for.

Must not know: what is said on a line.

Invariants: a cut resets both ends; what is not swallowed arrives whole and in its order.
"""

from __future__ import annotations

import heapq
import os
import selectors
import socket
import struct
import sys
import time
from collections import deque
from pathlib import Path
from typing import Final

CHUNK_BYTES: Final = 65_536
HELD_BYTES_MAX: Final = 1 << 20
_RESET: Final = struct.pack("ii", 1, 0)


class End:
    """One end of a line: its socket, what waits to be sent there, and the other end."""

    def __init__(self, sock: socket.socket, *, is_target: bool) -> None:
        self.socket, self.is_target = sock, is_target
        self.other: End
        self.out: deque[bytes] = deque()
        self.has_ended = False
        self.busy_until = 0.0
        self.is_open = True


class Proxy:
    """All lines of one listener."""

    def __init__(self, listen: str, target: str, far_ms: int) -> None:
        self._target, self._far_ms = target, far_ms
        self._selector = selectors.DefaultSelector()
        self._listener = _listening(listen)
        self._ends: set[End] = set()
        self._mode, self._figure = "pass", 0
        self._later: list[tuple[float, int, End, bytes]] = []
        self._number = 0
        self._orders = b""
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ, self._order)
        self._is_running = True

    def run(self) -> None:
        """Copy until the input ends."""
        while self._is_running:
            wait_s = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
            for key, events in self._selector.select(wait_s):
                if isinstance(key.data, End):
                    self._moved(key.data, events)
                else:
                    key.data()
            while self._later and self._later[0][0] <= time.monotonic():
                _, _, end, data = heapq.heappop(self._later)
                self._send(end, data)

    def _order(self) -> None:
        data = os.read(0, 4096)
        self._is_running = bool(data)
        *lines, self._orders = (self._orders + data).split(b"\n")
        for line in lines:
            word, _, figure = line.decode().partition(" ")
            if word == "cut":
                for end in list(self._ends):
                    self._cut(end)
                word = "pass"
            self._mode, self._figure = word, int(figure or 0)
            os.write(1, b"\n")

    def _accept(self) -> None:
        try:
            near, _ = self._listener.accept()
        except OSError:
            return
        try:
            far = _connected(self._target)
        except OSError:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            near.close()
            return
        ends = End(near, is_target=False), End(far, is_target=True)
        ends[0].other, ends[1].other = ends[1], ends[0]
        for end in ends:
            end.socket.setblocking(False)
            if end.socket.family == socket.AF_INET:
                end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends.add(end)
            self._selector.register(end.socket, selectors.EVENT_READ, end)

    def _moved(self, end: End, events: int) -> None:
        if events & selectors.EVENT_WRITE and end.is_open:
            self._flush(end)
        if events & selectors.EVENT_READ and end.is_open:
            self._read(end)

    def _read(self, end: End) -> None:
        try:
            data = end.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._cut(end)
            return
        if not data:
            self._finish(end)
        elif self._mode != "swallow" or not end.is_target:
            self._pass_on(end, data)

    def _pass_on(self, end: End, data: bytes) -> None:
        """Send it to the other end, after what is still on its way there."""
        delay_ms = (self._far_ms if end.is_target else 0) + (self._figure if self._mode == "delay" else 0)
        now, other = time.monotonic(), end.other
        due = other.busy_until = max(now + delay_ms / 1_000, other.busy_until)
        if due > now or self._is_awaited(other):
            self._number += 1
            heapq.heappush(self._later, (due, self._number, other, data))
        else:
            self._send(other, data)

    def _finish(self, end: End) -> None:
        """An orderly end is passed on once all before it has gone."""
        end.has_ended = True
        if end.other.out or self._is_awaited(end.other):
            self._watch(end)
            return
        self._close(end)
        self._close(end.other)

    def _send(self, end: End, data: bytes) -> None:
        if not end.is_open:
            return
        if self._mode == "slice" and self._figure:
            step = self._figure
            end.out.extend(data[at : at + step] for at in range(0, len(data), step))
        else:
            end.out.append(data)
        self._flush(end)

    def _flush(self, end: End) -> None:
        try:
            while end.out:
                data = end.out[0]
                sent = end.socket.send(data)
                if sent == len(data):
                    end.out.popleft()
                else:
                    end.out[0] = data[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self._cut(end)
            return
        if not end.out and end.other.has_ended and not self._is_awaited(end):
            self._close(end)
            self._close(end.other)
        else:
            self._watch(end)

    def _is_awaited(self, end: End) -> bool:
        return any(other is end for _, _, other, _ in self._later)

    def _watch(self, end: End) -> None:
        """Look at an end for what it can do now: be read until it has ended, be written to while it owes."""
        events = (0 if end.has_ended else selectors.EVENT_READ) | (selectors.EVENT_WRITE if end.out else 0)
        is_watched = end.socket in self._selector.get_map()
        if events and is_watched:
            self._selector.modify(end.socket, events, end)
        elif events:
            self._selector.register(end.socket, events, end)
        elif is_watched:
            self._selector.unregister(end.socket)

    def _cut(self, end: End) -> None:
        for one in (end, end.other):
            if one.is_open:
                if one.socket.family == socket.AF_INET:
                    one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self._close(one)

    def _close(self, end: End) -> None:
        if end.is_open:
            end.is_open = False
            self._ends.discard(end)
            if end.socket in self._selector.get_map():
                self._selector.unregister(end.socket)
            end.socket.close()


def _listening(where: str) -> socket.socket:
    if "/" in where:
        Path(where).unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(where)
    else:
        host, _, port = where.rpartition(":")
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, int(port)))
    listener.listen(1_024)
    listener.setblocking(False)
    return listener


def _connected(where: str) -> socket.socket:
    """A local connection is made at once, or refused at once."""
    if "/" in where:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.connect(where)
        return sock
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=1.0)


if __name__ == "__main__":
    Proxy(sys.argv[1], sys.argv[2], int(sys.argv[3])).run()

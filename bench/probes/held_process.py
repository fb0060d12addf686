"""Terminals that open a session and hold it: a process of `bench.probes.held`, which has several.

    python -m bench.probes.held_process

Order on standard input, `ready` when all are there, report when the input ends. Each asks an ECHO now and
then, as SPEC.md wants it, or the switch would close it. Owns the connections. Must not know what is measured.
Invariant: a connection that the switch closes is counted and not made again.
"""

from __future__ import annotations

import resource
import select
import socket
import sys
import time

import msgspec

from bench.throughput.load_order import LINE_BYTES_MAX, READY
from bench.throughput.sealing import LoadFailed, connect, shake_hands
from protocol import ClientSession, Echo, limits
from simulators.city.population import Population

ECHO_EVERY_S = limits.IDLE_TIMEOUT_S / 2
POLL_S = 0.05
READ_BYTES_MAX = 4_096
EXIT_FAILED = 1
TRIES = 5


class HeldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """So many terminals of a population, from an index on."""

    host: str
    port: int
    seed: str
    cards: int
    partners: int
    terminals: int
    first: int
    count: int


class HeldReport(msgspec.Struct, kw_only=True):
    """What became of them."""

    held: int = 0
    """Connections open at the end."""
    closed: int = 0
    echoes: int = 0
    answered: int = 0


class Crowd:
    """Open sessions, each with an ECHO due in its turn."""

    def __init__(self, order: HeldOrder) -> None:
        population = Population(order.seed, order.cards, order.partners, order.terminals)
        self.report = HeldReport()
        self._epoll = select.epoll()
        self._lines: dict[int, tuple[socket.socket, ClientSession]] = {}
        for index in range(order.first, order.first + order.count):
            sock, session = _sign_in(order, population.terminal_id(index), population.terminal_key(index))
            sock.setblocking(False)
            self._lines[sock.fileno()] = sock, session
            self._epoll.register(sock.fileno(), select.EPOLLIN)
        self._turn = list(self._lines)
        self._asked = 0
        self._began = time.monotonic()

    def step(self) -> None:
        """Read what came, and send the ECHOs that are due by now."""
        for fd, _ in self._epoll.poll(POLL_S):
            sock, session = self._lines[fd]
            data = sock.recv(READ_BYTES_MAX)
            if data:
                self.report.answered += len(session.receive(data))
            else:
                self._close(fd)
        due = int((time.monotonic() - self._began) / ECHO_EVERY_S * len(self._turn))
        for number in range(self._asked, due):
            fd = self._turn[number % len(self._turn)]
            if fd in self._lines:
                sock, session = self._lines[fd]
                sock.send(session.seal(Echo(1 + number // len(self._turn), int(time.time()))))
                self.report.echoes += 1
        self._asked = due

    def _close(self, fd: int) -> None:
        self._epoll.unregister(fd)
        self._lines.pop(fd)[0].close()
        self.report.closed += 1

    def end(self) -> HeldReport:
        """Close all of them."""
        self.report.held = len(self._lines)
        for sock, _ in self._lines.values():
            sock.close()
        return self.report


def _sign_in(order: HeldOrder, terminal: int, key: bytes) -> tuple[socket.socket, ClientSession]:
    """Return an open session; who is turned away comes again, as SPEC.md has it. Raises `LoadFailed`."""
    pause_s: float = limits.BACKOFF_MIN_S
    for _ in range(TRIES):
        sock = connect(order.host, order.port)
        try:
            return sock, shake_hands(sock, terminal, key)
        except LoadFailed:
            sock.close()
            time.sleep(pause_s)
            pause_s *= 2
    raise LoadFailed(f"terminal {terminal} was turned away {TRIES} times")


def main() -> int:
    """Connect, say ready, hold until standard input ends, report."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(LINE_BYTES_MAX), type=HeldOrder)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        crowd = Crowd(order)
        sys.stdout.buffer.write(READY)
        sys.stdout.buffer.flush()
        while not select.select([sys.stdin], [], [], 0)[0]:
            crowd.step()
        report = crowd.end()
    except (LoadFailed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return EXIT_FAILED
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

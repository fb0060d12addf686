"""Clients that a switch has to bear with: floods, one hot card, strangers who never shake hands.

Owns how each behaves. Must not know what is measured beside it. No event loop: one epoll object, as in
`generator`. Invariant: a nuisance never ends by itself; whatever the switch does to a connection is counted.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from bench.throughput.nuisance_order import NuisanceOrder, NuisanceReport
from bench.throughput.sealing import LoadFailed, connect, shake_hands
from protocol import ClientSession, Earn, Echo, EntryMode, Reply, Request, SignOn, Totals, limits
from simulators.city.population import Peculiarity, Population

POLL_S: Final = 0.05
READ_BYTES_MAX: Final = 65_536
READY_MAX: Final = 512
PAUSE_S: Final = 1.0
"""A request that was told to try again is sent again after this (SPEC.md, section 6)."""
AGAIN_S: Final = 0.01
"""A terminal that was turned away comes again after this; no honest one would (SPEC.md, section 6)."""
AMOUNT_GROSZE: Final = 1_000
SOFTWARE: Final = "cityswitch bench"


class Flooder:
    """One connection of a terminal that always has `depth` requests unanswered; asks as `make` says."""

    def __init__(
        self,
        index: int,
        sock: socket.socket,
        session: ClientSession,
        make: Callable[[int], Request],
        *,
        stan: int,
        order: NuisanceOrder,
    ) -> None:
        sock.setblocking(False)
        self.index = index
        self.sock = sock
        self.stan = stan
        """The next one to use."""
        self._session = session
        self._make = make
        self._depth = order.depth
        self._stan_end = stan + order.requests_max if order.requests_max else limits.STAN_MAX
        self._unanswered = 0
        self._pausing: deque[float] = deque()
        self._out = b""

    @property
    def is_done(self) -> bool:
        """Whether it has sent all that one connection is for, and some of it has been taken."""
        return self.stan >= self._stan_end and not self._out and self._unanswered < self._depth

    def turn(self, report: NuisanceReport, now: float) -> bool:
        """Read what is there and send what is due; False when the switch has closed the line."""
        try:
            with contextlib.suppress(BlockingIOError):
                data = self.sock.recv(READ_BYTES_MAX)
                if not data:
                    return False
                for received in self._session.receive(data):
                    self._count(received.message, report, now)
            while self._pausing and self._pausing[0] <= now:
                self._pausing.popleft()
                self._unanswered -= 1
            self._send(report)
        except ConnectionError:
            return False
        return True

    def _count(self, reply: Request | Reply, report: NuisanceReport, now: float) -> None:
        assert isinstance(reply, Reply)
        report.served_at = now
        if 10 <= reply.code < 20:  # class retry
            report.refused += 1
            self._pausing.append(now + PAUSE_S)
            return
        self._unanswered -= 1
        report.approved += not reply.code

    def _send(self, report: NuisanceReport) -> None:
        if not self._out:
            end = min(self.stan + self._depth - self._unanswered, self._stan_end)
            due = range(self.stan, end)
            self._out = b"".join(self._session.seal(self._make(stan)) for stan in due)
            self.stan += len(due)
            self._unanswered += len(due)
            report.sent += len(due)
        with contextlib.suppress(BlockingIOError):
            while self._out:
                self._out = self._out[self.sock.send(self._out) :]


def request_maker(order: NuisanceOrder, population: Population) -> Callable[[int], Request]:
    """Return what makes the flooders' requests, by STAN."""
    now = int(time.time())
    if order.kind == "echo":
        return lambda stan: Echo(stan, now)
    if order.kind == "sign on":
        return lambda stan: SignOn(stan, now, SOFTWARE, "pl", 0)
    if order.kind == "totals":
        first, last = 1, limits.TOTALS_STANS_MAX
        return lambda stan: Totals(stan, now, first, last, *[0] * 10)
    # A duplicate's number: those who behave draw from the sound cards, and this one is not among them.
    is_replaced = (population.peculiarity(index) is Peculiarity.REPLACED for index in range(population.cards))
    card = population.replacement_digits(next(index for index, it_is in enumerate(is_replaced) if it_is))
    return lambda stan: Earn(stan, now, card, EntryMode.SWIPED, AMOUNT_GROSZE)


class Flood:
    """Terminals that flood, as long as they are let."""

    def __init__(self, order: NuisanceOrder) -> None:
        self._order = order
        self._population = Population(order.seed, order.cards, order.partners, order.terminals)
        self._make = request_maker(order, self._population)
        self._epoll = select.epoll()
        self._flooders: dict[int, Flooder] = {}
        self._coming: deque[tuple[float, int, int]] = deque()
        """When who comes again, with which STAN: time, index, STAN."""
        self.report = NuisanceReport(seconds=0)
        for index in range(order.terminal_first, order.terminal_first + order.connections):
            self._come(index, order.stan_first)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Flood until it is over."""
        ready = list(self._flooders)
        while not is_over():
            now = time.monotonic()
            for fd in ready:
                self._turn(self._flooders[fd], now)
            while self._coming and self._coming[0][0] <= now:
                self._come_again(*self._coming.popleft()[1:])
            wait_s = AGAIN_S if self._coming else POLL_S
            ready = [fd for fd, _ in self._epoll.poll(wait_s, READY_MAX)] or list(self._flooders)
        self._epoll.close()
        for flooder in self._flooders.values():
            flooder.sock.close()

    def _turn(self, flooder: Flooder, now: float) -> None:
        is_there = flooder.turn(self.report, now)
        if is_there and not flooder.is_done:
            return
        if not is_there:
            self.report.closed_at = time.monotonic()
        self._epoll.unregister(flooder.sock.fileno())
        self._flooders.pop(flooder.sock.fileno()).sock.close()
        if self._order.comes_again:
            self._coming.append((now, flooder.index, flooder.stan))

    def _come(self, index: int, stan: int) -> None:
        """Connect as a terminal. Raises `LoadFailed`."""
        population = self._population
        sock = connect(self._order.host, self._order.port)
        try:
            session = shake_hands(sock, population.terminal_id(index), population.terminal_key(index))
        except LoadFailed:
            sock.close()
            raise
        self.report.connected += 1
        self.report.served_at = time.monotonic()
        flooder = Flooder(index, sock, session, self._make, stan=stan, order=self._order)
        self._flooders[sock.fileno()] = flooder
        self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _come_again(self, index: int, stan: int) -> None:
        try:
            self._come(index, stan)
        except LoadFailed:
            self.report.turned_away += 1
            self._coming.append((time.monotonic() + AGAIN_S, index, stan))


class Strangers:
    """Connections that say nothing, and come again when they are closed."""

    def __init__(self, order: NuisanceOrder) -> None:
        self._address = (order.host, order.port)
        self._wanted = order.connections
        self._socks: dict[int, socket.socket] = {}
        self.report = NuisanceReport(seconds=0)

    def run(self, is_over: Callable[[], bool]) -> None:
        """Stand in the way until it is over."""
        with select.epoll() as epoll:
            while not is_over():
                for sock in self._missing():
                    self._socks[sock.fileno()] = sock
                    epoll.register(sock.fileno(), select.EPOLLIN)
                for fd, _ in epoll.poll(POLL_S, READY_MAX):
                    epoll.unregister(fd)
                    self._socks.pop(fd).close()
        for sock in self._socks.values():
            sock.close()

    def _missing(self) -> Iterator[socket.socket]:
        while len(self._socks) < self._wanted:
            sock = socket.socket()
            sock.setblocking(False)
            if sock.connect_ex(self._address) not in (0, errno.EINPROGRESS):
                sock.close()
                return
            self.report.connected += 1
            yield sock


def make(order: NuisanceOrder) -> Flood | Strangers:
    """Return the nuisance of an order, connected. Raises `LoadFailed`."""
    return Strangers(order) if order.kind == "strangers" else Flood(order)

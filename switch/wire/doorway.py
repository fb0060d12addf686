"""The doorway: the listening socket and everybody who has not authenticated yet, in one trio task.

Owns half-open connections: their sockets, their deadline, their number. No task and no timer is made for a
stranger: an accepted socket is a row in a table in the order of acceptance, which is the order of deadlines,
too, and one epoll object tells whose bytes are here. Must not know requests. Invariants: no more than
`handshakes_max` are half open, and past that the oldest makes room, once it has had `HALF_OPEN_S_MIN`; a
round does at most `STEPS_MAX` steps; while customers are served strangers get no more than one part in `1 +
REST` of the worker's time.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
from collections import OrderedDict
from time import thread_time

import trio

from protocol import ProtocolError, ServerSession
from switch.wire.admission import CERTIFICATE_OF_OTHERS, Admission, proved
from switch.wire.client_certificates import fault_of
from switch.wire.listener import set_for_all_accepted, tls_context
from switch.wire.pump import Pump, PumpedSocket
from switch.wire.tls import HANDSHAKE_RECORD, NotTls, PlainSocket, TlsSocket

STEPS_MAX = 4
"""Steps of a round: an accepted connection, a read of a half-open one."""
ROUND_S_MAX = 0.001
"""A round ends after the step that reaches this: a handshake of TLS may take as long by itself."""
REST = 7.0
"""So many times what a round took the doorway rests after it, when customers are served meanwhile."""
HALF_OPEN_S_MIN = 1.0
"""A half-open connection is not made to go before: an honest terminal on a slow line has two round trips."""
READ_BYTES_MAX = 8_192
DESCRIPTORS_SHORT = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
DESCRIPTORS_S = 0.1
READ, NEVER = select.EPOLLIN, float("inf")


class HalfOpen:
    """One accepted connection that has not authenticated."""

    __slots__ = ("accepted_at", "session", "sock", "source")

    def __init__(
        self, sock: PlainSocket | TlsSocket, session: ServerSession, source: str, accepted_at: float
    ) -> None:
        self.sock = sock
        self.session = session
        self.source = source
        self.accepted_at = accepted_at


class Doorway:
    """Accepts connections and carries each through its handshake into the pump."""

    def __init__(self, admission: Admission, pump: Pump) -> None:
        self._admission = admission
        self._config = admission.config
        self._pump = pump
        self._served = 0
        self._tls = tls_context(admission.config)
        self._half_open: OrderedDict[int, HalfOpen] = OrderedDict()
        self._accept_at = 0.0
        """When to accept again; infinity while the epoll object waits for it."""
        self._listening: socket.socket | None = None
        self._listening_fd = -1
        self._epoll: select.epoll
        self._nursery: trio.Nursery

    def reload(self) -> None:
        """Take over changed settings for handshakes to come. Raises OSError or ConfigError."""
        self._tls = tls_context(self._config)
        if self._listening is not None:
            set_for_all_accepted(self._listening, self._config)

    @property
    def half_open(self) -> int:
        """Connections that have not authenticated yet."""
        return len(self._half_open)

    async def run(self, listening: socket.socket) -> None:
        """Accept and shake hands until cancelled; closes the listening socket and whatever is half open."""
        self._listening, self._epoll = listening, select.epoll()
        self._listening_fd = listening.fileno()
        self._epoll.register(self._listening_fd, READ)
        self._accept_at = NEVER
        with listening, self._epoll:
            try:
                async with trio.open_nursery() as self._nursery:
                    await self._serve()
            finally:
                for fd in list(self._half_open):
                    self._end(fd, "stopped")

    async def _serve(self) -> None:
        while True:
            await self._wait()
            began = thread_time()
            self._do_round(trio.current_time(), began)
            await self._rest(thread_time() - began)

    async def _wait(self) -> None:
        oldest = next(iter(self._half_open.values()), None)
        expiry = oldest.accepted_at + self._config.handshake_s if oldest else NEVER
        with trio.CancelScope(deadline=min(expiry, self._accept_at)):
            await trio.lowlevel.wait_readable(self._epoll.fileno())

    def _do_round(self, now: float, began: float) -> None:
        self._expire(now)
        if now >= self._accept_at:
            self._accept_again()
        ready = [fd for fd, _ in self._epoll.poll(0, STEPS_MAX)]
        if self._listening_fd in ready:  # what steps the others leave are for accepting
            ready += [self._listening_fd] * (STEPS_MAX - len(ready))
        for fd in ready:
            if fd == self._listening_fd:
                if self._accept_at == NEVER:
                    self._accept(now)
            elif half_open := self._half_open.get(fd):
                self._step(fd, half_open)
            if thread_time() - began >= ROUND_S_MAX:
                break  # epoll tells of the others again

    async def _rest(self, worked_s: float) -> None:
        """Let the others run; if one of them was a customer since the last round, for long enough."""
        served, self._served = self._served, self._admission.meters.bytes_received
        if self._served != served:
            await trio.sleep(REST * worked_s)
        else:
            await trio.lowlevel.checkpoint()

    # Accepting.

    def _accept(self, now: float) -> None:
        """Accept one connection. Where there is no room, the oldest makes some, or nobody is accepted yet."""
        oldest = None
        if len(self._half_open) >= self._config.handshakes_max:
            oldest, half_open = next(iter(self._half_open.items()))
            if (ripe_at := half_open.accepted_at + HALF_OPEN_S_MIN) > now:
                self._accept_not_before(ripe_at)
                return
        assert self._listening is not None
        try:
            sock, address = self._listening.accept()
        except OSError as error:
            # Nobody is there any more, or descriptors are short: the backlog holds the others.
            if error.errno in DESCRIPTORS_SHORT:
                faults = self._admission.hub.connections.faults
                faults.note_own("accept_failed", str(error.strerror), now)
                self._accept_not_before(now + DESCRIPTORS_S)
            return
        if oldest is not None:
            self._end(oldest, "evicted")
        sock.setblocking(False)
        carrier = TlsSocket(sock, self._tls) if self._tls else PlainSocket(sock)
        source = str(address[0])
        session = self._admission.new_session(source)
        self._half_open[sock.fileno()] = HalfOpen(carrier, session, source, now)
        self._epoll.register(sock.fileno(), READ)

    def _accept_not_before(self, moment: float) -> None:
        self._accept_at = moment
        self._epoll.modify(self._listening_fd, 0)

    def _accept_again(self) -> None:
        self._accept_at = NEVER
        self._epoll.modify(self._listening_fd, READ)

    def _expire(self, now: float) -> None:
        while self._half_open:
            fd, oldest = next(iter(self._half_open.items()))
            if now - oldest.accepted_at < self._config.handshake_s:
                return
            self._end(fd, "timeout")

    def _end(self, fd: int, result: str) -> None:
        """Close a half-open connection (which takes it out of epoll) and count what became of it."""
        self._close(fd)
        self._admission.meters.handshakes[result] += 1

    def _close(self, fd: int) -> HalfOpen:
        half_open = self._leave(fd)
        half_open.sock.close()
        return half_open

    def _leave(self, fd: int) -> HalfOpen:
        """Take a connection out of the table; whoever waits for its place may come."""
        if self._accept_at != NEVER:
            self._accept_again()
        return self._half_open.pop(fd)

    # Shaking hands.

    def _step(self, fd: int, half_open: HalfOpen) -> None:
        """Read once, and answer."""
        if half_open.session.is_open:  # its key is asked about: what comes is an end of the line
            self._end(fd, "peer_closed")
            return
        try:
            data = half_open.sock.recv(READ_BYTES_MAX)
        except BlockingIOError:
            return
        except NotTls:
            self._fail(fd, "plain_on_tls_port")
        except ssl.SSLError as error:
            reason, problem = fault_of(error)
            self._fail(fd, reason, problem=problem)
        except OSError:
            self._end(fd, "peer_closed")
        else:
            if data:
                self._take(fd, half_open, data)
            else:
                self._end(fd, "peer_closed")

    def _take(self, fd: int, half_open: HalfOpen, data: bytes) -> None:
        session = half_open.session
        try:
            session.receive(data, 0)
        except ProtocolError as fault:
            if self._tls is None and data[0] == HANDSHAKE_RECORD:
                self._fail(fd, "tls_on_plain_port")
                return
            self._admission.failed_protocol(self._close(fd).source, fault)
            return
        if session.is_open:
            self._judge(fd, half_open)
        else:
            self._send(fd, half_open)

    def _send(self, fd: int, half_open: HalfOpen) -> bool:
        """Send what the session has to say; False if the peer is gone or takes not even this."""
        try:
            half_open.sock.send(half_open.session.data_to_send())
        except OSError:
            self._end(fd, "peer_closed")
            return False
        return True

    def _judge(self, fd: int, half_open: HalfOpen) -> None:
        """Let a terminal in that has proved its key, or not; where its key is in doubt, ask first."""
        number, generation = proved(half_open.session)
        if problem := self._admission.not_named(half_open.session, half_open.sock.names):
            self._fail(fd, CERTIFICATE_OF_OTHERS, terminal=number, problem=problem)
        elif reason := self._admission.refusal(half_open.session):
            self._fail(fd, reason, terminal=number)
        elif self._admission.keys.may_use_at_once(number, generation):
            self._let_in(fd, half_open)
        else:
            self._epoll.modify(fd, 0)
            self._nursery.start_soon(self._ask, fd, half_open)

    async def _ask(self, fd: int, half_open: HalfOpen) -> None:
        number, generation = proved(half_open.session)
        may_use = await self._admission.keys.may_use(number, generation)
        if self._half_open.get(fd) is not half_open:
            return  # it had to go meanwhile
        if may_use:
            self._let_in(fd, half_open)
        else:
            self._fail(fd, "key_refused", terminal=number)

    def _fail(self, fd: int, reason: str, **more: object) -> None:
        self._admission.failed(self._close(fd).source, reason, **more)  # type: ignore[arg-type]

    def _let_in(self, fd: int, half_open: HalfOpen) -> None:
        if not self._send(fd, half_open):
            return
        self._leave(fd)
        self._epoll.unregister(fd)
        carrier = PumpedSocket(self._pump, half_open.sock)
        connection = self._admission.connect(half_open.session, half_open.source, carrier)
        self._pump.add(connection, carrier)
        self._admission.admit(connection)
        if half_open.sock.ended:
            self._admission.hub.ended(connection)

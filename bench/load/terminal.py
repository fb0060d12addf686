"""A blocking terminal for load tests: connect, handshake, sign-on, then one request and its reply at a time.

Owns one socket, one `protocol.ClientSession` and the terminal's STAN. Uses neither trio nor asyncio: Locust
patches `select` and `socket` for gevent, and a plain blocking socket with deadlines works under both. Must
not know what a request is good for, nor any statistics.

Unlike a till it persists nothing and repeats nothing: whatever fails is the caller's to count, and the line
is gone then. So nobody's points may hang on it. Invariants: every call ends within its deadline; after a
`LineError` the socket is closed; a STAN is used once, and after a sign-on it is past every STAN that the
switch has journalled for this terminal.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from enum import StrEnum
from types import TracebackType
from typing import Final, NamedTuple, cast

from protocol import (
    Balance,
    ClientSession,
    Earn,
    Echo,
    EntryMode,
    ProtocolError,
    Received,
    Redeem,
    Reply,
    Request,
    Reversal,
    SignOff,
    SignOn,
    SignOnReply,
    is_signed_on,
    limits,
)
from simulators.till.identity import TerminalIdentity

SOFTWARE: Final = "cityswitch bench"
LANGUAGE: Final = "pl"
SWIPED: Final = EntryMode.SWIPED
CONNECT_S_MAX: Final = float(limits.HANDSHAKE_TIMEOUT_S)
REPLY_S_MAX: Final = float(limits.REPLY_TIMEOUT_S)
STAN_SKIP: Final = 1_000
"""How far past the switch's last STAN to go on: requests of an earlier run may still be on their way."""

_RECEIVE_BYTES: Final = 65_536
_FRAME_OVERHEAD: Final = limits.HEADER_SIZE + limits.TAG_SIZE


class LineFault(StrEnum):
    """Why there is no line, or no line any more."""

    REFUSED = "connection refused"
    UNREACHABLE = "unreachable"
    HANDSHAKE = "handshake refused"
    """The switch closed during the handshake: an unknown or blocked terminal, or another key."""
    SIGN_ON = "sign-on declined"
    STANS_SPENT = "the last STAN has been used"
    TIMED_OUT = "no answer in time"
    CLOSED = "connection closed"
    PROTOCOL = "protocol broken"


class LineError(Exception):
    """The line could not be made, or was lost; `fault` is the closed label, the text says more."""

    def __init__(self, fault: LineFault, detail: str) -> None:
        super().__init__(f"{fault.value}: {detail}" if detail else fault.value)
        self.fault = fault


class Answer(NamedTuple):
    """A reply, its result code (0..255), and the size of its frame in bytes."""

    reply: Reply
    code: int
    size: int


class BlockingTerminal:
    """One open line. Made by `BlockingTerminal.connect`; a context manager that closes it."""

    def __init__(self, sock: socket.socket, session: ClientSession) -> None:
        self._socket = sock
        self._session = session
        self._is_closed = False
        self.stan = 0
        self.programme: SignOnReply | None = None

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        identity: TerminalIdentity,
        *,
        timeout_s: float = CONNECT_S_MAX,
        tls: ssl.SSLContext | None = None,
    ) -> BlockingTerminal:
        """Connect, speak TLS if a context is given, and shake hands. Raises `LineError`."""
        deadline = time.monotonic() + timeout_s
        sock = _connected(host, port, timeout_s, tls)
        session = ClientSession(
            terminal=identity.terminal,
            generation=identity.generation,
            key=identity.key,
            nonce=secrets.token_bytes(limits.NONCE_SIZE),
        )
        line = cls(sock, session)
        try:
            line._send(session.data_to_send(), deadline)
            while not session.is_open:
                line._receive(deadline)
                if answer := session.data_to_send():
                    line._send(answer, deadline)
        except LineError as error:
            if error.fault in (LineFault.CLOSED, LineFault.PROTOCOL):
                raise LineError(LineFault.HANDSHAKE, f"terminal {identity.terminal}") from None
            raise
        except BaseException:
            line.close()  # stopped from outside, half-way
            raise
        return line

    def __enter__(self) -> BlockingTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the line; harmless when it is closed already."""
        self._is_closed = True
        self._socket.close()

    def next_stan(self) -> int:
        """Return the next unused STAN; none is ever used twice. Raises `LineError` after the last one."""
        if self.stan >= limits.STAN_MAX:
            raise self._lost(LineFault.STANS_SPENT, "the terminal needs a new number")
        self.stan += 1
        return self.stan

    def sign_on(self, *, timeout_s: float = REPLY_S_MAX) -> Answer:
        """Sign on and go past the STANs the switch has seen. Raises `LineError`, also when it is declined."""
        answer = self.ask(SignOn(self.next_stan(), _now(), SOFTWARE, LANGUAGE, 0), timeout_s=timeout_s)
        if not is_signed_on(answer.code):
            self.close()
            raise LineError(LineFault.SIGN_ON, f"code {answer.code}")
        self.programme = cast(SignOnReply, answer.reply)
        if self.programme.last_stan >= self.stan:
            self.stan = min(self.programme.last_stan + STAN_SKIP, limits.STAN_MAX)
        return answer

    def sign_off(self) -> Answer:
        """Say that nothing is in flight any more. Raises `LineError`."""
        return self.ask(SignOff(self.next_stan(), _now()))

    def echo(self) -> Answer:
        """Ask whether the switch is there. Raises `LineError`."""
        return self.ask(Echo(self.next_stan(), _now()))

    def balance(self, card: str) -> Answer:
        """Ask for the balance of a card (digits or track 2). Raises `LineError`."""
        return self.ask(Balance(self.next_stan(), _now(), card, SWIPED))

    def earn(self, card: str, amount_grosze: int) -> Answer:
        """Points for what was paid. Raises `LineError`."""
        return self.ask(Earn(self.next_stan(), _now(), card, SWIPED, amount_grosze))

    def redeem(self, card: str, tier_points: int) -> Answer:
        """Spend one tier of points. Raises `LineError`."""
        return self.ask(Redeem(self.next_stan(), _now(), card, SWIPED, tier_points, 0))

    def reverse(self, card: str, original_stan: int) -> Answer:
        """Undo this terminal's own earlier request for the card. Raises `LineError`."""
        return self.ask(Reversal(self.next_stan(), _now(), card, SWIPED, original_stan))

    def ask(self, request: Request, *, timeout_s: float = REPLY_S_MAX) -> Answer:
        """Send one request and wait for its reply. Raises `LineError`, and the line is closed."""
        if self._is_closed:
            raise LineError(LineFault.CLOSED, "before")
        deadline = time.monotonic() + timeout_s
        self._send(self._session.seal(request), deadline)
        while not (received := self._receive(deadline)):
            pass
        answered = received[0]
        reply = cast(Reply, answered.message)
        if reply.stan != request.stan or len(received) > 1:
            # One request at a time, so there is nothing else a reply could be for.
            self.close()
            raise LineError(LineFault.PROTOCOL, f"a reply to STAN {reply.stan}, asked was {request.stan}")
        return Answer(reply, reply.code, len(answered.body) + _FRAME_OVERHEAD)

    def _send(self, data: bytes, deadline: float) -> None:
        try:
            self._socket.settimeout(_remaining_s(deadline))
            self._socket.sendall(data)
        except TimeoutError:
            raise self._lost(LineFault.TIMED_OUT, "the switch does not read") from None
        except OSError as error:
            raise self._lost(LineFault.CLOSED, error.strerror or "while sending") from None

    def _receive(self, deadline: float) -> list[Received]:
        """Wait for bytes; return the replies they complete, maybe none."""
        try:
            self._socket.settimeout(_remaining_s(deadline))
            data = self._socket.recv(_RECEIVE_BYTES)
        except TimeoutError:
            raise self._lost(LineFault.TIMED_OUT, "") from None
        except OSError as error:
            raise self._lost(LineFault.CLOSED, error.strerror or "while receiving") from None
        if not data:
            raise self._lost(LineFault.CLOSED, "by the switch")
        try:
            return self._session.receive(data)
        except ProtocolError as error:
            raise self._lost(LineFault.PROTOCOL, str(error)) from None

    def _lost(self, fault: LineFault, detail: str) -> LineError:
        self.close()
        return LineError(fault, detail)


def _connected(host: str, port: int, timeout_s: float, tls: ssl.SSLContext | None) -> socket.socket:
    where = f"{host}:{port}"
    try:
        sock = socket.create_connection((host, port), timeout=timeout_s)
    except ConnectionRefusedError:
        raise LineError(LineFault.REFUSED, where) from None
    except TimeoutError:
        raise LineError(LineFault.TIMED_OUT, where) from None
    except OSError as error:
        raise LineError(LineFault.UNREACHABLE, f"{where}: {error.strerror or error}") from None
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock if tls is None else tls.wrap_socket(sock, server_hostname=host)
    except OSError as error:
        sock.close()
        raise LineError(LineFault.HANDSHAKE, f"{where}: TLS: {error}") from None


def _remaining_s(deadline: float) -> float:
    """Seconds until the deadline; past it just enough to see what has arrived (0 would mean non-blocking)."""
    return max(deadline - time.monotonic(), 0.001)


def _now() -> int:
    return int(time.time())

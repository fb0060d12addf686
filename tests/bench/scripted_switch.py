"""A switch for the load terminal's tests: real handshake and frames on loopback, scripted answers.

It decides nothing: each request that is no sign-on meets the next step of the script, and when the script is
spent everything is approved. `with scripted_switch() as switch` stops it and joins every thread.
"""

import contextlib
import secrets
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.city import identity
from protocol import (
    Ack,
    Echo,
    ProtocolError,
    Received,
    Reply,
    Request,
    ServerSession,
    SignOff,
    SignOn,
    SignOnReply,
    TransactionReply,
    Verify,
    VerifyReply,
)
from simulators.city.population import FIRST_TERMINAL, Population

CITY = Population("a test", cards=1_000, partners=10)


@dataclass
class Step:
    """What one request meets: a code, nothing, a closed line, another STAN, or garbage first."""

    code: int = 0
    answer: bool = True
    close: bool = False
    stan_shift: int = 0
    garbage: bytes = b""
    chunk: int = 4096


@dataclass
class ScriptedSwitch:
    """What the switch says and what it was asked."""

    port: int = 0
    script: deque[Step] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    terminals: list[int] = field(default_factory=list)
    last_stan: int = 0
    sign_on_code: int = 0
    balance: int = 0

    def reply(self, message: Any, step: Step) -> Reply:
        stan = message.stan + step.stan_shift
        match message:
            case SignOn():
                tiers = [(100, 1_000)]
                return SignOnReply(
                    stan,
                    self.sign_on_code,
                    1,
                    "czestochowa",
                    "Kino Perła",
                    self.last_stan,
                    500_000,
                    1000,
                    tiers,
                    7,
                    [],
                    0,
                    [],
                    0,
                )
            case Verify():
                return VerifyReply(stan, step.code, 1, 0, [], 0, "paragon")
            case SignOff() | Echo():
                return Ack(stan, step.code, 1)
            case _:
                return TransactionReply(stan, step.code, 1, 1, 0, 0, 0, self.balance, -1, 0, "paragon")


class _Handler(socketserver.BaseRequestHandler):
    request: socket.socket
    server: "_Server"

    def handle(self) -> None:
        session = ServerSession(
            nonce=secrets.token_bytes(32),
            session_id=secrets.token_bytes(8),
            find_key=_find_key,
            dummy_key=bytes(32),
        )
        with contextlib.suppress(ProtocolError, OSError):
            while data := self.request.recv(4096):
                received = session.receive(data)
                if handshake := session.data_to_send():
                    self.request.sendall(handshake)
                    if session.terminal is not None:
                        self.server.switch.terminals.append(session.terminal)
                for one in received:
                    if not self._answer(session, one):
                        return

    def _answer(self, session: ServerSession, received: Received) -> bool:
        switch = self.server.switch
        message: Any = received.message
        step = Step()
        if not isinstance(message, SignOn) and switch.script:
            step = switch.script.popleft()
        switch.requests.append(message)
        if step.answer:
            frame = step.garbage + session.seal(switch.reply(message, step), received.type)
            for start in range(0, len(frame), step.chunk):
                self.request.sendall(frame[start : start + step.chunk])
        return not step.close


def _find_key(terminal: int, generation: int) -> bytes | None:
    index = terminal - FIRST_TERMINAL
    return identity(CITY, index).key if 0 <= index < CITY.terminals and generation == 1 else None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    block_on_close = True

    def __init__(self, switch: ScriptedSwitch) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.switch = switch
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def scripted_switch() -> Iterator[ScriptedSwitch]:
    switch = ScriptedSwitch()
    with _Server(switch) as server:
        switch.port = server.server_address[1]
        accepting = threading.Thread(target=server.serve_forever, args=(0.005,))
        accepting.start()
        try:
            yield switch
        finally:
            server.shutdown()
            accepting.join()
            server.hang_up()


def closed_port() -> int:
    """A port of loopback on which nobody listens: one that was free a moment ago may be somebody's by now."""
    return 1

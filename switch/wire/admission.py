"""Who is let in: the sessions of those who shake hands, and what is said of those who are not.

Owns the verdict on a handshake, its counts and its line in the operator's log. Must not know how bytes
travel. Invariants: unknown, blocked, expired and wrongly keyed terminals see the same exchange (SPEC.md,
Handshake), and so does a source in its pause (backoff.py); the log, which tells them apart, is written when
their connection has closed; a number only claimed spends nothing of its terminal's allowance.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

import structlog
import trio

from protocol import AuthenticationFailed, ProtocolError, ServerSession
from switch.clock import clock_ms
from switch.config import Config
from switch.flow.connection import Connection, Transport
from switch.flow.faults import Whose
from switch.metrics import Meters
from switch.rules.directory import Directory
from switch.wire.backoff import Backoff
from switch.wire.client_certificates import Names, covers, told
from switch.wire.hub import Hub

log = structlog.get_logger()


class KeyCheck(Protocol):
    """Whether a generation of a key may still be used; asked when it is proved, before ACCEPT is written."""

    def may_use_at_once(self, number: int, generation: int) -> bool:
        """Return True where nobody need be asked."""

    async def may_use(self, number: int, generation: int) -> bool:
        """Ask whoever knows."""


class _AnyKey:
    def may_use_at_once(self, _number: int, _generation: int) -> bool:
        return True

    async def may_use(self, _number: int, _generation: int) -> bool:
        return True


CERTIFICATE_OF_OTHERS: Final = "certificate_of_others"
"""Counted and told of a terminal that has proved its key behind a certificate that does not name it."""
ANY_KEY: Final[KeyCheck] = _AnyKey()
"""Every key that the directory has may be used."""


def proved(session: ServerSession) -> tuple[int, int]:
    """Return terminal and generation of an open session."""
    assert session.terminal is not None
    assert session.generation is not None
    return session.terminal, session.generation


class Admission:
    """Makes sessions, and connections of those that have authenticated.

    `draw` gives so many bytes that nobody can guess.
    """

    def __init__(
        self,
        *,
        config: Config,
        directory: Directory,
        hub: Hub,
        meters: Meters,
        keys: KeyCheck,
        draw: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.config = config
        self.hub = hub
        self.meters = meters
        self.keys = keys
        self._directory = directory
        self._draw = draw
        self._dummy_key = draw(32)
        self.backoff = Backoff()

    def new_session(self, source: str) -> ServerSession:
        """The session of a connection that has just been accepted from an address."""
        return ServerSession(
            nonce=self._draw(32),
            session_id=self._draw(8),
            find_key=partial(self._find_key, source),
            dummy_key=self._dummy_key,
        )

    def _find_key(self, source: str, terminal: int, generation: int) -> bytes | None:
        """Return the key a proof is held to; in a pause there is none, whatever the registry has."""
        is_paused = self.backoff.is_paused(terminal, source, trio.current_time())
        key = self._directory.find_key(terminal, generation, clock_ms())
        return None if is_paused else key

    def refusal(self, session: ServerSession) -> str | None:
        """Why a terminal that has proved its key is not let in; to be asked before ACCEPT is written."""
        number, _ = proved(session)
        connections = self.hub.connections
        if connections.full:
            return "connections_full"
        if connections.allowance_of(number).is_shut_out(trio.current_time()):
            return "too_often"
        return None

    def not_named(self, session: ServerSession, names: Names | None) -> str | None:
        """What to tell of a certificate that does not stand for the terminal that has proved its key."""
        terminal = self._directory.terminals[proved(session)[0]]
        return None if covers(names, terminal) else told(names)

    def connect(self, session: ServerSession, source: str, transport: Transport) -> Connection:
        """Make the connection of a terminal that has authenticated."""
        number, generation = proved(session)
        terminal = self._directory.terminals[number]
        return Connection(
            session,
            transport,
            terminal=terminal,
            terminal_of=lambda _: terminal,
            allowance=self.hub.connections.allowance_of(terminal.number),
            generation=generation,
            source=source,
            now=trio.current_time(),
        )

    def admit(self, connection: Connection) -> None:
        """Take in a connection whose ACCEPT has been written."""
        self.meters.handshakes["accepted"] += 1
        self.backoff.proved(connection.number, connection.source)
        self.hub.admit(connection)
        if connection.terminal is not None and connection.terminal.blocked:
            # While ACCEPT was being written: the block found no connection to close.
            self.hub.connections.close(connection, "terminal_blocked")

    def failed(self, source: str, reason: str, *, terminal: int = 0, **more: object) -> None:
        """Count a handshake that failed by the peer's fault, and tell the operator."""
        self.meters.handshakes[reason] += 1
        faults, now = self.hub.connections.faults, trio.current_time()
        whose = Whose.CUSTOMER if terminal else Whose.STRANGER  # a number is told here once it is proved
        self.hub.connections.attendance.failed(terminal, reason, source, is_known=True)
        faults.note(whose, "handshake_failed", source, reason, now, terminal=terminal, **more)

    def failed_protocol(self, source: str, fault: ProtocolError) -> None:
        """The same for a fault of our protocol: of a wrong proof the cause, and the number claimed."""
        if not isinstance(fault, AuthenticationFailed):
            self.failed(source, fault.reason)
            return
        cause = self._why_refused(source, fault.terminal, fault.generation)
        self.meters.handshakes[fault.reason] += 1
        self.meters.sign_on_refusals[cause] += 1
        faults, now = self.hub.connections.faults, trio.current_time()
        is_known = fault.terminal in self._directory.terminals
        self.hub.connections.attendance.failed(fault.terminal, cause, source, is_known=is_known)
        whose = Whose.CLAIMED if is_known else Whose.STRANGER
        faults.note(
            whose, "sign_on_refused", source, cause, now, terminal=fault.terminal, generation=fault.generation
        )

    def _why_refused(self, source: str, terminal: int, generation: int) -> str:
        """Note a proof that did not count, and return why, for the operator alone."""
        if self.backoff.is_paused(terminal, source, now := trio.current_time()):
            return "backing_off"
        self.backoff.failed(terminal, source, now)
        return self._directory.why_no_key(terminal, generation, clock_ms()) or "wrong_key"

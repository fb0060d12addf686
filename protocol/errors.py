"""The closed set of errors of this package: the peer's fault, and our own misuse.

Owns the exception types and the reasons for closing; knows nothing of sockets. Invariant: whatever bytes
come in, only `ProtocolError` leaves `receive`; `MisuseError` always means a defect in the calling program.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocol.messages import Received


class CloseReason(StrEnum):
    """Why a connection is closed without a word (SPEC.md, "Closing"); a label for metrics and logs."""

    FRAME_SIZE = "frame_size"
    """The length field is below the smallest frame or above the cap of the state."""
    VERSION = "version"
    """The frame's version byte is not 1, or HELLO and CHALLENGE share no version."""
    TYPE = "type"
    """A type byte that the other side never sends."""
    STATE = "state"
    """A known message that the present state does not allow."""
    TAG = "tag"
    """The tag of a data frame is wrong: altered, repeated, out of order, of another session or direction."""
    BODY = "body"
    """The body is not the msgpack array the type declares, or a field is out of range."""
    KEY = "key"
    """The mac of PROOF or ACCEPT is wrong."""


class ProtocolError(Exception):
    """The peer broke the protocol: close the connection without a word.

    `reason` is the closed label, `detail` says more for a log (never a secret, never a card number), and
    `received` holds the messages that the same `receive` call had verified before the fault.
    """

    def __init__(self, reason: CloseReason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail
        self.received: list[Received] = []


class AuthenticationFailed(ProtocolError):
    """The mac of PROOF (or, at the terminal, of ACCEPT) is wrong.

    An unknown terminal, a blocked one, a wrong key and a wrong generation all look alike. `terminal` and
    `generation` are what HELLO claimed: unproved, for counting only.
    """

    def __init__(self, terminal: int, generation: int) -> None:
        super().__init__(CloseReason.KEY, f"terminal {terminal}, generation {generation}")
        self.terminal = terminal
        self.generation = generation


class MisuseError(Exception):
    """Our own misuse of a session object or of an encoder: a defect to mend, not a peer to blame."""


class CardNumberError(ValueError):
    """What was read or keyed is not a card number. The text never repeats the input."""

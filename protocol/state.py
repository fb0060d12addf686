"""The state machine of both sides, as a table: an illegal event is a miss in it.

Owns the states, the events and the legal steps; knows nothing of bytes. SPEC.md ("States") shows the same
table. Invariants: a state only ever goes forward; FAILED has no way out; no data before OPEN.
"""

from collections.abc import Mapping
from enum import StrEnum

from protocol.errors import CloseReason, ProtocolError
from protocol.messages import (
    ACCEPT,
    CHALLENGE,
    HELLO,
    PROOF,
    REPEAT_BIT,
    REPLY_OF,
    REQUEST_OF,
)


class State(StrEnum):
    """Where a session stands; the first two belong to the switch, the next two to the terminal."""

    WAIT_HELLO = "wait_hello"
    WAIT_PROOF = "wait_proof"
    WAIT_CHALLENGE = "wait_challenge"
    WAIT_ACCEPT = "wait_accept"
    OPEN = "open"
    FAILED = "failed"


class Event(StrEnum):
    """What arrives from the peer."""

    HELLO = "hello"
    CHALLENGE = "challenge"
    PROOF = "proof"
    ACCEPT = "accept"
    REQUEST = "request"
    REPLY = "reply"


SERVER_STEPS: Mapping[State, Mapping[Event, State]] = {
    State.WAIT_HELLO: {Event.HELLO: State.WAIT_PROOF},
    State.WAIT_PROOF: {Event.PROOF: State.OPEN},
    State.OPEN: {Event.REQUEST: State.OPEN},
    State.FAILED: {},
}

CLIENT_STEPS: Mapping[State, Mapping[Event, State]] = {
    State.WAIT_CHALLENGE: {Event.CHALLENGE: State.WAIT_ACCEPT},
    State.WAIT_ACCEPT: {Event.ACCEPT: State.OPEN},
    State.OPEN: {Event.REPLY: State.OPEN},
    State.FAILED: {},
}

SERVER_EVENTS: Mapping[int, Event] = {
    HELLO: Event.HELLO,
    PROOF: Event.PROOF,
    **dict.fromkeys(REQUEST_OF, Event.REQUEST),
    **dict.fromkeys((number | REPEAT_BIT for number in REQUEST_OF), Event.REQUEST),
}
"""What a type byte means to the switch; any other byte is an unknown type."""

CLIENT_EVENTS: Mapping[int, Event] = {
    CHALLENGE: Event.CHALLENGE,
    ACCEPT: Event.ACCEPT,
    **dict.fromkeys(REPLY_OF, Event.REPLY),
}
"""What a type byte means to a terminal."""


def step(
    steps: Mapping[State, Mapping[Event, State]], events: Mapping[int, Event], state: State, type_byte: int
) -> State:
    """Return the state after a frame of this type; raises `ProtocolError` (`type`, `state`) on a miss."""
    event = events.get(type_byte)
    if event is None:
        raise ProtocolError(CloseReason.TYPE, f"0x{type_byte:02x}")
    after = steps[state].get(event)
    if after is None:
        raise ProtocolError(CloseReason.STATE, f"{event} in {state}")
    return after

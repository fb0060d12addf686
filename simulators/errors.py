"""What can go wrong between a terminal and the switch, as a closed set of types a cashier's screen can
name.

Owns the exception types; knows nothing of sockets or files. Invariant: nothing but these leaves a
`PosTerminal`'s methods on account of the network or of the switch; a decline is an answer, not an error.
"""

from enum import StrEnum


class TerminalError(Exception):
    """Base of all; the message is one readable line."""


class InvalidEntry(TerminalError):
    """The cashier's input does not fit the wire: card text or amount too long, a STAN not used yet.

    Nothing was stored or sent.
    """


class CannotConnectCause(StrEnum):
    """Why no connection came about."""

    NAME_UNKNOWN = "name_unknown"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    TLS = "tls"


class CannotConnect(TerminalError):
    """No connection to the switch; nothing was sent, no reversal is needed."""

    def __init__(self, cause: CannotConnectCause, detail: str) -> None:
        super().__init__(f"cannot connect to the switch: {detail}")
        self.cause = cause


class RefusedBySwitch(TerminalError):
    """The switch closed the connection during the handshake: unknown or blocked terminal, or a wrong key."""


class SignOnDeclined(TerminalError):
    """The switch knows the terminal and does not let it work; `code` is the result code of the sign-on."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"sign-on declined: {detail}")
        self.code = code


class KeyNotChanged(TerminalError):
    """The switch gave no newer key; `code` is what it said instead."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"no new key: {detail}")
        self.code = code


class LinkLost(TerminalError):
    """The connection broke, or the switch spoke out of turn; what was sent may or may not have arrived."""


class Pausing(TerminalError):
    """Nothing was tried: after failures in a row the pause is longer than this caller waits."""

    def __init__(self) -> None:
        super().__init__("the switch was away several times: waiting before the next try")


class Abandoned(TerminalError):
    """No final answer in time: base of the two ways. `stan` is never sent again.

    `reversal_stan` is the persisted reversal that `settle` sends until it is acknowledged; None where the
    request posts nothing. An advice or a reversal is never abandoned: for those it is its own STAN.
    """

    def __init__(self, detail: str, *, stan: int, reversal_stan: int | None) -> None:
        super().__init__(detail)
        self.stan = stan
        self.reversal_stan = reversal_stan


class TimedOut(Abandoned):
    """No answer came within the tries."""


class SwitchBusy(Abandoned):
    """The switch answered every try with a code of the class retry."""


class StoreError(Exception):
    """The terminal's memory cannot be used; the message says why in one line."""


class StoreInUse(StoreError):
    """Another process holds this memory: two terminals with one number would spend the same STANs."""


class StoreDamaged(StoreError):
    """The file is not this terminal's memory, or it is damaged before its last record."""


class StansExhausted(StoreError):
    """STAN 2**31-1 was used: the terminal needs a new number."""

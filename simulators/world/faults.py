"""What goes wrong in a world: the closed list of faults, and which of them strike, by the seed.

Owns the list, how often each strikes, and the count of those that did. Must not know how a fault is done (the
network, the store and the lives of workers and terminals do). Invariants: each kind draws from a chance of
its own, so that leaving one out changes nothing of when another strikes; a fault is counted when it has
happened, not when it was planned; after `end` nothing fails any more.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """One kind of fault."""

    LINE_CUT = "line_cut"
    """A line breaks after any byte."""
    LINE_SILENT = "line_silent"
    """One direction carries nothing any more, and nobody is told."""
    LINE_REPLAYED = "line_replayed"
    """Bytes that were sent come again."""
    LINE_DELAYED = "line_delayed"
    """What follows a byte comes seconds later."""
    LINE_STUCK = "line_stuck"
    """The terminal takes nothing any more."""
    LINE_SLICED = "line_sliced"
    """What was sent at once comes in pieces."""
    CONNECT_LOST = "connect_lost"
    """Nobody answers a call."""
    STORE_SLOW = "store_slow"
    STORE_FAILS_BEFORE = "store_fails_before"
    """The connection is lost before the statement has committed."""
    STORE_FAILS_AFTER = "store_fails_after"
    """It is lost after that, before the answer."""
    STORE_SILENT = "store_silent"
    """Nothing is ever answered on that connection."""
    STORE_CONTENDED = "store_contended"
    """The server asks for the transaction again."""
    STORE_OUTAGE = "store_outage"
    """No connection works for a while."""
    FEED_DEAF = "feed_deaf"
    """A notification is lost."""
    FEED_GAP = "feed_gap"
    """A worker cannot read the registry for a while."""
    WORKER_CRASHED = "worker_crashed"
    WORKER_RESTARTED = "worker_restarted"
    """A worker is told to stop, and drains."""
    CLOCK_TO_MAY = "clock_to_may"
    """The clocks come to the night of 31 May, when entitlements end."""
    CLOCK_TO_SUMMER = "clock_to_summer"
    """The clocks come to an hour that is skipped, or one that comes twice."""
    CLOCK_BACK = "clock_back"
    """The clocks are set back by a day."""
    CLOCK_BEHIND = "clock_behind"
    """A worker's own clock is late."""
    POWER_CUT = "power_cut"
    """A terminal loses its power in the middle of whatever it does."""
    TORN_RECORD = "torn_record"
    """It loses it while it writes to its memory."""
    OFFLINE = "offline"
    """A terminal has no line for a while, and stores what it sells."""


_SHARE: Final = {
    Fault.LINE_CUT: 0.3,
    Fault.LINE_SILENT: 0.12,
    Fault.LINE_REPLAYED: 0.1,
    Fault.LINE_DELAYED: 0.2,
    Fault.LINE_STUCK: 0.06,
    Fault.LINE_SLICED: 0.1,
    Fault.CONNECT_LOST: 0.04,
    Fault.STORE_SLOW: 0.02,
    Fault.STORE_FAILS_BEFORE: 0.004,
    Fault.STORE_FAILS_AFTER: 0.006,
    Fault.STORE_SILENT: 0.001,
    Fault.STORE_CONTENDED: 0.01,
    Fault.FEED_DEAF: 0.3,
    Fault.POWER_CUT: 0.02,
    Fault.TORN_RECORD: 0.003,
    Fault.OFFLINE: 0.03,
}
"""How often a kind strikes: of a line once in its life, of all others at each chance it has. Those that are
not here happen at moments of their own (`moments`)."""
_OF_LINES: Final = (
    Fault.LINE_CUT,
    Fault.LINE_SILENT,
    Fault.LINE_REPLAYED,
    Fault.LINE_DELAYED,
    Fault.LINE_STUCK,
)
_KINDS_LEFT_OUT: Final = 0.15
"""A world without some kinds goes further in others."""
_LEFT_OUT: Final = {Fault.CLOCK_BACK: 0.6, Fault.CLOCK_BEHIND: 0.5}
"""Of what makes a world hard to judge there is less."""
OPERATIONS_BETWEEN: Final = 800
"""On average, between two faults of a kind that happens by itself."""


class Faults:
    """The faults of one world. `kinds`: those that may strike; None: as the seed has it."""

    def __init__(self, seed: str, kinds: Iterable[Fault] | None = None) -> None:
        chance = random.Random(f"{seed}:faults")
        drawn = [kind for kind in Fault if chance.random() >= _LEFT_OUT.get(kind, _KINDS_LEFT_OUT)]
        self.kinds = frozenset(drawn if kinds is None else kinds)
        self._rng = {kind: random.Random(f"{seed}:{kind.value}") for kind in Fault}
        strength = chance.uniform(0.3, 1.5)
        self._share = {kind: share * strength for kind, share in _SHARE.items() if kind in self.kinds}
        self.counts: Counter[str] = Counter()
        self._has_ended = False

    def end(self) -> None:
        """From now on nothing fails."""
        self._has_ended = True

    @property
    def have_ended(self) -> bool:
        """Whether nothing fails any more."""
        return self._has_ended

    def rng(self, kind: Fault) -> random.Random:
        """The chance of one kind."""
        return self._rng[kind]

    def strikes(self, kind: Fault) -> bool:
        """Whether a fault happens here and now; it is counted."""
        share = self._share.get(kind, 0.0)
        if share and not self._has_ended and self._rng[kind].random() < share:
            self.happened(kind)
            return True
        return False

    def of_line(self) -> Fault | None:
        """Return what a new line will come to, if anything; it is counted when it happens."""
        drawn = [kind for kind in _OF_LINES if self._rng[kind].random() < self._share.get(kind, 0.0)]
        return drawn[0] if drawn and not self._has_ended else None

    def happened(self, kind: Fault) -> None:
        """Count a fault that has happened."""
        self.counts[kind.value] += 1

    def moments(self, kind: Fault, operations: int) -> list[int]:
        """Return after how many of so many operations a kind happens by itself."""
        found: list[int] = []
        moment = 0.0
        while kind in self.kinds:
            moment += self._rng[kind].expovariate(1 / OPERATIONS_BETWEEN)
            if moment >= operations:
                break
            found.append(int(moment))
        return found

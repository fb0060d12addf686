"""How long a source is not believed whatever it proves, after it failed to prove a terminal's key.

Owns the pauses of (terminal, source) pairs. Must not know keys or sockets. Pure: reads no clock; times are
seconds of one clock. Invariants: a pause is the pair's own, no other terminal from that source and no other
source of that terminal has it; it is never longer than what SPEC.md (Sending, The pause) asks of a terminal,
which therefore never meets it; a source that the terminal itself last came in from has none, so nobody who
shares its address keeps it out; no more than `PAIRS_MAX` pairs are remembered, the latest to fail, and one
source a terminal that has proved its key.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from protocol.limits import BACKOFF_MAX_S, BACKOFF_MIN_S

FREE: Final = 3
"""So many failures in a row cost nothing: a terminal that has a newer key tries the older one after it."""
PAUSE_S_MIN: Final = BACKOFF_MIN_S / 2
"""The shortest pause a terminal draws after its first failure."""
PAUSE_S_MAX: Final = BACKOFF_MAX_S / 2
DOUBLINGS_MAX: Final = 16
PAIRS_MAX: Final = 10_000
"""Some 3 MB. Past it the pair that failed longest ago is forgotten."""
FORGOTTEN_AFTER_S: Final = 600.0
"""Without a failure for so long, a pair begins anew."""

Pair = tuple[int, str]
"""Terminal as claimed, source."""


class _Failures(NamedTuple):
    in_a_row: int
    at: float


def pause_s(failures: int) -> float:
    """Return for how long the pair is not believed after so many failures in a row, in seconds."""
    if failures <= FREE:
        return 0.0
    return min(PAUSE_S_MAX, float(PAUSE_S_MIN * 2 ** min(failures - 1 - FREE, DOUBLINGS_MAX)))


class Backoff:
    """The failures of one worker's door."""

    def __init__(self) -> None:
        self._failures: OrderedDict[Pair, _Failures] = OrderedDict()
        self._proved_from: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._failures)

    def is_paused(self, terminal: int, source: str, now: float) -> bool:
        """Whether nothing this source proves of this terminal counts now."""
        failed = self._failures.get((terminal, source))
        return failed is not None and now < failed.at + pause_s(failed.in_a_row)

    def failed(self, terminal: int, source: str, now: float) -> None:
        """A proof was wrong. (One that came in a pause was not looked at, and is no failure.)"""
        if self._proved_from.get(terminal) == source:
            return
        pair = terminal, source
        before = self._failures.pop(pair, None)
        fresh = before is None or now - before.at >= FORGOTTEN_AFTER_S
        self._failures[pair] = _Failures(1 if fresh or before is None else before.in_a_row + 1, now)
        if len(self._failures) > PAIRS_MAX:
            self._failures.popitem(last=False)

    def proved(self, terminal: int, source: str) -> None:
        """The terminal has come in from here."""
        self._failures.pop((terminal, source), None)
        self._proved_from[terminal] = source

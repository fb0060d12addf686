"""The switch's wall clock: it orders and dates transactions (ARCHITECTURE.md). Read it here only.

Owns where the time comes from. Must not know who reads it. Invariant: nothing of the switch replaces the
source; a simulated world, which has a time of its own, does.
"""

import time
from collections.abc import Callable

_source_ns: Callable[[], int] = time.time_ns


def clock_ms() -> int:
    """Milliseconds since the epoch."""
    return _source_ns() // 1_000_000


def set_clock(source_ns: Callable[[], int]) -> Callable[[], int]:
    """Read the time from another source, in nanoseconds since the epoch; return the one before."""
    global _source_ns
    before, _source_ns = _source_ns, source_ns
    return before

"""The switch's wall clock: it orders and dates transactions (ARCHITECTURE.md). Read it here only."""

import time


def clock_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000

"""How long tests wait for what must happen: so long that only a hang takes longer, on any machine.

A test that needs an instant counts, steps a clock of its own or waits for an event. Owns the one number, and
the settings of a switch with which no request is refused because the machine was slow.
"""

from typing import Final

HANG_S: Final = 120.0

UNHURRIED: Final[dict[str, float]] = {
    "give_up_ms": 60_000,
    "shed_after_ms": 60_000,
    "feed_stale_after_s": 3_600,
    "handshake_s": 600,
    "frame_s": 600,
    "write_s": 600,
}

"""The switch's clock can be replaced: by a simulated world, and by nobody else."""

import time

from switch.clock import clock_ms, set_clock
from tests.test_house_rules import PACKAGES, name, sources


def test_the_clock_reads_what_it_is_given() -> None:
    """A replaced source is read in nanoseconds, and the one before comes back."""
    before = set_clock(lambda: 5_000_000)
    try:
        assert clock_ms() == 5
    finally:
        assert set_clock(before)() == 5_000_000
    assert abs(clock_ms() - time.time() * 1_000) < 60_000


def test_only_a_simulated_world_replaces_the_clock() -> None:
    """No module of the switch, the office or the bench sets another time."""
    users = {name(path) for path in sources(*PACKAGES) if "set_clock(" in path.read_text(encoding="utf-8")}
    assert {user for user in users if not user.startswith("simulators/world/")} == {"switch/clock.py"}

"""The day it is where the rules of a test's programme say. Asked in each test: a run may go past midnight.

A test does not: it begins on the day on which it ends (`within_a_day` in tests/conftest.py).
"""

import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from tests.patience import HANG_S

ZONE: Final = "Europe/Warsaw"


def today(zone: str = ZONE) -> date:
    """Return the day it is in a time zone."""
    return datetime.now(ZoneInfo(zone)).date()


def clear_of_midnight(*zones: tzinfo | None) -> None:
    """Where the day is nearly over in one of the time zones (None: the machine's), wait until it is."""
    for zone in zones or (ZoneInfo(ZONE), UTC, None):
        now = datetime.now(zone)
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), zone).timestamp()
        if midnight - now.timestamp() < HANG_S:
            while time.time() < midnight:
                time.sleep(0.1)
